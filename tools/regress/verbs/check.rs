use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crucible_profiles::{Counts, Measurement, Refusal, Result};

use super::costs::Profiles;
use super::{baseline, refuse_unknown, today};
use crate::judge::{self, Judgement, Side, Verdict};
use crate::read::{Baseline, Policy, Project};

/// Compares the last measurement with the baseline in `path`: all kernels, or those that are named.
pub fn check(project: &Project, kernels: &[String], path: &Path) -> Result<Judgement> {
    let policy = Policy::read(&project.policy())?;
    let baseline = baseline(path)?;
    let measurement = project.measurement()?;
    let names = names(&baseline, &measurement);
    refuse_unknown(kernels, &names)?;
    refuse_partial(&measurement, &baseline, kernels)?;

    let chosen = |name: &String| kernels.is_empty() || kernels.contains(name);
    let before: BTreeMap<String, Counts> = baseline
        .kernels
        .iter()
        .map(|(name, kernel)| (name.clone(), kernel.counts.clone()))
        .filter(|(name, _)| chosen(name))
        .collect();
    let now = measurement
        .counts
        .iter()
        .map(|(name, counts)| (name.clone(), counts.clone()))
        .filter(|(name, _)| chosen(name))
        .collect();
    let today = today();
    let standing = judge::standing(&policy, today);
    let mut judged = Judgement {
        against: project.shown(path),
        side: Side::Baseline,
        notes: Vec::new(),
        differences: baseline.fingerprint.differences(&measurement.manifest.fingerprint),
        kernels: judge::compare(&before, &now, &policy, &standing),
        drifts: Vec::new(),
        waiver_faults: Vec::new(),
        waivers: policy
            .waivers
            .iter()
            .map(|waiver| format!("{} until {}", waiver.kernel, waiver.until))
            .collect(),
    };
    if !judged.differences.is_empty() {
        for kernel in &mut judged.kernels {
            kernel.verdict = Verdict::Incomparable;
            kernel.changes.iter_mut().for_each(|change| change.verdict = Verdict::Incomparable);
        }
        return Ok(judged);
    }
    judged.waiver_faults = judge::faults(&policy, &judged.kernels, &names, today);
    let released = released(project, &baseline)?;
    judged.drifts = judge::drift(&baseline, released.as_ref(), &policy);
    judged.drifts.retain(|drift| chosen(&drift.kernel));
    Profiles::of(&measurement).explain_regressions(&mut judged.kernels, |kernel| {
        Ok(baseline.kernels.get(kernel).map(|kernel| kernel.costs.clone()).unwrap_or_default())
    })?;
    Ok(judged)
}

fn names<'a>(baseline: &'a Baseline, measurement: &'a Measurement) -> BTreeSet<&'a str> {
    baseline.kernels.keys().chain(&measurement.manifest.listed).map(String::as_str).collect()
}

/// What was not measured is not judged by what was.
fn refuse_partial(measurement: &Measurement, baseline: &Baseline, kernels: &[String]) -> Result<()> {
    let left_out = measurement.not_measured();
    let mut wanted =
        left_out.iter().filter(|name| kernels.is_empty() || kernels.iter().any(|kernel| kernel == *name));
    if let Some(first) = wanted.next() {
        return Err(Refusal::new(format!(
            "the measurement is partial: {} of {} kernels were measured, not `{first}`; run cargo bench --bench instructions, or name kernels to check",
            measurement.counts.len(),
            measurement.manifest.listed.len()
        )));
    }
    if measurement.counts.is_empty() {
        return Err(Refusal::new(
            "the measurement is empty: it lists no kernel; run cargo bench --bench instructions",
        ));
    }
    for (name, counts) in &measurement.counts {
        let Some(before) = baseline.kernels.get(name) else { continue };
        if let Some(metric) = before.counts.keys().find(|metric| !counts.contains_key(metric)) {
            return Err(Refusal::new(format!(
                "the measurement is partial: it has no {metric} of `{name}`; run cargo bench --bench instructions"
            )));
        }
    }
    Ok(())
}

/// The baseline of the last release: the nearest tag `v*` before this commit. Not asked for if nothing was accepted.
pub fn released(project: &Project, baseline: &Baseline) -> Result<Option<Baseline>> {
    if baseline.kernels.values().all(|kernel| kernel.accepted.is_empty()) {
        return Ok(None);
    }
    let Some(tag) = project.git(&["describe", "--tags", "--abbrev=0", "--match", "v*"]) else {
        return Ok(None);
    };
    let Some(text) = project.git(&["show", &format!("{tag}:ci/baseline.json")]) else { return Ok(None) };
    Baseline::parse(text.as_bytes())
        .map(Some)
        .map_err(|what| Refusal::new(format!("`ci/baseline.json` of the release {tag}: {what}")))
}
