use super::figure::{Size, sizes};
use super::growth::growth;
use super::{Figure, Plan};
use crate::experiment::{ClosedLoop, Contender, OfferedLoad, Role, Trial, interleave};
use crate::load::Arrivals;
use crate::measure::{LatencySummary, Reading};
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
    let mut contenders = Vec::new();
    for entry in plan.lineup.under(spec.publishing) {
        // References know who gets the first event, the second, and so on: there must be a first.
        if matches!(entry.role, Role::Reference(_)) && spec.publishers > 1 {
            continue;
        }
        contenders.push(Contender::new(entry, plan.start(entry, &spec.scenario, figure)?));
    }
    let &Size { threads, publishers, publishing, work, .. } = spec;
    let closed =
        ClosedLoop { threads, publishers, publishing, work, events: usize::MAX, at_least: settings.round };
    let taken = interleave(&mut contenders, &closed, settings.rounds, settings.seed, plan.interrupted);
    taken.map_err(|why| PlanError::new(figure.name(), why))?;
    let offered = load_for(&contenders);
    let mut systems = Vec::new();
    for contender in &mut contenders {
        plan.check_interrupt(figure)?;
        let (latency, floor_ns) = latency(plan, figure, contender, spec, offered)?;
        systems.push(SystemPoint { closed: summary(contender), latency, floor_ns });
    }
    Ok(Point {
        size: spec.size,
        beyond_cores: dimension == Dimension::Workers && threads.0 > settings.cores,
        scenario: scenario_facts(&spec.scenario, settings.seed),
        threads,
        offered,
        systems,
    })
}

/// Part of what the slowest does that is no reference.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 1 to some millions
fn load_for(contenders: &[Contender]) -> u64 {
    let choices = contenders.iter().filter(|contender| !matches!(contender.role, Role::Reference(_)));
    let slowest = choices.map(|contender| summary(contender).events_per_second).fold(f64::INFINITY, f64::min);
    let load = LOAD * slowest;
    if load.is_finite() { load.max(1.0) as u64 } else { 1 }
}

/// Of one system under that load, with a fresh instance, and the floor under it.
fn latency(
    plan: &Plan<'_>,
    figure: &Figure,
    contender: &mut Contender,
    spec: &Size,
    offered: u64,
) -> Result<(Reading<LatencySummary>, Option<u64>), PlanError> {
    let load = OfferedLoad {
        threads: spec.threads,
        publishers: spec.publishers,
        work: spec.work,
        arrivals: Arrivals::Poisson,
    };
    let process = &mut contender.process;
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
