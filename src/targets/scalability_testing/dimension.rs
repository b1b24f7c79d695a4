use super::figure::{Size, sizes};
use super::growth::growth;
use super::{Figure, Plan};
use crate::experiment::{ClosedLoop, Contender, Entry, OfferedLoad, Role, Trial, interleave};
use crate::load::Arrivals;
use crate::measure::{LatencySummary, Reading};
use crate::results::daemon_performance::SystemThroughput;
use crate::results::scalability_testing::{Dimension, DimensionFigure, Point, SystemPoint};
use crate::targets::{PlanError, scenario_facts, summary};

/// Of the slower system's closed-loop throughput, the part that is offered to all: half is a load under which queues are
/// short, so that latency tells the path and not the queue.
const LOAD: f64 = 0.5;

/// Of all systems, from the smallest size to the largest.
pub(super) fn take(
    plan: &Plan<'_>,
    figure: &Figure,
    dimension: Dimension,
) -> Result<DimensionFigure, PlanError> {
    let settings = &plan.settings;
    let sizes = sizes(dimension, settings.full, settings.cores);
    let spec = |size: usize| Size::of(dimension, size, settings.threads);
    let mut points = Vec::new();
    for &size in &sizes {
        (plan.show)(&format!("{size}"));
        points.push(point(plan, figure, dimension, &spec(size))?);
    }
    let Size { publishing, work, .. } = spec(sizes[0]);
    Ok(DimensionFigure {
        name: figure.name(),
        dimension,
        publishing,
        work,
        load_percent: 100.0 * LOAD,
        growth: growth(settings, dimension, &points),
        points,
    })
}

fn point(plan: &Plan<'_>, figure: &Figure, dimension: Dimension, spec: &Size) -> Result<Point, PlanError> {
    let settings = &plan.settings;
    let closed = closed(plan, figure, spec)?;
    let offered = load_for(&closed);
    let mut systems = Vec::new();
    for (entry, closed) in closed {
        let (latency, floor_ns) = latency(plan, figure, entry, spec, offered)?;
        systems.push(SystemPoint { closed, latency, floor_ns });
    }
    Ok(Point {
        size: spec.size,
        beyond_cores: dimension == Dimension::Workers && spec.threads.0 > settings.cores,
        scenario: scenario_facts(&spec.scenario, settings.seed),
        threads: spec.threads,
        offered,
        systems,
    })
}

/// Rounds of all systems, interleaved; with one thread on one core.
fn closed<'a>(
    plan: &Plan<'a>,
    figure: &Figure,
    spec: &Size,
) -> Result<Vec<(&'a Entry, SystemThroughput)>, PlanError> {
    let &Size { threads, publishers, publishing, work, .. } = spec;
    let _held = threads.on_one_core();
    // References know who gets the first event, the second, and so on: there must be a first.
    let takes_part = |entry: &&Entry| publishers == 1 || !matches!(entry.role, Role::Reference(_));
    let entries: Vec<&Entry> = plan.lineup.under(publishing).filter(takes_part).collect();
    let start = |entry: &&Entry| Ok(Contender::new(entry, plan.start(entry, &spec.scenario, figure)?));
    let mut contenders = entries.iter().map(start).collect::<Result<Vec<_>, PlanError>>()?;
    let rounds = ClosedLoop {
        threads,
        publishers,
        publishing,
        work,
        events: usize::MAX,
        at_least: plan.settings.round,
    };
    let (many, seed) = (plan.settings.rounds, plan.settings.seed);
    interleave(&mut contenders, &rounds, many, seed, plan.interrupted)
        .map_err(|why| PlanError::new(figure.name(), why))?;
    Ok(entries.into_iter().zip(contenders.iter().map(summary)).collect())
}

/// Part of what the slowest does that is no reference.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 1 to some millions
fn load_for(closed: &[(&Entry, SystemThroughput)]) -> u64 {
    let choices = closed.iter().filter(|(entry, _)| !matches!(entry.role, Role::Reference(_)));
    let slowest = choices.map(|(_, closed)| closed.events_per_second).fold(f64::INFINITY, f64::min);
    let load = LOAD * slowest;
    if load.is_finite() { load.max(1.0) as u64 } else { 1 }
}

/// Of one system under that load, in a process of its own, and the floor under it. Its pacer needs a core that the system leaves it.
fn latency(
    plan: &Plan<'_>,
    figure: &Figure,
    entry: &Entry,
    spec: &Size,
    offered: u64,
) -> Result<(Reading<LatencySummary>, Option<u64>), PlanError> {
    let load = OfferedLoad {
        threads: spec.threads,
        publishers: spec.publishers,
        work: spec.work,
        arrivals: Arrivals::Poisson,
    };
    let mut process = plan.start(entry, &spec.scenario, figure)?;
    process.begin_trials(&load).map_err(|source| PlanError::new(figure.name(), source))?;
    let trial = Trial::steady(offered, plan.settings.offered, plan.settings.seed);
    let run = process.trial(&trial).map_err(|source| PlanError::new(figure.name(), source))?;
    process.end_trials().map_err(|source| PlanError::new(figure.name(), source))?;
    let latency = match (run.median_lateness(), run.latency) {
        (Some(why), _) => Reading::absent(why),
        (None, None) => Reading::absent("nothing was delivered"),
        (None, Some(latency)) => Reading::Value(latency),
    };
    Ok((latency, run.pacing.lag.and_then(|lag| lag.p99)))
}
