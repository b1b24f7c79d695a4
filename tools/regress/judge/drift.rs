use std::collections::BTreeMap;

use crucible_profiles::Metric;
use serde::Serialize;

use crate::read::{Baseline, PPM_PER_PERCENT, Policy};

/// Changes of a kernel that were accepted one by one, and together are more than the budget.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drift {
    /// Which kernel.
    pub kernel: String,
    /// Which metric.
    pub metric: Metric,
    /// All accepted changes since the release, one upon the other, in per cent.
    pub percent: f64,
    /// What is allowed, in per cent.
    pub budget_percent: f64,
    /// How many changes these are.
    pub changes: usize,
}

/// What was accepted since the baseline `released`, where the budget is exceeded. Improvements give back. Changes of
/// circumstances do not count: they are none of the code's.
pub fn drift(baseline: &Baseline, released: Option<&Baseline>, policy: &Policy) -> Vec<Drift> {
    let mut drifts = Vec::new();
    for (name, kernel) in &baseline.kernels {
        let before = released.and_then(|released| released.kernels.get(name));
        let since = kernel
            .accepted
            .iter()
            .filter(|accepted| before.is_none_or(|before| !before.accepted.contains(accepted)));
        let mut sums = BTreeMap::<Metric, (f64, usize)>::new();
        for (&metric, &[from, to]) in since.flat_map(|accepted| &accepted.changes) {
            let sum = sums.entry(metric).or_insert((1.0, 0));
            // From nothing to something has no share; the zero tolerance of such metrics judges it by itself.
            sum.0 *= if from > 0 { to as f64 / from as f64 } else { 1.0 };
            sum.1 += 1;
        }
        for (metric, (factor, changes)) in sums {
            let Some(budget) = policy.drift_ppm(metric) else { continue };
            let (percent, budget_percent) = ((factor - 1.0) * 100.0, budget as f64 / PPM_PER_PERCENT);
            if percent > budget_percent {
                drifts.push(Drift { kernel: name.clone(), metric, percent, budget_percent, changes });
            }
        }
    }
    drifts
}
