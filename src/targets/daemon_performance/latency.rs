use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::closed;
use super::plan::{Figure, Plan};
use crate::experiment::{Due, Entry, OpenLoop, OpenRun, Role, SystemProcess, Threads, shuffled};
use crate::load::EventPattern;
use crate::results::daemon_performance::{
    GRADED_RATE, LatencyFigure, LatencyRatio, LatencyRound, Quantile, SystemLatency,
};
use crate::stats::RatioEstimate;
use crate::sut::{HandlerWork, Publishing};
use crate::targets::PlanError;

/// Of what the slower system does closed loop, the part that is offered to both.
const PART_OF_SLOWER: f64 = 0.8;

/// What one pacing thread offers with its rate kept and a lag below 100 µs while the machine's cores
/// are busy, events/s. Beyond, the part of the slower system's rate is smaller than asked for, and the
/// figure says so.
const PACER_LIMIT: f64 = 150_000.0;

/// How long each load is offered in a round; traces are replayed as a whole, short ones again and again.
const OFFERED_SECS: u64 = 1;

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
    let pattern = EventPattern::Steady { events_per_second: rate, duration_secs: OFFERED_SECS };
    #[allow(clippy::cast_precision_loss)] // rates are far below 2⁵³
    let percent_of_slower = slower.map(|slower| 100.0 * rate as f64 / slower);
    let due = Due::By(pattern);
    Ok(LatencyFigure { percent_of_slower, ..offered(plan, figure, threads, due, rate)? })
}

fn as_recorded(plan: &mut Plan<'_>, figure: &Figure, threads: Threads) -> Result<LatencyFigure, PlanError> {
    let speed = plan.settings.speed;
    let rate = plan.workload(figure)?.mean_rate(speed);
    let at_least = Duration::from_secs(OFFERED_SECS);
    let due = Due::AsRecorded { speed, at_least };
    Ok(LatencyFigure { speed: Some(speed), ..offered(plan, figure, threads, due, rate)? })
}

/// Rounds of all systems but the references, in random order, each with a fresh instance. Where the load could not be offered to
/// one of them the round counts for none, so that rounds stay pairs; the figure ends after some of these.
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
    let wanted = plan.settings.latency_rounds.max(1);
    let (mut done, mut lost) = (0, 0);
    while done < wanted && lost < TRIES {
        for position in shuffled(systems.len(), &mut draw) {
            systems[position].offer(plan, figure, &spec)?;
        }
        // One round alone is no pair: of each system stands there what it came to.
        let counts = wanted == 1 || systems.iter().all(Offered::is_valid);
        if counts {
            done += 1;
        } else {
            lost += 1;
            // The last one stays where there is nothing else: it tells why.
            if done > 0 || lost < TRIES {
                systems.iter_mut().for_each(|system| drop(system.runs.pop()));
            }
        }
    }
    let several = wanted > 1 && done > 0;
    Ok(LatencyFigure {
        name: figure.name(),
        threads,
        events_per_second,
        speed: None,
        percent_of_slower: None,
        ratios: if several { ratios(plan, figure, &systems)? } else { Vec::new() },
        systems: systems.iter().map(|system| system.told(several)).collect(),
        lost_rounds: lost,
        scenario: plan.facts(figure, usize::MAX)?,
    })
}

/// A system under the load, in its process.
struct Offered<'a> {
    entry: &'a Entry,
    process: SystemProcess,
    /// A run for each round that counts.
    runs: Vec<OpenRun>,
    thrown_away: u32,
}

impl Offered<'_> {
    /// One more round: the first try at which the load was offered as it was meant, or the last.
    fn offer(&mut self, plan: &Plan<'_>, figure: &Figure, spec: &OpenLoop) -> Result<(), PlanError> {
        for tries_left in (0..TRIES).rev() {
            plan.check_interrupt(figure)?;
            let run = self.process.open(spec).map_err(|source| PlanError::new(figure.name(), source))?;
            if run.pacing.valid().is_ok() || tries_left == 0 {
                self.runs.push(run);
                break;
            }
            self.thrown_away += 1;
        }
        Ok(())
    }

    fn is_valid(&self) -> bool {
        self.runs.last().is_some_and(|run| run.pacing.valid().is_ok())
    }

    fn told(&self, several: bool) -> SystemLatency {
        let round = |run: &OpenRun| Some(LatencyRound { latency: run.latency?, lag: run.pacing.lag });
        let rounds = if several { self.runs.iter().filter_map(round).collect() } else { Vec::new() };
        let (system, role, thrown_away) = (self.entry.name.clone(), self.entry.role, self.thrown_away);
        SystemLatency { system, role, run: typical(&self.runs).clone(), rounds, thrown_away }
    }
}

/// The run of the median P99.
fn typical(runs: &[OpenRun]) -> &OpenRun {
    let mut sorted: Vec<&OpenRun> = runs.iter().collect();
    sorted.sort_by_key(|run| run.latency.and_then(|latency| latency.p99));
    sorted[(sorted.len() - 1) / 2]
}

/// Each candidate over the baseline, where every round has all quantiles.
fn ratios(plan: &Plan<'_>, figure: &Figure, systems: &[Offered<'_>]) -> Result<Vec<LatencyRatio>, PlanError> {
    let is = |wanted: Role| systems.iter().filter(move |system| system.entry.role == wanted);
    let mut ratios = Vec::new();
    for over in is(Role::Baseline) {
        for system in is(Role::Candidate) {
            let estimate = |quantile| {
                let logs = log_ratios(&system.runs, &over.runs, quantile);
                let estimated = logs.map(|logs| RatioEstimate::from_log_ratios(&logs, plan.taken.confidence));
                estimated.transpose().map_err(|source| PlanError::new(figure.name(), source))
            };
            let [p50, p95, p99] = Quantile::ALL.map(estimate);
            if let (Some(p50), p95 @ Some(_), Some(p99)) = (p50?, p95?, p99?) {
                let (system, over) = (system.entry.name.clone(), over.entry.name.clone());
                ratios.push(LatencyRatio { system, over, p50, p95, p99 });
            }
        }
    }
    Ok(ratios)
}

/// Of each round; none if a round has no such quantile.
#[allow(clippy::cast_precision_loss)] // latencies are far below 2⁵³ ns
fn log_ratios(system: &[OpenRun], over: &[OpenRun], quantile: Quantile) -> Option<Vec<f64>> {
    let of = |runs: &[OpenRun]| -> Option<Vec<u64>> {
        runs.iter().map(|run| quantile.of(run.latency.as_ref()?)).collect()
    };
    let log = |(system, over): (u64, u64)| (system as f64 / over as f64).ln();
    Some(of(system)?.into_iter().zip(of(over)?).map(log).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Pacing;
    use crate::measure::{LatencySummary, Reading};

    fn run(p99: Option<u64>) -> OpenRun {
        let (p50, p95, p999) = (Some(10), None, None);
        let latency = LatencySummary { count: 5_000, mean: 9.0, p50, p95, p99, p999, max: 5_000 };
        let pacing =
            Pacing { offered: 5_000, intended_rate: None, achieved_rate: None, lag: None, invalid: None };
        let (latency, cpu_percent) = (Some(latency), Reading::Value(1.0));
        OpenRun { pacing, deliveries: 5_000, failed: 0, latency, cpu_percent }
    }

    #[test]
    fn of_several_rounds_the_one_of_the_median_p99_is_shown() {
        let runs = [900, 100, 300, 200].map(|p99| run(Some(p99)));
        let p99 = |runs: &[OpenRun]| typical(runs).latency.expect("as made").p99;
        assert_eq!([p99(&runs), p99(&runs[..3]), p99(&runs[..1])], [Some(200), Some(300), Some(900)]);
    }

    #[test]
    fn a_ratio_is_of_rounds_and_of_none_without_its_quantile() {
        let system = [200, 50].map(|p99| run(Some(p99)));
        let mut over = [100, 100].map(|p99| run(Some(p99)));
        let logs = |over: &[OpenRun]| log_ratios(&system, over, Quantile::P99);
        assert_eq!(logs(&over), Some(vec![2_f64.ln(), 0.5_f64.ln()]));
        over[1] = run(None);
        assert_eq!(logs(&over), None);
    }
}
