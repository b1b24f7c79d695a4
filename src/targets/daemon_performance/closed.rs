use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::plan::{Figure, Plan, PlanError, failed};
use crate::experiment::{ClosedLoop, ClosedRound, Role, SystemProcess, Threads};
use crate::measure::Reading;
use crate::results::daemon_performance::{ClosedFigure, Ratio, SystemThroughput};
use crate::stats::{RatioEstimate, median};
use crate::sut::{HandlerWork, Publishing};

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

/// One of those that are compared.
struct Contender {
    name: String,
    role: Role,
    process: SystemProcess,
    rounds: Vec<ClosedRound>,
}

/// Rounds of all systems, interleaved in random order, each with a fresh instance.
pub(super) fn take(
    plan: &mut Plan<'_>,
    figure: &Figure,
    spec: ClosedLoop,
) -> Result<ClosedFigure, PlanError> {
    let mut contenders = start(plan, figure, spec.publishing)?;
    let rounds = plan.settings.rounds;
    interleave(plan, figure, &mut contenders, &spec, rounds)?;
    Ok(ClosedFigure {
        name: figure.name(),
        scenario: plan.facts(figure, spec.events),
        threads: spec.threads,
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
    let start = |entry: &crate::experiment::Entry| {
        let process = plan.start(&entry.name, figure)?;
        Ok(Contender { name: entry.name.clone(), role: entry.role, process, rounds: Vec::new() })
    };
    plan.lineup.under(publishing).map(start).collect()
}

fn interleave(
    plan: &Plan<'_>,
    figure: &Figure,
    contenders: &mut [Contender],
    spec: &ClosedLoop,
    rounds: usize,
) -> Result<(), PlanError> {
    let mut draw = ChaCha8Rng::seed_from_u64(plan.settings.seed);
    for _ in 0..rounds {
        for position in shuffled(contenders.len(), &mut draw) {
            plan.check_interrupt(figure)?;
            let contender = &mut contenders[position];
            let round = contender.process.closed(spec).map_err(|source| failed(figure, source))?;
            contender.rounds.push(round);
        }
    }
    Ok(())
}

/// 0 … len − 1 in random order (Fisher–Yates).
fn shuffled(len: usize, draw: &mut ChaCha8Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    for last in (1..len).rev() {
        order.swap(last, (draw.next_u64() % (last as u64 + 1)) as usize);
    }
    order
}

fn summary(contender: &Contender) -> SystemThroughput {
    let rounds = &contender.rounds;
    let events_per_second: Vec<f64> = rounds.iter().map(ClosedRound::events_per_second).collect();
    let deliveries: Vec<f64> = rounds.iter().map(ClosedRound::deliveries_per_second).collect();
    let cpu: Vec<f64> = rounds.iter().filter_map(|round| round.cpu_percent().value().copied()).collect();
    let failed: u64 = rounds.iter().map(|round| round.failed).sum();
    let acknowledged: u64 = rounds.iter().map(|round| round.deliveries).sum();
    #[allow(clippy::cast_precision_loss)] // far below 2⁵³
    let percent = |part: u64| 100.0 * part as f64 / (acknowledged + failed).max(1) as f64;
    let peaks: Vec<&Reading<u64>> = rounds.iter().map(|round| &round.peak_memory).collect();
    SystemThroughput {
        system: contender.name.clone(),
        role: contender.role,
        events_per_second: median(&events_per_second).unwrap_or_default(),
        deliveries_per_second: median(&deliveries).unwrap_or_default(),
        rounds: events_per_second,
        success_percent: percent(acknowledged),
        error_percent: percent(failed),
        cpu_percent: median(&cpu).map_or_else(|| Reading::absent("no round has it"), Reading::Value),
        peak_memory: largest(&peaks),
    }
}

/// The largest; absent if any is.
fn largest(peaks: &[&Reading<u64>]) -> Reading<u64> {
    let absent = peaks.iter().find_map(|peak| peak.why());
    let largest = peaks.iter().filter_map(|peak| peak.value()).max();
    match (absent, largest) {
        (None, Some(&largest)) => Reading::Value(largest),
        (why, _) => Reading::absent(why.unwrap_or("no rounds")),
    }
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
    let estimate = estimate.map_err(|source| PlanError::Ratio { figure: figure.name(), source })?;
    Ok(Ratio { system: system.name.clone(), over: over.name.clone(), estimate })
}
