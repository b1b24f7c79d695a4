use crucible_profiles::{Counts, Metric, Refusal, Result};
use serde::Serialize;

use super::baseline;
use crate::read::{PPM_PER_PERCENT, Policy, Project};

/// What is held.
#[derive(Debug, Clone, Serialize)]
pub struct Listing {
    /// In the order of their names.
    pub kernels: Vec<Listed>,
}

/// One kernel of the baseline.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    /// Its name.
    pub kernel: String,
    /// Its counts.
    pub counts: Counts,
    /// Allowed for its instructions, in per cent.
    pub tolerance_percent: f64,
    /// When, and why its counts were accepted last.
    pub accepted: Option<String>,
    /// Until when which metric of it is waived, and why.
    pub waivers: Vec<String>,
}

/// The kernels of the baseline that contain one of the filters, or all.
pub fn list(project: &Project, filters: &[String]) -> Result<Listing> {
    let (policy, baseline) = (Policy::read(&project.policy())?, baseline(&project.baseline())?);
    let chosen = |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(&**filter));
    let chosen = baseline.kernels.into_iter().filter(|(name, _)| chosen(name));
    let kernels: Vec<_> = chosen
        .map(|(name, kernel)| Listed {
            counts: kernel.counts,
            tolerance_percent: policy.tolerance_ppm(&name, Metric::Instructions).unwrap_or(0) as f64
                / PPM_PER_PERCENT,
            accepted: kernel.accepted.last().map(|last| format!("{} {}", last.date, last.reason)),
            waivers: policy
                .waivers
                .iter()
                .filter(|waiver| waiver.kernel == name)
                .map(|waiver| format!("{} until {}: {}", waiver.metric, waiver.until, waiver.reason))
                .collect(),
            kernel: name,
        })
        .collect();
    if kernels.is_empty() && !filters.is_empty() {
        return Err(Refusal::new(format!("no kernel contains {}", filters.join(" or "))));
    }
    Ok(Listing { kernels })
}
