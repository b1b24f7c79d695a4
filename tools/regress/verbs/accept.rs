use std::collections::BTreeMap;
use std::path::Path;

use crucible_profiles::{Counts, Measurement, Metric, Refusal, Result};

use super::check::released;
use super::costs::Profiles;
use super::{refuse_unknown, today};
use crate::judge::{self, KernelVerdict, Standing, Verdict};
use crate::read::{Accepted, Baseline, Bench, Kernel, Policy, Project, Rebased};

/// What was written, or that there was nothing to write.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Acceptance {
    /// The file.
    pub baseline: String,
    /// The kernels whose counts were replaced, with what they were compared with.
    pub kernels: Vec<KernelVerdict>,
    /// Circumstances that changed: all counts were taken anew.
    pub rebased: Vec<String>,
    /// Left as they were.
    pub unchanged: usize,
    /// Regressions that `--only-improvements` left as they were.
    pub not_accepted: Vec<String>,
}

/// Which changes become the baseline.
pub struct Wish<'a> {
    /// All kernels if none is named.
    pub kernels: &'a [String],
    /// Why.
    pub reason: &'a str,
    /// Only what costs less.
    pub only_improvements: bool,
}

/// Measures twice and writes what changed into the baseline in `path`.
pub fn accept(project: &Project, wish: &Wish<'_>, path: &Path) -> Result<Acceptance> {
    if wish.reason.trim().is_empty() {
        return Err(Refusal::new(
            "--reason is empty: say why the change is right, for those who read the baseline later",
        ));
    }
    let policy = Policy::read(&project.policy())?;
    let mut baseline = Baseline::read(path)?;
    let measurement = measured_twice(project, wish.kernels)?;
    refuse_gone(wish.kernels, &measurement, baseline.as_ref())?;
    refuse_unknown(wish.kernels, &measurement.manifest.listed.iter().map(String::as_str).collect())?;
    if wish.kernels.is_empty() && !measurement.not_measured().is_empty() {
        return Err(Refusal::new(format!("kernels are missing: {}", measurement.not_measured().join(", "))));
    }
    let fingerprint = &measurement.manifest.fingerprint;
    let parts: Vec<_> =
        baseline.iter().flat_map(|b| b.fingerprint.differences(fingerprint)).map(|d| d.part).collect();
    if !parts.is_empty() && (!wish.kernels.is_empty() || wish.only_improvements) {
        return Err(Refusal::new(format!(
            "the baseline holds for other circumstances ({}): all kernels have to be taken anew, cargo regress accept --reason …",
            parts.join(", ")
        )));
    }
    let released = baseline.as_ref().map(|baseline| released(project, baseline)).transpose()?.flatten();
    let known = baseline.get_or_insert_with(|| Baseline::new(fingerprint.clone()));
    let entry = Entry {
        date: today().to_string(),
        commit: project.git(&["rev-parse", "--short", "HEAD"]).unwrap_or_else(|| "none".to_owned()),
        reason: wish.reason.trim().to_owned(),
    };
    let acceptance = if parts.is_empty() {
        merge(known, released.as_ref(), &measurement, &policy, wish, &entry)?
    } else {
        rebase(known, &measurement, parts, &entry)?
    };
    let acceptance = Acceptance { baseline: project.shown(path), ..acceptance };
    if !acceptance.kernels.is_empty() || !acceptance.rebased.is_empty() {
        if crate::interrupted() {
            return Err(Refusal::new("interrupted"));
        }
        known.write(path)?;
    }
    Ok(acceptance)
}

fn refuse_gone(wanted: &[String], measurement: &Measurement, baseline: Option<&Baseline>) -> Result<()> {
    let held = |name: &&String| baseline.is_some_and(|baseline| baseline.kernels.contains_key(*name));
    let gone = |name: &&String| !measurement.manifest.listed.contains(*name);
    match wanted.iter().filter(held).find(gone) {
        Some(name) => Err(Refusal::new(format!(
            "`{name}` is in the baseline, but no kernel any more; what is gone leaves when no kernel is named: cargo regress accept --reason …"
        ))),
        None => Ok(()),
    }
}

struct Entry {
    date: String,
    commit: String,
    reason: String,
}

/// Counts that repeat are the only ones that can be held.
fn measured_twice(project: &Project, kernels: &[String]) -> Result<Measurement> {
    let target = project.target();
    let bench = Bench::of(project, &target);
    eprintln!("measuring, first of two runs");
    let first = bench.measure(kernels)?;
    eprintln!("measuring, second of two runs");
    let second = bench.measure(kernels)?;
    let exact = |counts: &Counts| -> Vec<(Metric, u64)> {
        counts
            .iter()
            .map(|(&metric, &count)| (metric, count))
            .filter(|(metric, _)| metric.is_exact())
            .collect()
    };
    let differs = |name: &&String| second.counts.get(*name).map(exact) != first.counts.get(*name).map(exact);
    let moving: Vec<_> =
        first.counts.keys().chain(second.counts.keys()).filter(differs).map(String::as_str).collect();
    if !moving.is_empty() {
        return Err(Refusal::new(format!(
            "two runs counted differently, so that nothing was written: {}",
            moving.join(", ")
        )));
    }
    Ok(second)
}

/// Replaces the counts of kernels that changed.
fn merge(
    baseline: &mut Baseline,
    released: Option<&Baseline>,
    measurement: &Measurement,
    policy: &Policy,
    wish: &Wish<'_>,
    entry: &Entry,
) -> Result<Acceptance> {
    let before: BTreeMap<_, _> =
        baseline.kernels.iter().map(|(name, kernel)| (name.clone(), kernel.counts.clone())).collect();
    let mut compared = judge::compare(&before, &measurement.counts, policy, &Standing::default());
    compared.retain(|kernel| wish.kernels.is_empty() || wish.kernels.contains(&kernel.kernel));
    let (unchanged, changed): (Vec<_>, Vec<_>) =
        compared.into_iter().partition(|kernel| kernel.verdict == Verdict::Unchanged);
    let (kernels, left): (Vec<_>, Vec<_>) = changed
        .into_iter()
        .partition(|kernel| !wish.only_improvements || kernel.verdict == Verdict::Improved);
    let profiles = Profiles::of(measurement);
    for kernel in &kernels {
        let name = &kernel.kernel;
        let Some(counts) = measurement.counts.get(name) else {
            baseline.kernels.remove(name);
            continue;
        };
        let old = baseline.kernels.remove(name).unwrap_or_default();
        let counts = if wish.only_improvements { lower(&old.counts, counts) } else { counts.clone() };
        // What the last release already had is in its own baseline.
        let of_release = released.and_then(|released| released.kernels.get(name));
        let is_new =
            |accepted: &Accepted| of_release.is_none_or(|release| !release.accepted.contains(accepted));
        let mut accepted: Vec<_> = old.accepted.into_iter().filter(is_new).collect();
        accepted.push(Accepted {
            date: entry.date.clone(),
            commit: entry.commit.clone(),
            reason: entry.reason.clone(),
            changes: changes(&old.counts, &counts),
        });
        let costs = profiles.costs(name)?;
        baseline.kernels.insert(name.clone(), Kernel { counts, accepted, costs });
    }
    let not_accepted = left.into_iter().map(|kernel| kernel.kernel).collect();
    Ok(Acceptance {
        baseline: String::new(),
        kernels,
        rebased: Vec::new(),
        unchanged: unchanged.len(),
        not_accepted,
    })
}

/// No limit is raised, not even by what its tolerance allows.
fn lower(old: &Counts, now: &Counts) -> Counts {
    now.iter().map(|(&metric, &now)| (metric, old.get(&metric).map_or(now, |&old| old.min(now)))).collect()
}

fn changes(before: &Counts, now: &Counts) -> BTreeMap<Metric, [u64; 2]> {
    let both = now.iter().filter_map(|(&metric, &now)| Some((metric, [*before.get(&metric)?, now])));
    both.filter(|(metric, [before, now])| metric.is_exact() && before != now).collect()
}

/// Takes all counts anew: they cannot be compared, so that no change is recorded for a kernel.
fn rebase(
    baseline: &mut Baseline,
    measurement: &Measurement,
    parts: Vec<String>,
    entry: &Entry,
) -> Result<Acceptance> {
    let profiles = Profiles::of(measurement);
    let mut kernels = BTreeMap::new();
    for (name, counts) in &measurement.counts {
        let accepted = baseline.kernels.remove(name).unwrap_or_default().accepted;
        kernels
            .insert(name.clone(), Kernel { counts: counts.clone(), accepted, costs: profiles.costs(name)? });
    }
    baseline.kernels = kernels;
    baseline.fingerprint = measurement.manifest.fingerprint.clone();
    let Entry { date, commit, reason } = entry;
    baseline.rebased.push(Rebased {
        date: date.clone(),
        commit: commit.clone(),
        reason: reason.clone(),
        parts: parts.clone(),
    });
    Ok(Acceptance {
        baseline: String::new(),
        kernels: Vec::new(),
        rebased: parts,
        unchanged: 0,
        not_accepted: Vec::new(),
    })
}
