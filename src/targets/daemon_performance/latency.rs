use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::closed;
use super::plan::{Figure, Plan};
use crate::experiment::{Due, Entry, OpenLoop, OpenRun, Role, SystemProcess, Threads, shuffled};
use crate::load::EventPattern;
use crate::measure::LatencySummary;
use crate::results::daemon_performance::{GRADED_RATE, LatencyFigure, LatencyRatio, SystemLatency};
use crate::stats::RatioEstimate;
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

/// As recorded, or else at both rates; each system on its own, in turns.
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
    #[allow(clippy::cast_precision_loss)] // rates are far below 2⁵³
    let percent_of_slower = slower.map(|slower| 100.0 * rate as f64 / slower);
    let due = Due::By(pattern);
    Ok(LatencyFigure { percent_of_slower, ..offered(plan, figure, threads, due, rate)? })
}

fn as_recorded(plan: &mut Plan<'_>, figure: &Figure, threads: Threads) -> Result<LatencyFigure, PlanError> {
    let speed = plan.settings.speed;
    let rate = plan.workload(figure)?.mean_rate(speed);
    let at_least = Duration::from_secs(plan.settings.offered_secs);
    let due = Due::AsRecorded { speed, at_least };
    Ok(LatencyFigure { speed: Some(speed), ..offered(plan, figure, threads, due, rate)? })
}

/// Rounds of all systems but the references, in random order, each with a fresh instance. A load that could not be offered in
/// one of them ends it: what is left of the others was taken on a machine that was busy otherwise.
fn offered(
    plan: &mut Plan<'_>,
    figure: &Figure,
    threads: Threads,
    due: Due,
    events_per_second: u64,
) -> Result<LatencyFigure, PlanError> {
    let spec = OpenLoop { threads, work: HandlerWork::None, due };
    let judged = |entry: &&Entry| !matches!(entry.role, Role::Reference(_));
    let start = |entry| {
        Ok(Offered { entry, process: plan.start(&entry.name, figure)?, runs: Vec::new(), thrown_away: 0 })
    };
    let mut systems: Vec<Offered<'_>> =
        plan.lineup.entries().iter().filter(judged).map(start).collect::<Result<_, _>>()?;
    let mut draw = ChaCha8Rng::seed_from_u64(plan.settings.seed);
    let mut all_valid = true;
    for _ in 0..plan.settings.latency_rounds.max(1) {
        for position in shuffled(systems.len(), &mut draw) {
            all_valid &= systems[position].offer(plan, figure, &spec)?;
        }
        if !all_valid {
            break;
        }
    }
    let several = all_valid && plan.settings.latency_rounds > 1;
    Ok(LatencyFigure {
        name: figure.name(),
        threads,
        events_per_second,
        speed: None,
        percent_of_slower: None,
        ratios: if several { ratios(plan, figure, &systems)? } else { Vec::new() },
        systems: systems.iter().map(|system| system.told(several)).collect(),
        scenario: plan.facts(figure, usize::MAX)?,
    })
}

/// A system under the load, in its process.
struct Offered<'a> {
    entry: &'a Entry,
    process: SystemProcess,
    /// The last one is invalid if one is.
    runs: Vec<OpenRun>,
    thrown_away: u32,
}

impl Offered<'_> {
    /// One more round. Whether the load was offered as it was meant.
    fn offer(&mut self, plan: &Plan<'_>, figure: &Figure, spec: &OpenLoop) -> Result<bool, PlanError> {
        for tries_left in (0..TRIES).rev() {
            plan.check_interrupt(figure)?;
            let run = self.process.open(spec).map_err(|source| PlanError::new(figure.name(), source))?;
            let valid = run.pacing.valid().is_ok();
            if valid || tries_left == 0 {
                self.runs.push(run);
                return Ok(valid);
            }
            self.thrown_away += 1;
        }
        unreachable!("the last try is kept")
    }

    fn told(&self, several: bool) -> SystemLatency {
        let rounds = self.runs.iter().filter_map(|run| run.latency).filter(|_| several).collect();
        let (system, role, thrown_away) = (self.entry.name.clone(), self.entry.role, self.thrown_away);
        SystemLatency { system, role, run: typical(&self.runs).clone(), rounds, thrown_away }
    }
}

/// The run of the median P99, or the last one if that could not be offered.
fn typical(runs: &[OpenRun]) -> &OpenRun {
    let mut sorted: Vec<&OpenRun> = runs.iter().collect();
    sorted.sort_by_key(|run| run.latency.and_then(|latency| latency.p99));
    let invalid = runs.last().filter(|run| run.pacing.valid().is_err());
    invalid.unwrap_or_else(|| sorted[(sorted.len() - 1) / 2])
}

/// Each candidate over the baseline, where every round has both quantiles.
fn ratios(plan: &Plan<'_>, figure: &Figure, systems: &[Offered<'_>]) -> Result<Vec<LatencyRatio>, PlanError> {
    let is = |wanted: Role| systems.iter().filter(move |system| system.entry.role == wanted);
    let mut ratios = Vec::new();
    for over in is(Role::Baseline) {
        for system in is(Role::Candidate) {
            let estimate = |quantile: fn(&LatencySummary) -> Option<u64>| {
                let logs = log_ratios(&system.runs, &over.runs, quantile);
                logs.map(|logs| RatioEstimate::from_log_ratios(&logs, plan.taken.confidence)).transpose()
            };
            let wrong = |source| PlanError::new(figure.name(), source);
            let p50 = estimate(|latency| latency.p50).map_err(wrong)?;
            let p99 = estimate(|latency| latency.p99).map_err(wrong)?;
            if let (Some(p50), Some(p99)) = (p50, p99) {
                let (system, over) = (system.entry.name.clone(), over.entry.name.clone());
                ratios.push(LatencyRatio { system, over, p50, p99 });
            }
        }
    }
    Ok(ratios)
}

/// Of each round; none if a round has no such quantile.
#[allow(clippy::cast_precision_loss)] // latencies are far below 2⁵³ ns
fn log_ratios(
    system: &[OpenRun],
    over: &[OpenRun],
    quantile: fn(&LatencySummary) -> Option<u64>,
) -> Option<Vec<f64>> {
    let of = |runs: &[OpenRun]| -> Option<Vec<u64>> {
        runs.iter().map(|run| quantile(run.latency.as_ref()?)).collect()
    };
    Some(
        of(system)?.iter().zip(of(over)?).map(|(&system, over)| (system as f64 / over as f64).ln()).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{InvalidLoad, Pacing};
    use crate::measure::Reading;

    fn run(p99: Option<u64>, invalid: Option<InvalidLoad>) -> OpenRun {
        let (p50, p95, p999) = (Some(10), None, None);
        let latency = LatencySummary { count: 5_000, mean: 9.0, p50, p95, p99, p999, max: 5_000 };
        let pacing = Pacing { offered: 5_000, intended_rate: None, achieved_rate: None, lag: None, invalid };
        let (latency, cpu_percent) = (Some(latency), Reading::Value(1.0));
        OpenRun { pacing, deliveries: 5_000, failed: 0, latency, cpu_percent }
    }

    #[test]
    fn of_several_rounds_the_one_of_the_median_p99_is_shown() {
        let mut runs = Vec::from([900, 100, 300, 200].map(|p99| run(Some(p99), None)));
        let p99 = |runs: &[OpenRun]| typical(runs).latency.expect("as made").p99;
        assert_eq!([p99(&runs), p99(&runs[..3]), p99(&runs[..1])], [Some(200), Some(300), Some(900)]);
        runs.push(run(Some(1), Some(InvalidLoad::Stopped { offered: 5_000 })));
        assert_eq!(p99(&runs), Some(1), "what could not be offered is not hidden");
    }

    #[test]
    fn a_ratio_is_of_rounds_and_of_none_without_its_quantile() {
        let system = [200, 50].map(|p99| run(Some(p99), None));
        let mut over = [100, 100].map(|p99| run(Some(p99), None));
        let logs = |over: &[OpenRun]| log_ratios(&system, over, |latency| latency.p99);
        assert_eq!(logs(&over), Some(vec![2_f64.ln(), 0.5_f64.ln()]));
        over[1] = run(None, None);
        assert_eq!(logs(&over), None);
    }
}
