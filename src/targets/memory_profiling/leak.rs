use std::collections::BTreeMap;
use std::path::Path;

use crucible_profiles::dhat::{Amount, Frame, Profile};

use super::plan::{Figure, Plan, PlanError, cycles_of};
use crate::analysis::leaks::{Growth, Residue, Verdict, holders, verdict};
use crate::experiment::{AtEnd, HeapRun};
use crate::results::memory_profiling::{LeakFigure, LeakSite};
use crate::sut::Publishing;
use crate::workload::Scenario;

/// Runs of growing length, as many as a verdict takes; if there is a leak, profiles of the last two tell the lines.
pub(super) fn look(
    plan: &Plan<'_>,
    figure: &Figure,
    system: &str,
    publishing: Publishing,
) -> Result<LeakFigure, PlanError> {
    let mut lengths = vec![plan.settings.cycles];
    let mut runs = Vec::new();
    let verdict = loop {
        let cycles = lengths[lengths.len() - 1];
        let run = run(plan, figure, system, publishing, cycles, None)?;
        runs.push(Residue::of(&run).expect("it counted to the end"));
        if runs.len() > 1
            && let Some(verdict) = verdict(&runs)
        {
            break verdict;
        }
        // No multiple of a period that something may have.
        lengths.push(cycles * 5 / 2);
    };
    let (sites, holders) = match (&verdict, &runs[..]) {
        (Verdict::Leaking(growth) | Verdict::Unclear(growth), [.., shorter, longer]) => {
            let lengths = &lengths[lengths.len() - 2..];
            (sites(plan, figure, system, publishing, lengths, growth)?, holders(shorter, longer))
        }
        _ => (Vec::new(), Vec::new()),
    };
    Ok(LeakFigure { name: figure.name(), system: system.to_owned(), verdict, runs, sites, holders })
}

fn run(
    plan: &Plan<'_>,
    figure: &Figure,
    system: &str,
    publishing: Publishing,
    cycles: u64,
    profile: Option<(&Path, AtEnd)>,
) -> Result<HeapRun, PlanError> {
    let profile = profile.map(|(file, at)| (file.to_owned(), at));
    let spec = cycles_of(publishing, usize::MAX, cycles, profile);
    plan.run(figure, system, &Scenario::MEDIUM, None, &spec)
}

/// Who asked for what the longer run holds more of.
fn sites(
    plan: &Plan<'_>,
    figure: &Figure,
    system: &str,
    publishing: Publishing,
    lengths: &[u64],
    growth: &Growth,
) -> Result<Vec<LeakSite>, PlanError> {
    let at = if growth.outlives_the_system { AtEnd::Closed } else { AtEnd::Open };
    let folder = tempfile::tempdir().map_err(|source| PlanError::Folder { figure: figure.name(), source })?;
    let mut held = Vec::new();
    for &cycles in lengths {
        let file = folder.path().join(format!("{cycles}.json"));
        let events = run(plan, figure, system, publishing, cycles, Some((&file, at)))?.events;
        let profile = Profile::read(&file);
        let profile = profile.map_err(|source| PlanError::Profile { figure: figure.name(), source })?;
        held.push((events, by_place(&profile)));
    }
    let [(few, before), (many, now)] = &held[..] else { return Ok(Vec::new()) };
    Ok(grown(before, now, many - few))
}

/// What is live in the end, by the place that asked for it.
fn by_place(profile: &Profile) -> BTreeMap<String, Amount> {
    let mut places: BTreeMap<String, Amount> = BTreeMap::new();
    for (figures, frames) in profile.stacks().filter(|(figures, _)| figures.end.blocks > 0) {
        let frames: Vec<_> = frames.iter().map(|&frame| profile.frame(frame)).collect();
        let own = frames.iter().find(|frame| is_own(frame)).or(frames.first());
        let held = places.entry(own.map_or_else(|| "unknown".to_owned(), place)).or_default();
        held.blocks += figures.end.blocks;
        held.bytes += figures.end.bytes;
    }
    places
}

/// Code of this project, or of whoever uses it, is named after its crate.
fn is_own(frame: &Frame<'_>) -> bool {
    frame.function.is_some_and(|function| function.contains("crucible_"))
}

/// `CrucibleCore::route (crucible_core/publish.rs:240)`.
fn place(frame: &Frame<'_>) -> String {
    let function = frame.function.or(frame.module).unwrap_or("a function without a name");
    match (frame.file, frame.line) {
        (Some(file), Some(line)) => format!("{function} ({file}:{line})"),
        _ => function.to_owned(),
    }
}

fn grown(before: &BTreeMap<String, Amount>, now: &BTreeMap<String, Amount>, events: u64) -> Vec<LeakSite> {
    let rate = |now: u64, before: u64| (now as f64 - before as f64) / events as f64;
    let mut sites: Vec<_> = now
        .iter()
        .map(|(place, now)| {
            let before = before.get(place).copied().unwrap_or_default();
            LeakSite {
                place: place.clone(),
                blocks_per_event: rate(now.blocks, before.blocks),
                bytes_per_event: rate(now.bytes, before.bytes),
            }
        })
        .filter(|site| site.blocks_per_event > 0.0 || site.bytes_per_event > 0.0)
        .collect();
    sites.sort_by(|a, b| {
        let by_blocks = b.blocks_per_event.total_cmp(&a.blocks_per_event);
        by_blocks.then(b.bytes_per_event.total_cmp(&a.bytes_per_event))
    });
    sites
}
