use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crucible_events::event::{Event, EventId, Timestamp};
use crucible_events::routing::{EventSystem, Expected, OnFull};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::run::{Material, RunError, Threads, run_as_task};
use crate::load::{EventPattern, Pacing, spawn_pacer};
use crate::measure::{CpuTime, Latency, LatencySummary, Reading};
use crate::sut::{BATCH, HandlerWork, LatencyLog, Stage, WorkingHandler};
use crate::workload::Workload;

/// Events sent when they are due, whatever the system does meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OpenLoop {
    /// Threads for the system and its publisher; the pacer has one of its own.
    pub threads: Threads,
    /// What each delivery costs its service.
    pub work: HandlerWork,
    /// When events are due.
    pub pattern: EventPattern,
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
    /// CPU time of the process without its pacer's thread, in per cent of one core. The publisher's
    /// own work (an event built and stamped, two readings of the clock) is in it.
    pub cpu_percent: Reading<f64>,
}

/// Does one run with a system that `make` makes.
pub(super) fn run<S: EventSystem>(
    make: impl Fn(&Workload) -> S,
    material: &mut Material,
    spec: &OpenLoop,
) -> Result<OpenRun, RunError> {
    let runtime = spec.threads.runtime()?;
    let system = {
        let _in_runtime = runtime.enter();
        make(material.whole())
    };
    let workload = material.whole().clone();
    let spec = *spec;
    run_as_task(&runtime, async move { offer(system, workload, &spec).await })
}

async fn offer<S: EventSystem>(
    system: S,
    workload: Arc<Workload>,
    spec: &OpenLoop,
) -> Result<OpenRun, RunError> {
    let origin = Instant::now();
    let logs = std::sync::Mutex::new(Vec::new());
    let stage = Stage::set_up(system, &workload, |recorder| {
        let log = LatencyLog::new(origin);
        logs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(log.clone());
        WorkingHandler { recorder, work: spec.work, log: Some(log) }
    })
    .await?;
    let (send, due) = mpsc::unbounded_channel();
    let cpu = CpuTime::of_this_process();
    let begin = Instant::now();
    let pacer = spawn_pacer(spec.pattern, Arc::new(AtomicBool::new(false)), move |index, intended| {
        // The receiver is gone only if publishing failed, and that is reported.
        let _ = send.send((index, intended));
    })?;
    let offered = publish_due(&stage, &workload, due, origin).await?;
    stage.system.quiesce().await?;
    let elapsed = begin.elapsed();
    let cpu = cpu.and_then(|before| Ok(CpuTime::of_this_process()?.since(&before)));
    let (pacing, pacer_cpu) = pacer.join().map_err(|_| RunError::Panicked)?;
    stage.check(&expected(&workload, offered), 1)?;
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
    workload: &Workload,
    mut due: mpsc::UnboundedReceiver<(u64, Instant)>,
    origin: Instant,
) -> Result<u64, RunError> {
    let mut offered = 0;
    let mut moments = Vec::with_capacity(BATCH);
    let mut events = Vec::with_capacity(BATCH);
    while due.recv_many(&mut moments, BATCH).await > 0 {
        events.extend(moments.drain(..).map(|(index, intended)| stamped(workload, index, intended, origin)));
        offered += events.len() as u64;
        stage.system.publish_batch(&events, OnFull::Wait).await?;
        events.clear();
    }
    Ok(offered)
}

/// The `index`-th event of the workload, counted around, with an id of its own and its intended
/// moment as the time of its creation.
fn stamped(workload: &Workload, index: u64, intended: Instant, origin: Instant) -> Arc<Event> {
    let (turn, event) = pick(workload, index);
    let since = u64::try_from((intended - origin).as_nanos()).unwrap_or(u64::MAX);
    let mut event = (**event).clone();
    event.id = nth_id(event.id, turn);
    event.created_at = Timestamp(since);
    Arc::new(event)
}

fn pick(workload: &Workload, index: u64) -> (u64, &Arc<Event>) {
    let len = workload.events.len() as u64;
    let position = usize::try_from(index % len).unwrap_or_default();
    (index / len, &workload.events[position])
}

/// Ids stay unique when a workload is gone through more than once.
fn nth_id(id: EventId, turn: u64) -> EventId {
    EventId(id.0.wrapping_add(u128::from(turn) << 64))
}

fn expected(workload: &Workload, offered: u64) -> Expected {
    let mut expected = Expected::default();
    let mut oracle = workload.oracle();
    let len = workload.events.len() as u64;
    let receivers: Vec<_> = workload.events.iter().map(|event| oracle.publish(event)).collect();
    for index in 0..offered {
        let (turn, event) = pick(workload, index);
        let receivers = &receivers[usize::try_from(index % len).unwrap_or_default()];
        let receivers = receivers.as_ref().expect("generated events are within the limits");
        expected.note(nth_id(event.id, turn), receivers);
    }
    expected
}

/// How long a run takes.
impl OpenLoop {
    /// Without setting up and checking.
    pub fn duration(&self) -> Duration {
        match self.pattern {
            EventPattern::Steady { duration_secs, .. } => Duration::from_secs(duration_secs),
        }
    }
}
