use std::time::Duration;

use super::closed;
use super::plan::{Figure, Plan};
use crate::experiment::{Due, Entry, OpenLoop, Role, Threads};
use crate::load::EventPattern;
use crate::results::daemon_performance::{GRADED_RATE, LatencyFigure, SystemLatency};
use crate::sut::{HandlerWork, Publishing};
use crate::targets::PlanError;

/// Of what the slower system does closed loop, the part that is offered to both.
const PART_OF_SLOWER: f64 = 0.8;

/// What one pacing thread offers with its rate kept and a lag below 100 µs while the machine's cores
/// are busy, events/s. Beyond, the part of the slower system's rate is smaller than asked for, and the
/// figure says so.
const PACER_LIMIT: f64 = 150_000.0;

/// Runs of a load until it was offered as it was meant. Whether it was says something of the pacer and the machine, not of the
/// system: to try again chooses no latencies.
const TRIES: u32 = 3;

/// Rounds from which the slower system's rate is estimated.
const RATE_ROUNDS: usize = 5;

/// As recorded, or else at both rates; each system on its own, one after the other.
pub(super) fn take(
    plan: &mut Plan<'_>,
    figure: &Figure,
    threads: Threads,
) -> Result<Vec<LatencyFigure>, PlanError> {
    if figure.workload().trace().is_some() {
        return Ok(vec![as_recorded(plan, figure, threads)?]);
    }
    let spec = closed::spec(plan, threads, Publishing::Batch, HandlerWork::None, usize::MAX);
    let rates = closed::throughputs(plan, figure, &spec, RATE_ROUNDS.min(plan.settings.rounds))?;
    let slower = rates.into_iter().fold(f64::INFINITY, f64::min);
    let near_limit = (PART_OF_SLOWER * slower).min(PACER_LIMIT);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and PACER_LIMIT
    let near_limit = near_limit as u64;
    let mut taken = Vec::new();
    for (rate, follows_slower) in [(GRADED_RATE, false), (near_limit, true)] {
        taken.push(at_rate(plan, figure, threads, rate, follows_slower.then_some(slower))?);
    }
    Ok(taken)
}

fn at_rate(
    plan: &mut Plan<'_>,
    figure: &Figure,
    threads: Threads,
    rate: u64,
    slower: Option<f64>,
) -> Result<LatencyFigure, PlanError> {
    let pattern = EventPattern::Steady { events_per_second: rate, duration_secs: plan.settings.offered_secs };
    let systems = all(plan, figure, threads, Due::By(pattern))?;
    #[allow(clippy::cast_precision_loss)] // rates are far below 2⁵³
    let percent_of_slower = slower.map(|slower| 100.0 * rate as f64 / slower);
    let (name, scenario) = (figure.name(), plan.facts(figure, usize::MAX)?);
    let events_per_second = rate;
    Ok(LatencyFigure { name, scenario, threads, events_per_second, speed: None, percent_of_slower, systems })
}

fn as_recorded(plan: &mut Plan<'_>, figure: &Figure, threads: Threads) -> Result<LatencyFigure, PlanError> {
    let speed = plan.settings.speed;
    let events_per_second = plan.workload(figure)?.mean_rate(speed);
    let at_least = Duration::from_secs(plan.settings.offered_secs);
    let systems = all(plan, figure, threads, Due::AsRecorded { speed, at_least })?;
    Ok(LatencyFigure {
        name: figure.name(),
        scenario: plan.facts(figure, usize::MAX)?,
        threads,
        events_per_second,
        speed: Some(speed),
        percent_of_slower: None,
        systems,
    })
}

fn all(
    plan: &Plan<'_>,
    figure: &Figure,
    threads: Threads,
    due: Due,
) -> Result<Vec<SystemLatency>, PlanError> {
    let spec = OpenLoop { threads, work: HandlerWork::None, due };
    let mut systems = Vec::new();
    for entry in plan.lineup.entries().iter().filter(|entry| !matches!(entry.role, Role::Reference(_))) {
        systems.push(one(plan, figure, entry, &spec)?);
    }
    Ok(systems)
}

fn one(plan: &Plan<'_>, figure: &Figure, entry: &Entry, spec: &OpenLoop) -> Result<SystemLatency, PlanError> {
    let mut process = plan.start(&entry.name, figure)?;
    let mut thrown_away = 0;
    loop {
        plan.check_interrupt(figure)?;
        let run = process.open(spec).map_err(|source| PlanError::new(figure.name(), source))?;
        if run.pacing.valid().is_ok() || thrown_away + 1 == TRIES {
            return Ok(SystemLatency { system: entry.name.clone(), role: entry.role, run, thrown_away });
        }
        thrown_away += 1;
    }
}
