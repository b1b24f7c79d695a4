use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crucible_events::event::{Event, Timestamp};
use crucible_events::routing::{EventSystem, OnFull};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::run::{Beginning, Material, RunError, Threads, made_in, run_as_task};
use crate::load::{Arrivals, EventPattern, HEAD_START, Pacing, SystemClock, spawn_pacer};
use crate::measure::{CpuTime, Latency, LatencySummary, Reading};
use crate::sut::{BATCH, HandlerWork, LatencyLog, Stage, WorkingHandler};
use crate::workload::trace::Speed;
use crate::workload::{Edition, Owed, Workload};

/// Events sent when they are due, whatever the system does meanwhile: those of the workload in order,
/// one edition after the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenLoop {
    /// Threads for the system and its publisher; the pacer has one of its own.
    pub threads: Threads,
    /// What each delivery costs its service.
    pub work: HandlerWork,
    /// When events are due.
    pub due: Due,
}

/// When events are due.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    /// As this pattern has it, evenly spread.
    By(EventPattern),
    /// When they were recorded, so many times as fast; again and again as a whole, until this time has gone by.
    AsRecorded {
        /// How fast.
        speed: Speed,
        /// How long at least: short traces come several times.
        at_least: Duration,
    },
}

impl Due {
    fn schedule(&self, workload: &Workload) -> Result<Box<dyn Iterator<Item = u64> + Send>, RunError> {
        match self {
            Self::By(pattern) => Ok(Box::new(pattern.schedule(Arrivals::Even, workload.seed)?)),
            Self::AsRecorded { speed, at_least } => {
                Ok(Box::new(workload.replays_ns(*speed, *at_least).ok_or(RunError::NotRecorded)?))
            }
        }
    }
}

/// What a run under offered load came to; every delivery of it was checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenRun {
    /// Whether the load was the one that was asked for. If not, nothing else here may be used.
    pub pacing: Pacing,
    /// Deliveries acknowledged.
    pub deliveries: u64,
    /// Deliveries that failed.
    pub failed: u64,
    /// From the intended moment of the event to the end of its handler, per delivery; absent if
    /// there was no delivery.
    pub latency: Option<LatencySummary>,
    /// CPU time of the process without its pacer's thread, which builds the events, in per cent of one
    /// core. The publisher's own work (events taken from a channel) and the services' (the clock read
    /// for each batch) are in it.
    pub cpu_percent: Reading<f64>,
}

/// Does one run with a system that `make` makes.
pub(super) fn run<S: EventSystem>(
    make: impl Fn(&Workload) -> S,
    material: &mut Material,
    spec: &OpenLoop,
) -> Result<OpenRun, RunError> {
    let Beginning { workload, owed } = material.beginning(usize::MAX);
    let runtime = spec.threads.runtime()?;
    let system = made_in(&runtime, make, &workload);
    let (spec, schedule) = (spec.clone(), spec.due.schedule(&workload)?);
    run_as_task(&runtime, async move { offer(system, workload, &owed, &spec, schedule).await })
}

async fn offer<S: EventSystem>(
    system: S,
    workload: Arc<Workload>,
    owed: &Owed,
    spec: &OpenLoop,
    schedule: Box<dyn Iterator<Item = u64> + Send>,
) -> Result<OpenRun, RunError> {
    let origin = Instant::now();
    let logs = std::sync::Mutex::new(Vec::new());
    let stage = Stage::set_up(system, &workload, |recorder| {
        let log = LatencyLog::new(origin);
        logs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(log.clone());
        WorkingHandler { recorder, work: spec.work, log }
    })
    .await?;
    let (send, due) = mpsc::unbounded_channel();
    let cpu = CpuTime::of_this_process();
    let begin = Instant::now() + HEAD_START;
    let threads = spec.threads.0;
    let pacer = spawn_pacer(
        move || SystemClock::beside(threads),
        begin,
        schedule,
        Arc::new(AtomicBool::new(false)),
        move |index, intended| {
            // The receiver is gone only if publishing failed, and that is reported.
            let _ = send.send(Arc::new(arriving(&workload, index, intended - origin)));
        },
    )?;
    let offered = publish_due(&stage, due).await?;
    stage.system.quiesce().await?;
    let elapsed = begin.elapsed();
    let cpu = cpu.and_then(|before| Ok(CpuTime::of_this_process()?.since(&before)));
    let (pacing, pacer_cpu) = pacer.join().map_err(|_| RunError::Panicked)?;
    stage.check(owed, offered).await?;
    let ledger = stage.system.ledger().await?;
    ledger.check().map_err(crate::sut::StillWhole::from)?;
    let mut latency = Latency::new();
    for log in logs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).iter() {
        latency.merge(&log.latencies());
    }
    let percent = cpu.and_then(|cpu| {
        let system = cpu.total().saturating_sub(pacer_cpu?);
        Ok(system.as_secs_f64() / elapsed.as_secs_f64() * 100.0)
    });
    Ok(OpenRun {
        pacing,
        deliveries: ledger.acknowledged,
        failed: ledger.failed,
        latency: latency.summary(),
        cpu_percent: percent.into(),
    })
}

/// Publishes events as they become due, until the pacer has ended. Returns how many.
async fn publish_due<S: EventSystem>(
    stage: &Stage<S>,
    mut due: mpsc::UnboundedReceiver<Arc<Event>>,
) -> Result<u64, RunError> {
    let mut offered = 0;
    let mut events = Vec::with_capacity(BATCH);
    while due.recv_many(&mut events, BATCH).await > 0 {
        offered += events.len() as u64;
        stage.system.publish_batch(&events, OnFull::Wait).await?;
        events.clear();
    }
    Ok(offered)
}

/// The `index`-th event to arrive, created at its intended moment, given as the time since the origin.
pub(super) fn arriving(workload: &Workload, index: u64, intended: Duration) -> Event {
    let len = workload.events.len() as u64;
    let position = usize::try_from(index % len).expect("below the length of a vector");
    let mut event = Edition(index / len).of(&workload.events[position]);
    event.created_at = Timestamp(u64::try_from(intended.as_nanos()).unwrap_or(u64::MAX));
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Scenario;
    use crucible_events::routing::{ServiceKey, Tally};

    #[test]
    fn events_arrive_in_order_under_ids_of_their_own_and_at_their_intended_moments() {
        let workload = Workload::generate(&Scenario::LIGHT, 42);
        let mut ids = std::collections::BTreeSet::new();
        let mut received = vec![Tally::default(); workload.services.len()];
        let plan = workload.plan();
        for index in 0..250 {
            let position = index as usize % 100;
            let event = arriving(&workload, index, Duration::from_micros(index));
            assert_eq!(event.payload, workload.events[position].payload);
            assert_eq!(event.created_at, Timestamp(index * 1_000));
            assert!(ids.insert(event.id));
            for &service in &plan[position] {
                let key = ServiceKey::of(&workload.services[service as usize].name);
                received[service as usize].note(key, event.id);
            }
        }
        assert_eq!(received, Owed::of(&workload).of_first(250));
    }
}
