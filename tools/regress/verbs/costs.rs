use crucible_profiles::{Measurement, Metric, Result};

use crate::judge::{KernelVerdict, Verdict, explain, origins};
use crate::read::{Inlined, KernelCosts};

/// Reads profiles of a measurement when they are asked for.
pub struct Profiles<'a> {
    measurement: &'a Measurement,
    inlined: Inlined,
}

impl<'a> Profiles<'a> {
    pub fn of(measurement: &'a Measurement) -> Self {
        Self { measurement, inlined: Inlined::of(&measurement.manifest.program.path) }
    }

    /// As a baseline has them.
    pub fn costs(&self, kernel: &str) -> Result<KernelCosts> {
        Ok(KernelCosts::read(self.measurement, kernel, &self.inlined)?.thinned())
    }

    /// Fills in where each regression comes from.
    pub fn explain_regressions(
        &self,
        kernels: &mut [KernelVerdict],
        before: impl Fn(&str) -> Result<KernelCosts>,
    ) -> Result<()> {
        let grew = |verdict| matches!(verdict, Verdict::Regressed | Verdict::Waived);
        for kernel in kernels.iter_mut().filter(|kernel| grew(kernel.verdict)) {
            let metrics: Vec<Metric> = kernel
                .changes
                .iter()
                .filter(|change| grew(change.verdict))
                .map(|change| change.metric)
                .collect();
            let (functions, allocations) = explain(&before(&kernel.kernel)?, &self.costs(&kernel.kernel)?);
            kernel.origins = origins(&functions, &allocations, &metrics);
        }
        Ok(())
    }
}
