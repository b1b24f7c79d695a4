use std::path::PathBuf;

use crucible_perf::experiment::HeapSample;
use crucible_perf::results::memory_profiling::{LeakFigure, MemoryProfiling, Verdict};
use crucible_perf::sut::Publishing;
use crucible_perf::targets::memory_profiling::{Figure, Plan, Settings, expected};
use crucible_perf::targets::{Failure, PlanError};

use crate::known::{EVERY, HOLDER, LEAKING, SINK, SLOWING, only, planted};
use crate::{Test, hold};

pub(crate) const TESTS: [Test; 5] = [
    ("leaks/found_at_their_line_and_holder", found_at_their_line_and_holder),
    ("leaks/unclear_is_refused", unclear_is_refused),
    ("leaks/clean_is_clean", clean_is_clean),
    ("plan/after_an_error_nothing_of_a_figure_is_kept", after_an_error_nothing_of_a_figure_is_kept),
    ("plan/interrupted_it_takes_nothing", interrupted_it_takes_nothing),
];

const SETTINGS: Settings = Settings { cycles: 8, ..Settings::USUAL };

const LEAK: Figure = Figure::Leak(Publishing::Batch);

fn no_profile(_: &str) -> PathBuf {
    unreachable!("only for a profile")
}

/// What a plan takes of these systems, and how it ended.
fn take(
    systems: &'static [&'static str],
    figure: &Figure,
    interrupted: bool,
) -> (MemoryProfiling, Result<(), PlanError>) {
    let lineup = only(systems);
    let (interrupted, watch) = (|| interrupted, |_: &str, _: &str, _: HeapSample| ());
    let mut plan = Plan::new(&lineup, SETTINGS, &interrupted, &watch, &no_profile);
    let ended = plan.take(figure);
    (plan.taken, ended)
}

/// Of one system, and what a test says of it.
fn leak(system: &'static [&'static str; 1]) -> Result<(LeakFigure, Result<(), String>), String> {
    let (taken, ended) = take(system, &LEAK, false);
    ended.map_err(|why| why.to_string())?;
    let said = expected(&taken);
    let figure = taken.leaks.into_iter().next().ok_or("no figure")?;
    Ok((figure, said))
}

fn found_at_their_line_and_holder() -> Result<(), String> {
    let (figure, said) = leak(&[LEAKING])?;
    let place = format!("known.rs:{})", planted());
    let site = figure.sites.first().ok_or("no site")?;
    hold(site.place.ends_with(&place), || format!("{site:?}, not {place}"))?;
    let rate = 1.0 / EVERY as f64;
    hold(site.blocks_per_event == rate && site.bytes_per_event == 24.0 * rate, || format!("{site:?}"))?;
    hold(figure.holders == [(HOLDER.to_owned(), rate)], || format!("{:?}", figure.holders))?;
    let Verdict::Leaking(growth) = figure.verdict else { return Err(format!("{:?}", figure.verdict)) };
    hold(!growth.outlives_the_system && growth.blocks_per_event == rate, || format!("{growth:?}"))?;
    let said = said.err().ok_or("a test that passes with a leak")?;
    hold(said.contains("leaks, asked for by") && said.contains(&place), || said.clone())
}

fn unclear_is_refused() -> Result<(), String> {
    let (figure, said) = leak(&[SLOWING])?;
    hold(matches!(figure.verdict, Verdict::Unclear(_)), || format!("{:?}", figure.verdict))?;
    let said = said.err().ok_or("a test that passes and does not know")?;
    hold(said.contains("grows ever more slowly"), || said.clone())
}

fn clean_is_clean() -> Result<(), String> {
    let (figure, said) = leak(&["reference-batched"])?;
    hold(figure.verdict == Verdict::Clean && figure.runs.len() == 2, || format!("{:?}", figure.verdict))?;
    let left = figure.runs.iter().map(|run| run.closed.blocks).sum::<u64>();
    hold(left == 0, || format!("{left} blocks are left"))?;
    hold(figure.sites.is_empty() && figure.holders.is_empty(), || {
        format!("{:?}, {:?}", figure.sites, figure.holders)
    })?;
    said
}

/// The first system of the two gives a figure.
fn after_an_error_nothing_of_a_figure_is_kept() -> Result<(), String> {
    for figure in [LEAK, Figure::Payload(1)] {
        let (taken, ended) = take(&["reference-batched", SINK], &figure, false);
        let Err(PlanError { figure: named, why: Failure::Process(source) }) = ended else {
            return Err(format!("{ended:?}"));
        };
        hold(named == figure.name() && source.to_string().contains(SINK), || format!("{named}: {source}"))?;
        hold(taken == MemoryProfiling::default(), || format!("{taken:?}"))?;
    }
    Ok(())
}

fn interrupted_it_takes_nothing() -> Result<(), String> {
    for figure in [LEAK, Figure::Stability, Figure::Pressure(1024)] {
        let (taken, ended) = take(&["CrucibleCore"], &figure, true);
        hold(ended.as_ref().is_err_and(PlanError::is_interruption), || format!("{ended:?}"))?;
        hold(taken == MemoryProfiling::default(), || format!("{taken:?}"))?;
    }
    Ok(())
}
