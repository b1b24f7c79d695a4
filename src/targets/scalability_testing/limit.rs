use super::figure::LimitSpec;
use super::{Figure, Plan};
use crate::analysis::bottleneck::judge;
use crate::experiment::bottleneck::{Look, observe};
use crate::experiment::search::{Landing, LongRun, Offer, confirm, overload, saturated, walk};
use crate::experiment::{ClosedLoop, Entry, OfferedLoad, ProcessError, Role, SystemProcess};
use crate::measure::Reading;
use crate::results::bottleneck::BottleneckFigure;
use crate::results::scalability_testing::{LimitFigure, LimitRatio, SystemLimit};
use crate::stats::{RatioEstimate, median, median_interval};
use crate::sut::Publishing;
use crate::targets::{PlanError, scenario_facts};

/// Of intervals and ratios.
const CONFIDENCE: f64 = 0.95;

/// Times the closed-loop throughput, where the first trial begins: no system does more of an open load.
const TOO_MUCH: f64 = 1.2;

/// Events of the closed-loop round that tells how much is too much.
const PILOT_EVENTS: usize = 200;

/// Steps down where theory is held to 5 %.
const NEAR_THEORY: f64 = 0.97;

/// A system whose limit is looked for.
struct Climber<'a> {
    entry: &'a Entry,
    process: SystemProcess,
    start: f64,
    landings: Vec<Landing>,
}

/// Staircases of all systems in turns, then each is confirmed and overloaded on its own.
pub(super) fn take(plan: &Plan<'_>, figure: &Figure, spec: LimitSpec) -> Result<LimitFigure, PlanError> {
    let load = OfferedLoad {
        threads: plan.settings.threads,
        publishers: 1,
        work: spec.work,
        arrivals: spec.arrivals,
    };
    let mut climbers = start(plan, figure, &spec, &load)?;
    let staircases = plan.settings.staircases;
    for number in 0..staircases {
        (plan.show)(&format!("staircase {} of {}", number + 1, staircases));
        staircase(plan, figure, &load, &mut climbers, number as u64)?;
    }
    let ratios = ratios(figure, &climbers)?;
    let long = match spec.theory {
        Some(_) => LongRun { next: NEAR_THEORY, attempts: 12, ..plan.settings.long },
        None => plan.settings.long,
    };
    let mut systems = Vec::new();
    for climber in climbers {
        systems.push(stand(plan, figure, &load, climber, (&long, spec.theory.is_none()))?);
    }
    Ok(LimitFigure {
        name: figure.name(),
        scenario: scenario_facts(&spec.scenario, plan.settings.seed),
        threads: load.threads,
        work: spec.work,
        arrivals: spec.arrivals,
        theory: spec.theory,
        p99_bound_ns: nanoseconds(plan.settings.long.p99),
        confirmed_for_ns: nanoseconds(plan.settings.long.lasting),
        systems,
        ratios,
    })
}

fn nanoseconds(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Processes, and where each had better begin.
fn start<'a>(
    plan: &Plan<'a>,
    figure: &Figure,
    spec: &LimitSpec,
    load: &OfferedLoad,
) -> Result<Vec<Climber<'a>>, PlanError> {
    let pilot = ClosedLoop {
        threads: load.threads,
        publishers: 1,
        publishing: Publishing::Batch,
        work: load.work,
        events: PILOT_EVENTS,
        at_least: plan.settings.round,
    };
    let mut climbers = Vec::new();
    for entry in plan.lineup.under(Publishing::Batch) {
        if matches!(entry.role, Role::Reference(_)) && !plan.settings.full {
            continue;
        }
        (plan.show)(&format!("{}: where to begin", entry.name));
        let mut process = plan.start(entry, &spec.scenario, figure)?;
        let closed = process.closed(&pilot).map_err(|source| PlanError::new(figure.name(), source))?;
        let too_much = TOO_MUCH * closed.events_per_second();
        process.begin_trials(load).map_err(|source| PlanError::new(figure.name(), source))?;
        let start = saturated(&mut process, too_much, plan.settings.walk.lasting, plan.settings.seed);
        let start = start.map_err(|why| PlanError::new(figure.name(), why))?;
        process.end_trials().map_err(|source| PlanError::new(figure.name(), source))?;
        climbers.push(Climber { entry, process, start, landings: Vec::new() });
    }
    Ok(climbers)
}

/// One staircase of each, with fresh instances.
fn staircase(
    plan: &Plan<'_>,
    figure: &Figure,
    load: &OfferedLoad,
    climbers: &mut [Climber<'_>],
    number: u64,
) -> Result<(), PlanError> {
    for climber in climbers.iter_mut() {
        climber.process.begin_trials(load).map_err(|source| PlanError::new(figure.name(), source))?;
    }
    let starts: Vec<f64> = climbers.iter().map(|climber| climber.start).collect();
    let mut offers: Vec<&mut dyn Offer> =
        climbers.iter_mut().map(|climber| &mut climber.process as &mut dyn Offer).collect();
    // Far apart, so that no two staircases draw the same arrivals.
    let seed = plan.settings.seed.wrapping_add(1_000 * (number + 1));
    let landings = walk(&mut offers, &starts, &plan.settings.walk, seed, plan.interrupted);
    for (climber, landing) in
        climbers.iter_mut().zip(landings.map_err(|why| PlanError::new(figure.name(), why))?)
    {
        climber.landings.push(landing);
        climber.process.end_trials().map_err(|source| PlanError::new(figure.name(), source))?;
    }
    Ok(())
}

/// What stands of what was found and, if asked for, what lies beyond it, with one fresh instance.
fn stand(
    plan: &Plan<'_>,
    figure: &Figure,
    load: &OfferedLoad,
    climber: Climber<'_>,
    (long, beyond): (&LongRun, bool),
) -> Result<SystemLimit, PlanError> {
    let Climber { entry, mut process, landings, .. } = climber;
    let rates: Vec<f64> = landings.iter().map(|landing| landing.rate).collect();
    let found = median(&rates).unwrap_or_default();
    let gave_up = landings.iter().filter(|landing| landing.pacer_gave_up).count();
    let seed = plan.settings.seed;
    (plan.show)(&format!("{}: {found:.0}/s for {} s", entry.name, long.lasting.as_secs()));
    process.begin_trials(load).map_err(|source| PlanError::new(figure.name(), source))?;
    let confirmed = confirm(&mut process, found, long, seed, plan.interrupted);
    let confirmed = confirmed.map_err(|why| PlanError::new(figure.name(), why))?;
    let mut overloaded = None;
    if let Some(rate) = confirmed.rate.filter(|_| beyond) {
        plan.check_interrupt(figure)?;
        (plan.show)(&format!("{}: beyond {rate}/s", entry.name));
        let run = overload(&mut process, rate as f64, &plan.settings.overload, seed);
        overloaded = Some(run.map_err(|why| PlanError::new(figure.name(), why))?);
    }
    process.end_trials().map_err(|source| PlanError::new(figure.name(), source))?;
    plan.check_interrupt(figure)?;
    (plan.show)(&format!("{}: what limits it", entry.name));
    let bottleneck = bottleneck(&mut process, load, &plan.settings.look);
    let bottleneck = bottleneck.map_err(|source| PlanError::new(figure.name(), source))?;
    Ok(SystemLimit {
        system: entry.name.clone(),
        role: entry.role,
        interval: median_interval(&rates, CONFIDENCE),
        found,
        pacer_gave_up: 2 * gave_up > landings.len(),
        landings,
        confirmed,
        overload: overloaded,
        bottleneck: Some(bottleneck),
    })
}

/// What limits it, of a fresh instance to which as much is published as it does.
fn bottleneck(
    process: &mut SystemProcess,
    load: &OfferedLoad,
    look: &Look,
) -> Result<Reading<BottleneckFigure>, ProcessError> {
    process.saturate(load)?;
    let observation = observe(process, load.threads.0, true, look)?;
    process.relieve()?;
    Ok(observation.map(|observation| BottleneckFigure { verdict: judge(&observation), observation }))
}

/// Candidates over the baseline; a bound is no limit to compare.
fn ratios(figure: &Figure, climbers: &[Climber<'_>]) -> Result<Vec<LimitRatio>, PlanError> {
    let is_limit = |climber: &&Climber<'_>| climber.landings.iter().all(|landing| !landing.pacer_gave_up);
    let Some(over) = climbers.iter().find(|climber| climber.entry.role == Role::Baseline).filter(is_limit)
    else {
        return Ok(Vec::new());
    };
    let candidates = climbers.iter().filter(|climber| climber.entry.role == Role::Candidate).filter(is_limit);
    let ratio = |climber: &Climber<'_>| {
        let pairs = climber.landings.iter().zip(&over.landings);
        let logs: Vec<f64> = pairs.map(|(a, b)| (a.rate / b.rate).ln()).collect();
        let estimate = RatioEstimate::from_log_ratios(&logs, CONFIDENCE);
        let estimate = estimate.map_err(|source| PlanError::new(figure.name(), source))?;
        Ok(LimitRatio { system: climber.entry.name.clone(), over: over.entry.name.clone(), estimate })
    };
    candidates.map(ratio).collect()
}
