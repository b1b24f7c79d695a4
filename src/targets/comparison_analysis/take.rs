use super::Case;
use super::plan::{Between, Plan, Settings};
use crate::analysis::comparison::{combined, judged, margin};
use crate::experiment::{
    Assignment, Blocks, Pair, PairRound, Paired, ProcessError, Shape, SystemProcess, UnknownSystem,
    pass_events, sized,
};
use crate::measure::{OneCore, Reading};
use crate::results::comparison_analysis::{Comparison, Judged, Pilot, Side};
use crate::results::daemon_performance::ScenarioFacts;
use crate::stats::{RatioEstimate, median, rounds_needed, sd_upper_bound};
use crate::targets::{PlanError, scenario_facts};
use crate::workload::Recipe;

/// Of the bound of the standard deviation, one-sided: with ten rounds it is 1.3 times what they show.
const SD_CONFIDENCE: f64 = 0.8;

/// A large effect need not be known to a per cent: to a fourth of itself (as a log ratio) is enough.
const PART_OF_EFFECT: f64 = 0.25;

/// Looks, pilots, plans, makes the rounds, judges.
pub(super) fn take(
    plan: &Plan<'_>,
    case: &Case,
    watch: &mut dyn FnMut(&str),
) -> Result<Comparison, PlanError> {
    let halted = |source| PlanError::new(&case.name, source);
    let held = case.threads.on_one_core();
    let start = || start(plan, case);
    let settings = &plan.settings;
    let mut paired = Paired::new(&start, settings.rounds_per_process, settings.seed, plan.interrupted);
    let load = (case.threads, case.publishing, case.work);
    let facts = scenario_facts(&case.scenario, settings.seed);
    let pass = pass_events(facts.events, (facts.rules, facts.fan_out), case.work, settings.sizing.block);
    let (blocks, shape) = sized(&mut paired, load, pass, &settings.sizing).map_err(halted)?;
    let piloted = paired.rounds(&blocks, shape, settings.pilot_rounds).map_err(halted)?;
    let pilot = pilot(plan, &piloted).map_err(|source| PlanError::new(&case.name, source))?;
    let wanted = planned(plan, &pilot);
    watch(&format!("{wanted} rounds"));
    let rounds = paired.rounds(&blocks, shape, wanted).map_err(halted)?;
    let core = OneCore::of(&held);
    compared(plan, (case, facts, core), (&blocks, shape), pilot, &rounds)
}

fn start(plan: &Plan<'_>, case: &Case) -> Result<Pair, ProcessError> {
    let assignment = |system: &str| Assignment {
        system: system.to_owned(),
        workload: Recipe::from(case.scenario.clone()),
        seed: plan.settings.seed,
    };
    let over = assignment(&case.over);
    let over = match &plan.between {
        Between::Revisions { program, .. } => SystemProcess::start_of(program, &over),
        Between::Systems => SystemProcess::start(&over),
    };
    Ok(Pair([SystemProcess::start(&assignment(&case.system))?, over?]))
}

fn logs(rounds: &[PairRound], of: fn(&PairRound) -> f64) -> Vec<f64> {
    rounds.iter().map(of).collect()
}

fn pilot(plan: &Plan<'_>, rounds: &[PairRound]) -> Result<Pilot, crate::stats::RatioError> {
    let method = &plan.taken.method;
    let quartile = logs(rounds, PairRound::log_ratio_by_quartile);
    let seen = RatioEstimate::from_log_ratios(&quartile, method.confidence)?;
    let effect = margin(method.relevant_percent).max(PART_OF_EFFECT * seen.ratio.ln().abs());
    let sd = |logs: &[f64]| sd_upper_bound(logs, SD_CONFIDENCE).unwrap_or_default();
    let quartile_sd = sd(&quartile);
    Ok(Pilot {
        rounds: rounds.len(),
        quartile_sd,
        total_sd: sd(&logs(rounds, PairRound::log_ratio_by_total)),
        effect,
        rounds_needed: rounds_needed(quartile_sd, effect, method.confidence, Settings::POWER),
    })
}

/// As many as the pilot asks for, within the bounds, and never so few that there is no interval.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // some dozens
fn planned(plan: &Plan<'_>, pilot: &Pilot) -> usize {
    let settings = &plan.settings;
    // n rounds reach at most 1 − 2/2^n.
    let for_an_interval = (2.0 / (1.0 - plan.taken.method.confidence)).log2().ceil() as usize;
    let least = settings.least_rounds.max(for_an_interval).min(settings.most_rounds);
    pilot.rounds_needed.clamp(least, settings.most_rounds)
}

fn compared(
    plan: &Plan<'_>,
    (case, facts, core): (&Case, ScenarioFacts, Reading<usize>),
    (blocks, shape): (&Blocks, Shape),
    pilot: Pilot,
    rounds: &[PairRound],
) -> Result<Comparison, PlanError> {
    let method = &plan.taken.method;
    let judge = |of: fn(&PairRound) -> f64| -> Result<Judged, PlanError> {
        let estimate = RatioEstimate::from_log_ratios(&logs(rounds, of), method.confidence);
        let estimate = estimate.map_err(|source| PlanError::new(&case.name, source))?;
        Ok(judged(estimate, method.relevant_percent))
    };
    let quartile = judge(PairRound::log_ratio_by_quartile)?;
    let total = judge(PairRound::log_ratio_by_total)?;
    let (verdict, why, disagreement) = combined(&quartile, &total, &pilot, rounds.len());
    let revision = match &plan.between {
        Between::Revisions { revision, .. } => Some(revision.clone()),
        Between::Systems => None,
    };
    let block_events = blocks.pass * blocks.passes;
    let events = (block_events * shape.pairs) as f64;
    let side = |system: &str, revision, at| {
        let made = side(plan, system, revision, (at, block_events as f64, events), rounds);
        made.map_err(|unknown| PlanError::new(&case.name, unknown))
    };
    Ok(Comparison {
        name: case.name.clone(),
        aspect: case.aspect,
        scenario: facts,
        threads: case.threads,
        core,
        publishing: case.publishing,
        work: case.work,
        block_events,
        pass_events: Reading::Value(blocks.pass),
        pairs: shape.pairs,
        system: side(&case.system, None, 0)?,
        over: side(&case.over, revision, 1)?,
        pilot,
        quartile,
        total,
        verdict,
        why,
        disagreement,
    })
}

fn side(
    plan: &Plan<'_>,
    system: &str,
    revision: Option<String>,
    (at, of_block, of_round): (usize, f64, f64),
    rounds: &[PairRound],
) -> Result<Side, UnknownSystem> {
    let median_of = |of: &dyn Fn(&PairRound) -> f64| {
        median(&rounds.iter().map(of).collect::<Vec<f64>>()).unwrap_or(f64::NAN)
    };
    let runs = || rounds.iter().map(|round| &round.runs[at]);
    Ok(Side {
        system: system.to_owned(),
        role: plan.role(system)?,
        revision,
        quartile_ns_per_event: median_of(&|round| round.quartiles_ns()[at] / of_block),
        total_ns_per_event: median_of(&|round| round.totals_ns()[at] / of_round),
        cpu_ns_per_event: all_of(runs().map(|run| match &run.cpu {
            Reading::Value(cpu) => Ok(cpu.as_nanos() as f64 / run.events as f64),
            Reading::Absent { not_measured } => Err(&**not_measured),
        }))
        .map_or_else(Reading::absent, |each| {
            median(&each).map_or_else(|| Reading::absent("no rounds"), Reading::Value)
        }),
        peak_memory: all_of(runs().map(|run| {
            run.peak_memory
                .value()
                .copied()
                .ok_or_else(|| run.peak_memory.why().unwrap_or("no reason was given"))
        }))
        .map_or_else(Reading::absent, |each| {
            each.into_iter().max().map_or_else(|| Reading::absent("no rounds"), Reading::Value)
        }),
        deliveries: runs().map(|run| run.deliveries).sum(),
        failed: runs().map(|run| run.failed).sum(),
    })
}

/// All values, or why the first that is missing is so.
fn all_of<'a, T>(readings: impl Iterator<Item = Result<T, &'a str>>) -> Result<Vec<T>, &'a str> {
    readings.collect()
}
