use std::path::Path;

use crucible_profiles::{Difference, Measurement, Refusal, Result, WorkTree};

use super::check::released;
use super::costs::Profiles;
use super::{refuse_unknown, today};
use crate::judge::{self, Judgement, Side};
use crate::read::{Baseline, Bench, Policy, Project, Toolchain};

/// Which bench counts the systems of the other revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harness {
    /// That of this revision, kernels and all, around the other revision's systems: what differs is the systems.
    This,
    /// That of the other revision: what differs may also be how it is counted.
    Own,
}

/// Measures another revision and this one on this machine, and compares them.
pub fn against(project: &Project, revision: &str, words: &[String]) -> Result<Judgement> {
    let policy = Policy::read(&project.policy())?;
    let (toolchain, kernels) = parted(words)?;
    let target = project.target();
    // This one first: its list of kernels says whether the names are right, and a mistake here is the likelier one.
    let now = Bench::of(project, &target).with(toolchain.as_ref()).measure(&kernels)?;
    refuse_unknown(&kernels, &now.manifest.listed.iter().map(String::as_str).collect())?;

    let folder = target.join("regress");
    let tree = WorkTree::add(project.root(), revision, &folder.join("tree"))?;
    let there = Project::at(tree.root().to_owned(), folder.join("target/iai"));
    let (mut before, harness) =
        measured((&tree, &there), &folder.join("target"), toolchain.as_ref(), &kernels, &now)?;

    before.counts.retain(|kernel, _| kernels.is_empty() || kernels.contains(kernel));
    // Waivers and drift are the same whatever the counts are compared with.
    let standing = judge::standing(&policy, today());
    let drifts = match Baseline::read(&project.baseline())? {
        Some(baseline) => judge::drift(&baseline, released(project, &baseline)?.as_ref(), &policy),
        None => Vec::new(),
    };
    let mut judged = Judgement {
        against: format!("{revision} ({})", &tree.commit[..tree.commit.len().min(10)]),
        side: Side::Revision,
        notes: notes(harness, &before, &now),
        differences: Vec::new(),
        kernels: judge::compare(&before.counts, &now.counts, &policy, &standing),
        drifts,
        waiver_faults: Vec::new(),
        waivers: Vec::new(),
    };
    // Without this harness's options a profile does not tell what was inlined: functions could not be compared.
    if harness == Harness::This {
        let old = Profiles::of(&before);
        Profiles::of(&now).explain_regressions(&mut judged.kernels, |kernel| old.costs(kernel))?;
    }
    Ok(judged)
}

fn parted(words: &[String]) -> Result<(Option<Toolchain>, Vec<String>)> {
    let (toolchains, kernels): (Vec<_>, Vec<_>) =
        words.iter().cloned().partition(|word| word.starts_with('+'));
    match &toolchains[..] {
        [] => Ok((None, kernels)),
        [one] => Ok((Some(Toolchain(one[1..].to_owned())), kernels)),
        more => Err(Refusal::new(format!(
            "one toolchain builds both revisions, not {}: {}",
            more.len(),
            more.join(" ")
        ))),
    }
}

/// The systems of the other revision by this harness; if that does not compile, by its own.
fn measured(
    (tree, project): (&WorkTree, &Project),
    target: &Path,
    toolchain: Option<&Toolchain>,
    kernels: &[String],
    now: &Measurement,
) -> Result<(Measurement, Harness)> {
    let bench = Bench::of(project, target).with(toolchain);
    tree.take_this_harness()?;
    if bench.unlocked().build()? {
        return Ok((bench.unlocked().measure(kernels)?, Harness::This));
    }
    if crate::interrupted() {
        return Err(Refusal::new("interrupted"));
    }
    eprintln!("this harness does not compile around those systems; trying that revision's own");
    tree.take_own_harness()?;
    for kernel in &now.manifest.measured {
        project.place().forget(&kernel.id)?;
    }
    bench.run(&[])?;
    let place = project.place();
    let read = if place.manifest().exists() {
        Measurement::read(place)?
    } else {
        Measurement::without_manifest(place, now)?
    };
    Ok((read, Harness::Own))
}

fn notes(harness: Harness, before: &Measurement, now: &Measurement) -> Vec<String> {
    let mut notes = vec![match harness {
        Harness::This => "counted by this harness around either revision's systems".to_owned(),
        Harness::Own => {
            "each revision counted by its own harness: a difference may be the harness's, not the systems'"
                .to_owned()
        }
    }];
    for difference in before.manifest.fingerprint.differences(&now.manifest.fingerprint) {
        let Difference { part, baseline, now } = difference;
        notes.push(format!("{part}: {baseline} there, {now} here"));
    }
    notes
}
