use std::time::{Duration, Instant};

use crucible_events::crucible_core::Config;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::crew::{Books, Crew};
use crate::experiment::run::{Beginning, Material, RunError, Threads, run_as_task};
use crate::load::faults::FaultPlan;
use crate::measure::{CpuTime, Reading};
use crate::sut::HandlerWork;
use crate::workload::Editions;

/// Closed-loop passes over one thread, as a round does them under either condition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FailureLoad {
    /// What each delivery costs its service.
    pub work: HandlerWork,
    /// Events of a pass at most.
    pub events: usize,
    /// Passes before the span; long enough that retries of the first failures are due (0.7 s by default).
    pub warm_up: Duration,
    /// Passes of the span go on until then; there is at least one.
    pub at_least: Duration,
    /// The part of deliveries that fails, each try drawn for anew.
    pub failing: f64,
    /// Of these draws.
    pub seed: u64,
}

/// What is wrong in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    Sound,
    /// Deliveries fail, and one service stalls for the whole round.
    Failing,
}

/// What a round came to; every delivery of it is accounted for.
#[derive(Debug, Clone, PartialEq)]
pub struct FailureRound {
    /// Deliveries that the services other than the stalled one acknowledged within the span.
    pub acknowledged: u64,
    /// The passes of the span, summed.
    pub elapsed: Duration,
    /// CPU time of the process in them.
    pub cpu: Reading<Duration>,
    /// Errors that were injected in the whole round.
    pub errors: u64,
    /// Tries that failed and were followed by another.
    pub retried: u64,
    /// Deliveries that were given up.
    pub dead_lettered: u64,
    /// How often breakers opened. By default each keeps its service waiting for 5 s.
    pub breakers_opened: u64,
    /// Deliveries for which there was no room, at whomever.
    pub turned_away: u64,
    /// Of these, at services other than the stalled one.
    pub others_turned_away: u64,
}

impl FailureRound {
    /// By the others.
    pub fn per_second(&self) -> f64 {
        self.acknowledged as f64 / self.elapsed.as_secs_f64()
    }

    /// By the others, per second of CPU time.
    pub fn per_cpu_second(&self) -> Option<f64> {
        self.cpu.value().map(|cpu| self.acknowledged as f64 / cpu.as_secs_f64())
    }
}

/// One round of each condition, one right after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct RoundPair {
    /// Nobody fails.
    pub sound: FailureRound,
    /// Deliveries fail and a service stalls.
    pub failing: FailureRound,
}

/// So many pairs of rounds with fresh instances; chance says which condition comes first in each.
///
/// # Errors
/// Why there is no figure; the first round with wrong work ends it.
pub fn compare(
    material: &mut Material,
    load: &FailureLoad,
    rounds: usize,
) -> Result<Vec<RoundPair>, RunError> {
    let mut draw = ChaCha8Rng::seed_from_u64(load.seed);
    let mut pairs = Vec::with_capacity(rounds);
    for round in 0..rounds as u64 {
        let load = FailureLoad { seed: load.seed.wrapping_add(round), ..*load };
        let mut take = |condition| throughput_round(material, &load, condition);
        let (sound, failing) = if draw.next_u32().is_multiple_of(2) {
            let sound = take(Condition::Sound)?;
            (sound, take(Condition::Failing)?)
        } else {
            let failing = take(Condition::Failing)?;
            (take(Condition::Sound)?, failing)
        };
        pairs.push(RoundPair { sound, failing });
    }
    Ok(pairs)
}

/// One round with a fresh instance.
///
/// # Errors
/// Why there is no figure.
pub fn throughput_round(
    material: &mut Material,
    load: &FailureLoad,
    condition: Condition,
) -> Result<FailureRound, RunError> {
    let beginning = material.beginning(load.events);
    let runtime = Threads(1).runtime()?;
    let load = *load;
    run_as_task(&runtime, async move { round(&beginning, &load, condition).await })
}

/// Handlers draw for faults under both conditions: that costs the suite, not the system. This rate strikes
/// nobody.
const NEVER: f64 = f64::MIN_POSITIVE;

async fn round(
    beginning: &Beginning,
    load: &FailureLoad,
    condition: Condition,
) -> Result<FailureRound, RunError> {
    let rate = if condition == Condition::Failing { load.failing } else { NEVER };
    let plan = FaultPlan::errors(rate, load.seed);
    let mut crew = Crew::assemble(beginning, Config::default(), plan, load.work).await?;
    let mut editions = Editions::of(&beginning.workload);
    if condition == Condition::Failing {
        crew.stall();
    }
    let begin = Instant::now();
    loop {
        crew.publish(editions.events()).await?;
        editions.advance();
        if begin.elapsed() >= load.warm_up {
            break;
        }
    }
    let mut span = Span::default();
    loop {
        span.pass(&mut crew, &editions).await?;
        if span.elapsed >= load.at_least {
            break;
        }
        editions.advance();
    }
    let turned_away = crew.published.turned_away;
    let Books { statistics, others_turned_away, errors } = crew.close(editions.events().last()).await?;
    let sum = |count: fn(&crucible_events::routing::ServiceStatistics) -> u64| {
        statistics.services.iter().map(count).sum()
    };
    Ok(FailureRound {
        acknowledged: span.acknowledged,
        elapsed: span.elapsed,
        cpu: span.cpu,
        errors,
        retried: sum(|service| service.retried),
        dead_lettered: sum(|service| service.dead_lettered),
        breakers_opened: sum(|service| service.breaker_opened),
        turned_away,
        others_turned_away,
    })
}

/// What passes came to, without what lies between them.
struct Span {
    acknowledged: u64,
    elapsed: Duration,
    cpu: Reading<Duration>,
}

impl Default for Span {
    fn default() -> Self {
        Self { acknowledged: 0, elapsed: Duration::ZERO, cpu: Reading::Value(Duration::ZERO) }
    }
}

impl Span {
    async fn pass(&mut self, crew: &mut Crew, editions: &Editions) -> Result<(), RunError> {
        let before = crew.acknowledged_by_others().await?;
        let (cpu, begin) = (CpuTime::of_this_process(), Instant::now());
        crew.publish(editions.events()).await?;
        self.elapsed += begin.elapsed();
        let used = cpu.and_then(|cpu| Ok(CpuTime::of_this_process()?.since(&cpu).total()));
        self.cpu = match (&self.cpu, used) {
            (Reading::Value(sum), Ok(used)) => Reading::Value(*sum + used),
            (_, Err(why)) => Reading::absent(why),
            (Reading::Absent { not_measured }, Ok(_)) => Reading::absent(not_measured),
        };
        self.acknowledged += crew.acknowledged_by_others().await? - before;
        Ok(())
    }
}
