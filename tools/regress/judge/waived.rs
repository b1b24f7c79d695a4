use std::collections::BTreeSet;

use crucible_profiles::Metric;
use jiff::civil::Date;
use serde::Serialize;

use super::{KernelVerdict, Verdict};
use crate::read::{Policy, Waiver};

/// The waivers that hold today.
#[derive(Debug, Clone, Default)]
pub struct Standing(BTreeSet<(String, Metric)>);

/// A waiver, or another setting of a kernel, that must go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaiverFault {
    /// As it is written.
    pub kernel: String,
    /// What is wrong, and what to do.
    pub what: String,
}

impl Standing {
    /// Whether a regression of this kernel is allowed.
    pub fn waives(&self, kernel: &str, metric: Metric) -> bool {
        self.0.contains(&(kernel.to_owned(), metric))
    }
}

/// Which waivers hold on the day `today`.
pub fn standing(policy: &Policy, today: Date) -> Standing {
    let holding = policy.waivers.iter().filter(|waiver| today <= waiver.until);
    Standing(holding.map(|waiver| (waiver.kernel.clone(), waiver.metric)).collect())
}

/// Settings that name none of the `known` kernels, and waivers that are past their day or that nothing needs. Of kernels
/// that were not compared nothing is said.
pub fn faults(
    policy: &Policy,
    kernels: &[KernelVerdict],
    known: &BTreeSet<&str>,
    today: Date,
) -> Vec<WaiverFault> {
    let find = |name: &str| kernels.iter().find(|kernel| kernel.kernel == name);
    let mut faults = Vec::new();
    let mut fault = |kernel: &str, what: String| faults.push(WaiverFault { kernel: kernel.to_owned(), what });
    let unknown: BTreeSet<_> = policy.named_kernels().filter(|name| !known.contains(name)).collect();
    for name in unknown {
        fault(name, "no kernel has this name; mend or remove it".to_owned());
    }
    for waiver in &policy.waivers {
        let Some(kernel) = find(&waiver.kernel) else { continue };
        if waiver.until < today {
            fault(&waiver.kernel, expired(waiver));
        } else if !is_needed(kernel, waiver.metric) {
            fault(
                &waiver.kernel,
                format!("the waiver is not used: its {} did not grow; remove it", waiver.metric),
            );
        }
    }
    faults
}

fn is_needed(kernel: &KernelVerdict, metric: Metric) -> bool {
    kernel.changes.iter().any(|change| change.metric == metric && change.verdict == Verdict::Waived)
}

fn expired(waiver: &Waiver) -> String {
    format!(
        "the waiver of its {} held until {} (\"{}\"); mend the kernel, or accept what it costs",
        waiver.metric, waiver.until, waiver.reason
    )
}
