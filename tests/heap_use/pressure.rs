use std::path::PathBuf;

use crucible_perf::experiment::{Full, HeapSample, Still};
use crucible_perf::results::memory_profiling::{MemoryProfiling, PressureFigure};
use crucible_perf::sut::BUDGET;
use crucible_perf::targets::memory_profiling::{Figure, Plan, Settings, expected};

use crate::known::{SINK, only};
use crate::{Test, hold};

pub(crate) const TESTS: [Test; 2] = [
    ("pressure/too_large_for_mailboxes_that_count_deliveries", too_large_for_mailboxes),
    ("pressure/small_enough_for_a_mailbox", small_enough_for_a_mailbox),
];

const KIB: usize = 1024;

fn pressed(systems: &'static [&'static str], bytes: usize) -> Result<MemoryProfiling, String> {
    let lineup = only(systems);
    let (watch, profile) = (|_: &str, _: &str, _: HeapSample| (), |_: &str| PathBuf::new());
    let mut plan = Plan::new(&lineup, Settings::TRIAL, &|| false, &watch, &profile);
    plan.take(&Figure::Pressure(bytes)).map_err(|why| why.to_string())?;
    Ok(plan.taken)
}

fn figure<'a>(taken: &'a MemoryProfiling, system: &str, on_full: Full) -> Result<&'a PressureFigure, String> {
    let mut figures = taken.pressure.iter();
    let found = figures.find(|figure| figure.system == system && figure.on_full == on_full);
    let found = found.ok_or_else(|| format!("no figure of {system}, {on_full:?}"))?;
    let last = &found.last;
    // Died meanwhile, it may have published some of which it could not tell.
    hold(last.accepted + last.refused <= last.published && last.heap <= found.limit, || {
        format!("{found:?}")
    })?;
    Ok(found)
}

fn too_large_for_mailboxes() -> Result<(), String> {
    let taken = pressed(&["DataCoordinator", "CrucibleCore", "CrucibleCore-16MiB", SINK], 64 * KIB)?;
    expected(&taken)?;
    for (system, on_full) in [("DataCoordinator", Full::Wait), ("CrucibleCore", Full::Refuse)] {
        let died = figure(&taken, system, on_full)?;
        hold(died.died.is_some() && died.last.accepted > 0 && died.last.still.is_none(), || {
            format!("{died:?}")
        })?;
    }
    for on_full in [Full::Wait, Full::Refuse, Full::DropLowest] {
        let figure = figure(&taken, "CrucibleCore-16MiB", on_full)?;
        let (last, most) = (&figure.last, BUDGET / (64 * KIB as u64));
        let refuses = matches!(&last.still, Some(Still::Refuses { why }) if why.contains("bytes"));
        hold(figure.died.is_none() && refuses && last.refused >= 1_000, || format!("{figure:?}"))?;
        hold(last.accepted <= most && last.accepted + 2 > most, || format!("{most} at most, {figure:?}"))?;
    }
    // Four times the limit went by, and nothing of it is held.
    let holds = figure(&taken, SINK, Full::Refuse)?;
    hold(holds.last.still == Some(Still::Holds) && holds.last.accepted == 4 * 512, || format!("{holds:?}"))
}

fn small_enough_for_a_mailbox() -> Result<(), String> {
    let taken = pressed(&["CrucibleCore"], KIB)?;
    expected(&taken)?;
    let of = |on_full| figure(&taken, "CrucibleCore", on_full).map(|figure| figure.last.clone());
    let [waits, refuses, drops] = [of(Full::Wait)?, of(Full::Refuse)?, of(Full::DropLowest)?];
    hold(waits.still == Some(Still::Blocks) && waits.shed == 0, || format!("{waits:?}"))?;
    let full = Still::Refuses { why: "the service's queue is full".to_owned() };
    hold(refuses.still == Some(full.clone()) && refuses.shed == 0, || format!("{refuses:?}"))?;
    hold(drops.still == Some(full) && drops.shed > 0 && drops.accepted > refuses.accepted, || {
        format!("{drops:?}")
    })
}
