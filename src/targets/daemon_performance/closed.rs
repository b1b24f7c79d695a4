use super::plan::{Figure, Plan};
use crate::experiment::{ClosedLoop, Contender, Role, Threads};
use crate::measure::OneCore;
use crate::results::daemon_performance::{ClosedFigure, Ratio};
use crate::stats::RatioEstimate;
use crate::sut::{HandlerWork, Publishing};
use crate::targets::{PlanError, summary};

pub(super) fn spec(
    plan: &Plan<'_>,
    threads: Threads,
    publishing: Publishing,
    work: HandlerWork,
    events: usize,
) -> ClosedLoop {
    ClosedLoop { threads, publishers: 1, publishing, work, events, at_least: plan.settings.round }
}

/// Events of a pass when handlers take time: so many that the system which serves one delivery after
/// the other takes some 50 ms, or some 100 ms where it waits.
pub(super) fn events_for(work: HandlerWork) -> usize {
    match work {
        HandlerWork::None => 1_000,
        HandlerWork::Spin(time) => match time.as_micros() {
            0..=20 => 1_000,
            micros => usize::try_from(20_000 / micros).unwrap_or(usize::MAX).max(10),
        },
        HandlerWork::Await(_) => 20,
    }
}

/// Rounds of all systems, interleaved in random order, each with a fresh instance.
pub(super) fn take(
    plan: &mut Plan<'_>,
    figure: &Figure,
    spec: ClosedLoop,
) -> Result<ClosedFigure, PlanError> {
    let held = spec.threads.on_one_core();
    let mut contenders = start(plan, figure, spec.publishing)?;
    let rounds = plan.settings.rounds;
    interleave(plan, figure, &mut contenders, &spec, rounds)?;
    Ok(ClosedFigure {
        name: figure.name(),
        scenario: plan.facts(figure, spec.events)?,
        threads: spec.threads,
        core: OneCore::of(&held),
        publishing: spec.publishing,
        work: spec.work,
        systems: contenders.iter().map(summary).collect(),
        ratios: ratios(plan, figure, &contenders)?,
    })
}

/// What each system that is not a reference does closed loop, events/s: the median of a few rounds.
pub(super) fn throughputs(
    plan: &Plan<'_>,
    figure: &Figure,
    spec: &ClosedLoop,
    rounds: usize,
) -> Result<Vec<f64>, PlanError> {
    let mut contenders = start(plan, figure, spec.publishing)?;
    contenders.retain(|contender| !matches!(contender.role, Role::Reference(_)));
    interleave(plan, figure, &mut contenders, spec, rounds)?;
    Ok(contenders.iter().map(|contender| summary(contender).events_per_second).collect())
}

fn start(plan: &Plan<'_>, figure: &Figure, publishing: Publishing) -> Result<Vec<Contender>, PlanError> {
    let start =
        |entry: &crate::experiment::Entry| Ok(Contender::new(entry, plan.start(&entry.name, figure)?));
    plan.lineup.under(publishing).map(start).collect()
}

fn interleave(
    plan: &Plan<'_>,
    figure: &Figure,
    contenders: &mut [Contender],
    spec: &ClosedLoop,
    rounds: usize,
) -> Result<(), PlanError> {
    let taken = crate::experiment::interleave(contenders, spec, rounds, plan.settings.seed, plan.interrupted);
    taken.map_err(|why| PlanError::new(figure.name(), why))
}

/// Everybody else over the baseline, then the candidates over the reference.
fn ratios(plan: &Plan<'_>, figure: &Figure, contenders: &[Contender]) -> Result<Vec<Ratio>, PlanError> {
    let is = |wanted: fn(Role) -> bool| contenders.iter().filter(move |contender| wanted(contender.role));
    let baseline = is(|role| role == Role::Baseline);
    let reference = is(|role| matches!(role, Role::Reference(_)));
    let mut ratios = Vec::new();
    for over in baseline.chain(reference) {
        for system in is(|role| role == Role::Candidate) {
            ratios.push(ratio(plan, figure, system, over)?);
        }
    }
    Ok(ratios)
}

fn ratio(plan: &Plan<'_>, figure: &Figure, system: &Contender, over: &Contender) -> Result<Ratio, PlanError> {
    let pairs = system.rounds.iter().zip(&over.rounds);
    let logs: Vec<f64> = pairs.map(|(a, b)| (a.events_per_second() / b.events_per_second()).ln()).collect();
    let estimate = RatioEstimate::from_log_ratios(&logs, plan.taken.confidence);
    let estimate = estimate.map_err(|source| PlanError::new(figure.name(), source))?;
    Ok(Ratio { system: system.name.clone(), over: over.name.clone(), estimate })
}
