use std::collections::BTreeMap;
use std::path::Path;

use crucible_profiles::dhat::{Amount, Place, Profile, Sites};

use super::plan::{Figure, Plan, cycles_of};
use crate::analysis::leaks::{TIMES_AS_LONG, holders, residue, verdict};
use crate::experiment::{AtEnd, HeapCycles, HeapRun};
use crate::results::memory_profiling::{Growth, LeakFigure, LeakSite, Verdict};
use crate::sut::Publishing;
use crate::targets::{Failure, PlanError};
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
        runs.push(residue(&run).expect("it counted to the end"));
        if runs.len() > 1
            && let Some(verdict) = verdict(&runs)
        {
            break verdict;
        }
        lengths.push(cycles * TIMES_AS_LONG);
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
    let spec = HeapCycles { gauges: profile.is_none(), ..cycles_of(publishing, usize::MAX, cycles, profile) };
    plan.run(figure, system, &Scenario::MEDIUM, &spec)
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
    let folder = tempfile::tempdir().map_err(|why| PlanError::new(figure.name(), Failure::Folder(why)))?;
    let mut held = Vec::new();
    for &cycles in lengths {
        let file = folder.path().join(format!("{cycles}.json"));
        let events = run(plan, figure, system, publishing, cycles, Some((&file, at)))?.events;
        let wrong = |why: String| PlanError::new(figure.name(), Failure::Profile(why));
        let profile = Profile::read(&file).map_err(|why| wrong(why.to_string()))?;
        let sites = Sites::new(profile, &[]).map_err(|why| wrong(why.to_string()))?;
        held.push((events, by_place(&sites)));
    }
    let [(few, before), (many, now)] = &held[..] else { return Ok(Vec::new()) };
    Ok(grown(before, now, many - few))
}

/// What is live in the end, by the place that asked for it: the first on each stack that is nobody else's.
fn by_place(sites: &Sites) -> BTreeMap<String, Amount> {
    let mut places: BTreeMap<String, Amount> = BTreeMap::new();
    for site in sites.by_chain(|figures| figures.end.blocks > 0) {
        let held = places.entry(told(sites.place(site.chain[0]))).or_default();
        held.blocks += site.figures.end.blocks;
        held.bytes += site.figures.end.bytes;
    }
    places
}

/// `crucible_events::…::CrucibleCore::route (crucible_core/publish.rs:240)`.
fn told(place: &Place) -> String {
    match place.location() {
        location if location.is_empty() => place.function.clone(),
        location => format!("{} ({location})", place.function),
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
