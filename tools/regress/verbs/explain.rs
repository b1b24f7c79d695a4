use std::path::Path;

use super::costs::Profiles;
use super::{baseline, refuse_unknown};
use crate::judge::{self, Explanation, Standing};
use crate::read::{Policy, Project};
use crucible_profiles::{Refusal, Result};

/// Compares one kernel of the last measurement with the baseline in `path`, by function. Circumstances that differ are
/// told, and do not hinder.
pub fn explain(project: &Project, kernel: &str, path: &Path) -> Result<Explanation> {
    let policy = Policy::read(&project.policy())?;
    let baseline = baseline(path)?;
    let measurement = project.measurement()?;
    let names = baseline.kernels.keys().chain(&measurement.manifest.listed).map(String::as_str);
    refuse_unknown(&[kernel.to_owned()], &names.collect())?;
    let Some(counts) = measurement.counts.get(kernel) else {
        return Err(Refusal::new(format!(
            "`{kernel}` was not measured; run cargo bench --bench instructions -- --exact {kernel}"
        )));
    };
    let before = baseline.kernels.get(kernel).cloned().unwrap_or_default();
    let now = Profiles::of(&measurement).costs(kernel)?;
    let one = |counts| [(kernel.to_owned(), counts)].into();
    let compared = judge::compare(&one(before.counts), &one(counts.clone()), &policy, &Standing::default());
    let (functions, allocations) = judge::explain(&before.costs, &now);
    Ok(Explanation {
        kernel: kernel.to_owned(),
        against: project.shown(path),
        differences: baseline.fingerprint.differences(&measurement.manifest.fingerprint),
        changes: compared.into_iter().flat_map(|kernel| kernel.changes).collect(),
        functions,
        allocations,
    })
}
