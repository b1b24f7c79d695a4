use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crucible_events::routing::{Batch, BatchOutcome, Handler, Recorder};
use serde::{Deserialize, Serialize};

use crate::measure::Latency;

/// What a handler does with each event, beside keeping the tally.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandlerWork {
    /// Nothing.
    #[default]
    None,
    /// Keeps its core busy for this long.
    Spin(Duration),
    /// Waits for this long, as for a disk or a peer. Tokio's timer rounds up to the next millisecond.
    Await(Duration),
}

impl HandlerWork {
    async fn for_one_event(self) {
        match self {
            Self::None => {}
            Self::Spin(duration) => {
                let begin = Instant::now();
                while begin.elapsed() < duration {
                    std::hint::spin_loop();
                }
            }
            Self::Await(duration) => tokio::time::sleep(duration).await,
        }
    }
}

/// The latencies of one service's deliveries, from the intended moment to the end of its handler.
///
/// The intended moment is the event's `created_at`, in nanoseconds since `origin`.
#[derive(Debug, Clone)]
pub struct LatencyLog {
    origin: Instant,
    latencies: Arc<Mutex<Latency>>,
}

impl LatencyLog {
    /// Nothing logged yet.
    pub fn new(origin: Instant) -> Self {
        Self { origin, latencies: Arc::default() }
    }

    fn record(&self, batch: Batch<'_>) {
        let now = u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let mut latencies = self.latencies.lock().unwrap_or_else(PoisonError::into_inner);
        for event in batch.iter() {
            latencies.record_ns(now.saturating_sub(event.created_at.0));
        }
    }

    /// What was logged so far.
    pub fn latencies(&self) -> Latency {
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A handler that works, keeps the tally and, under open load, logs latencies.
///
/// With work to do, each event counts as done when its own work is: the log then takes one reading
/// of the clock per event, without work one per batch.
#[derive(Debug, Clone)]
pub struct WorkingHandler {
    /// The tally.
    pub recorder: Recorder,
    /// What each event costs.
    pub work: HandlerWork,
    /// Where latencies go.
    pub log: Option<LatencyLog>,
}

impl Handler for WorkingHandler {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        if self.work == HandlerWork::None {
            self.done(batch);
        } else {
            for event in batch.iter() {
                self.work.for_one_event().await;
                self.done(Batch::owned(std::slice::from_ref(event)));
            }
        }
        BatchOutcome::Acknowledged
    }
}

impl WorkingHandler {
    fn done(&self, batch: Batch<'_>) {
        self.recorder.note(batch);
        if let Some(log) = &self.log {
            log.record(batch);
        }
    }
}
