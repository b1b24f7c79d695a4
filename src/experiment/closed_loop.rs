use std::sync::Arc;
use std::time::{Duration, Instant};

use crucible_events::event::Event;
use crucible_events::routing::EventSystem;
use serde::{Deserialize, Serialize};

use super::run::{Beginning, Material, MemoryMeter, RunError, Threads, made_in, run_as_task};
use crate::measure::{CpuTime, Reading};
use crate::sut::{HandlerWork, Publishing, Stage, WorkingHandler, WrongDeliveries, publish_all};
use crate::workload::{Editions, Owed, Workload};

/// A round of closed-loop passes: a fresh system, one pass to warm up, then passes until
/// `at_least` has gone by. A pass publishes the first `events` of the workload, each pass the next
/// edition of them, and ends when all is quiet. Editions are made between passes, while no clock runs.
/// There is no offered rate, so there is no latency under load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClosedLoop {
    /// Threads for all.
    pub threads: Threads,
    /// Tasks that publish, each its part of the events; 1: the task that runs the passes does it itself.
    pub publishers: usize,
    /// One by one or in batches.
    pub publishing: Publishing,
    /// What each delivery costs its service.
    pub work: HandlerWork,
    /// Events of a pass at most.
    pub events: usize,
    /// Passes go on until then; there is at least one.
    pub at_least: Duration,
}

/// What a round came to; every delivery of it was checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClosedRound {
    /// Passes that were timed.
    pub passes: u64,
    /// Events published in them.
    pub events: u64,
    /// Deliveries acknowledged in them.
    pub deliveries: u64,
    /// Deliveries whose handler failed, in the whole round.
    pub failed: u64,
    /// From the first publish of each pass to quiet, summed.
    pub elapsed: Duration,
    /// CPU time of the process meanwhile, without what it took to renew the events.
    pub cpu: Reading<Duration>,
    /// Most memory resident during the round beyond what the workload itself took before it, bytes.
    pub peak_memory: Reading<u64>,
}

impl ClosedRound {
    /// CPU time in per cent of one core.
    pub fn cpu_percent(&self) -> Reading<f64> {
        match &self.cpu {
            Reading::Value(cpu) => Reading::Value(cpu.as_secs_f64() / self.elapsed.as_secs_f64() * 100.0),
            Reading::Absent { not_measured } => Reading::absent(not_measured),
        }
    }

    /// Events per second.
    pub fn events_per_second(&self) -> f64 {
        self.events as f64 / self.elapsed.as_secs_f64()
    }

    /// Deliveries per second.
    pub fn deliveries_per_second(&self) -> f64 {
        self.deliveries as f64 / self.elapsed.as_secs_f64()
    }
}

/// Does one round with a system that `make` makes.
pub(super) fn round<S: EventSystem>(
    make: impl Fn(&Workload) -> S,
    material: &mut Material,
    spec: &ClosedLoop,
) -> Result<ClosedRound, RunError> {
    let Beginning { workload, owed } = material.beginning(spec.events);
    let editions = Editions::of(&workload);
    let memory = MemoryMeter::start();
    let runtime = spec.threads.runtime()?;
    let system = made_in(&runtime, make, &workload);
    let spec = *spec;
    let run = async move { passes(system, &workload, Arc::new(editions), &spec, &owed).await };
    let round = run_as_task(&runtime, run)?;
    Ok(ClosedRound { peak_memory: memory.peak(), ..round })
}

async fn passes<S: EventSystem>(
    system: S,
    workload: &Workload,
    mut editions: Arc<Editions>,
    spec: &ClosedLoop,
    owed: &Owed,
) -> Result<ClosedRound, RunError> {
    let work = spec.work;
    let stage =
        Stage::set_up(system, workload, |recorder| WorkingHandler { recorder, work, log: () }).await?;
    let (stage, events, deliveries) = (Arc::new(stage), editions.events().len() as u64, owed.deliveries());
    pass_of(&stage, &editions, spec, deliveries).await?;
    stage.check(owed, events).await?;
    let (cpu, start) = (CpuTime::of_this_process(), Instant::now());
    let (mut passes, mut elapsed) = (0, Duration::ZERO);
    while passes == 0 || elapsed < spec.at_least {
        Arc::get_mut(&mut editions).expect("publishers end with their pass").advance();
        let begin = Instant::now();
        pass_of(&stage, &editions, spec, deliveries).await?;
        elapsed += begin.elapsed();
        passes += 1;
    }
    // Between passes one thread computes and nobody waits: what that takes is CPU time. (The thread's own
    // clock tells it, too, but to read it twice costs a tenth of a light pass, and would be counted.)
    let renewing = start.elapsed().saturating_sub(elapsed);
    let cpu = cpu.and_then(|before| Ok(CpuTime::of_this_process()?.since(&before).total()));
    let cpu = cpu.map(|used| used.saturating_sub(renewing));
    stage.check(owed, (passes + 1) * events).await?;
    let failed = stage.system.ledger().await?.failed;
    if let Some(sample) = editions.events().last() {
        stage.check_still_whole(sample).await?;
    }
    Ok(ClosedRound {
        passes,
        events: passes * events,
        deliveries: passes * deliveries,
        failed,
        elapsed,
        cpu: cpu.into(),
        peak_memory: Reading::absent("read by the caller"),
    })
}

/// A pass by as many publishers as the round has.
async fn pass_of<S: EventSystem>(
    stage: &Arc<Stage<S>>,
    editions: &Arc<Editions>,
    spec: &ClosedLoop,
    expected: u64,
) -> Result<(), RunError> {
    if spec.publishers <= 1 {
        return pass(stage, editions.events(), spec.publishing, expected).await;
    }
    let announced = publish_by_many(stage, editions, spec.publishers, spec.publishing).await?;
    quiet(stage, announced, expected).await
}

/// Publishes all events and waits for quiet.
pub(super) async fn pass<S: EventSystem>(
    stage: &Stage<S>,
    events: &[Arc<Event>],
    publishing: Publishing,
    expected: u64,
) -> Result<(), RunError> {
    let announced = publish_all(&stage.system, events, publishing).await?;
    quiet(stage, announced, expected).await
}

async fn quiet<S: EventSystem>(
    stage: &Stage<S>,
    announced: Option<u64>,
    expected: u64,
) -> Result<(), RunError> {
    stage.system.quiesce().await?;
    match announced {
        Some(announced) if announced != expected => {
            Err(WrongDeliveries::Announced { announced, expected }.into())
        }
        _ => Ok(()),
    }
}

/// Each task publishes its part. To spawn a task takes about as long as to publish one event.
async fn publish_by_many<S: EventSystem>(
    stage: &Arc<Stage<S>>,
    editions: &Arc<Editions>,
    publishers: usize,
    publishing: Publishing,
) -> Result<Option<u64>, RunError> {
    let share = editions.events().len().div_ceil(publishers).max(1);
    let publish = |number: usize| {
        let (stage, editions) = (stage.clone(), editions.clone());
        tokio::spawn(async move {
            let part = editions.events().chunks(share).nth(number).unwrap_or_default();
            publish_all(&stage.system, part, publishing).await
        })
    };
    let tasks: Vec<_> = (0..publishers).map(publish).collect();
    let mut announced = Some(0);
    for task in tasks {
        let more = task.await.map_err(|_| RunError::Panicked)??;
        announced = announced.zip(more).map(|(sum, more)| sum + more);
    }
    Ok(announced)
}
