use std::path::PathBuf;

use crucible_perf::experiment::{
    Assignment, AtEnd, HeapCycles, HeapRun, HeapSample, ProcessError, SystemProcess,
};
use crucible_perf::sut::Publishing;
use crucible_perf::workload::Scenario;
use crucible_profiles::dhat::Profile;

use crate::known::{EVERY, HOLDER, LEAKING, SINK};
use crate::{Test, hold};

pub(crate) const TESTS: [Test; 5] = [
    ("cycles/closed_systems_leave_nothing", closed_systems_leave_nothing),
    ("cycles/what_is_kept_is_counted_to_the_block", what_is_kept_is_counted_to_the_block),
    ("cycles/samples_and_sums", samples_and_sums),
    ("cycles/profiles_end_when_told", profiles_end_when_told),
    ("cycles/wrong_work_gives_no_figure", wrong_work_gives_no_figure),
];

/// Of which a cycle is.
const EVENTS: usize = 200;

fn spec() -> HeapCycles {
    let publishing = Publishing::Batch;
    HeapCycles {
        publishing,
        events: EVENTS,
        warm_up: 2,
        cycles: 4,
        sample_every: 80,
        gauges: true,
        profile: None,
    }
}

/// The run, and the samples that were shown meanwhile.
fn ran(system: &str, spec: &HeapCycles) -> Result<(HeapRun, Vec<HeapSample>), ProcessError> {
    let assignment = Assignment { system: system.to_owned(), workload: Scenario::MEDIUM.into(), seed: 42 };
    let mut shown = Vec::new();
    let run = SystemProcess::start_silent(&assignment)?.heap(spec, &mut |sample| shown.push(sample))?;
    Ok((run, shown))
}

fn run(system: &str, spec: &HeapCycles) -> Result<HeapRun, String> {
    ran(system, spec).map(|(run, _)| run).map_err(|why| why.to_string())
}

/// Looked at by their gauges or not: what is left would be the harness's, or leak.
fn closed_systems_leave_nothing() -> Result<(), String> {
    for system in ["DataCoordinator", "CrucibleCore", "CrucibleCore-16MiB", "reference-batched"] {
        for gauges in [true, false] {
            for publishing in [Publishing::Batch, Publishing::Single] {
                let left = run(system, &HeapCycles { gauges, publishing, ..spec() })?.left;
                let left = left.ok_or("counted to the end")?;
                hold((left.blocks.live, left.bytes.live) == (0, 0), || {
                    format!("{system}, {publishing}, gauges: {gauges}: {left:?}")
                })?;
            }
        }
    }
    Ok(())
}

fn what_is_kept_is_counted_to_the_block() -> Result<(), String> {
    let spec = spec();
    let run = run(LEAKING, &spec)?;
    let per_cycle = EVENTS as u64 / EVERY;
    let grown = run.after.since(&run.before);
    hold(grown.blocks.live == spec.cycles * per_cycle, || format!("{grown:?}"))?;
    hold(grown.bytes.live == 24 * spec.cycles * per_cycle, || format!("{grown:?}"))?;
    let held: Vec<u64> = run.quiet.windows(2).map(|pair| pair[1].blocks - pair[0].blocks).collect();
    hold(held == [per_cycle; 3], || format!("{:?}", run.quiet))?;
    // The least of the last half of the cycles is what was held after the third, the warm-up included.
    let told = run.gauges.iter().find(|entries| entries.structure == HOLDER).ok_or("it has a gauge")?;
    let least = (spec.warm_up + 3) * per_cycle;
    hold((told.least, told.bound) == (least, None), || format!("{told:?}, not {least}"))
}

fn samples_and_sums() -> Result<(), String> {
    let (run, shown) = ran("reference-batched", &spec()).map_err(|why| why.to_string())?;
    let at = |samples: &[HeapSample]| samples.iter().map(|sample| sample.events).collect::<Vec<_>>();
    let timeline: Vec<u64> =
        (0..4).flat_map(|cycle| [80, 160, 200].map(|events| cycle * 200 + events)).collect();
    hold(at(&run.timeline) == timeline, || format!("{:?}", run.timeline))?;
    hold(shown == run.timeline, || format!("shown: {shown:?}"))?;
    hold(at(&run.quiet) == [200, 400, 600, 800], || format!("{:?}", run.quiet))?;
    hold(run.events == 800, || format!("{} events", run.events))?;
    // Two of six cycles were the warm-up.
    let ledger = run.ledger;
    hold(ledger.acknowledged == ledger.accepted && 4 * ledger.accepted == 6 * run.deliveries, || {
        format!("{} deliveries, {ledger:?}", run.deliveries)
    })?;
    let again = ran("reference-batched", &spec()).map_err(|why| why.to_string())?.0;
    hold(again == run, || format!("not the same again: {again:?}, then {run:?}"))
}

/// With the system open its structures are live, and closed nothing is.
fn profiles_end_when_told() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|why| why.to_string())?;
    for (at, name) in [(AtEnd::Open, "open"), (AtEnd::Closed, "closed")] {
        let file: PathBuf = folder.path().join(name);
        let run = run(LEAKING, &HeapCycles { profile: Some((file.clone(), at)), ..spec() })?;
        hold(run.left.is_some() == (at == AtEnd::Closed), || format!("{at:?}: {:?}", run.left))?;
        let profile = Profile::read(&file).map_err(|why| why.to_string())?;
        let live: u64 = profile.stacks().map(|(figures, _)| figures.end.blocks).sum();
        hold((live > 0) == (at == AtEnd::Open), || format!("{at:?}: {live} blocks"))?;
    }
    Ok(())
}

fn wrong_work_gives_no_figure() -> Result<(), String> {
    match ran(SINK, &spec()) {
        Err(ProcessError::Failed { why, .. }) if why.contains("publishing announced") => Ok(()),
        other => Err(format!("{other:?}")),
    }
}
