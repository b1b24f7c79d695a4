use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crucible_events::routing::Batch;
use serde::{Deserialize, Serialize};

use super::recovery::{Phase, Window, Windows};
use crate::measure::Latency;
use crate::sut::DeliveryLog;

/// Latencies of the deliveries that were done in some time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Served {
    /// From the intended moment of the event to the end of the handler's work. This is what a user waits.
    pub response: Latency,
    /// From the beginning of the handler's work to its end: what a closed loop would call latency.
    pub service: Latency,
}

impl Served {
    /// Adds those of another time.
    pub fn merge(&mut self, other: &Self) {
        self.response.merge(&other.response);
        self.service.merge(&other.service);
    }
}

/// Where the handlers of a run log their deliveries. Few histograms for many services: a set of them takes half a
/// megabyte, and one thread fills one set.
#[derive(Debug)]
pub(super) struct Logs {
    origin: Instant,
    shards: Vec<Arc<Mutex<Shard>>>,
    next: AtomicUsize,
}

/// The log of one service. All moments are in nanoseconds since `origin`.
#[derive(Debug, Clone)]
pub(super) struct LoadLog {
    origin: Instant,
    shard: Arc<Mutex<Shard>>,
}

/// What was logged.
#[derive(Debug, Clone, Default)]
pub(super) struct Shard {
    begin_ns: u64,
    served: Served,
    deliveries: u64,
    around: Option<AroundFailures>,
}

/// Response times by when their events were due: before, during and after the failures.
#[derive(Debug, Clone)]
pub(super) struct AroundFailures {
    pub(super) windows: Windows,
    pub(super) phases: [Latency; 3],
}

impl AroundFailures {
    pub(super) fn new(windows: Windows) -> Self {
        Self { windows, phases: Default::default() }
    }
}

impl Logs {
    /// As many sets of histograms as there are threads to fill them, twice for several: threads then seldom meet.
    pub(super) fn new(threads: usize, around: Option<&AroundFailures>) -> Self {
        let shards = if threads == 1 { 1 } else { 2 * threads };
        let shard = || Arc::new(Mutex::new(Shard { around: around.cloned(), ..Shard::default() }));
        let shards = (0..shards).map(|_| shard()).collect();
        Self { origin: Instant::now(), shards, next: AtomicUsize::new(0) }
    }

    /// Moments count from here.
    pub(super) fn origin(&self) -> Instant {
        self.origin
    }

    /// For the next service.
    pub(super) fn next(&self) -> LoadLog {
        let place = self.next.fetch_add(1, Ordering::Relaxed) % self.shards.len();
        LoadLog { origin: self.origin, shard: self.shards[place].clone() }
    }

    /// The load begins at this moment.
    pub(super) fn begin(&self, at: Instant) {
        for shard in &self.shards {
            lock(shard).begin_ns = nanoseconds(at.saturating_duration_since(self.origin));
        }
    }

    /// Deliveries done so far.
    pub(super) fn deliveries(&self) -> u64 {
        self.shards.iter().map(|shard| lock(shard).deliveries).sum()
    }

    /// What was done since this was last asked.
    pub(super) fn take(&self) -> Served {
        let mut served = Served::default();
        for shard in &self.shards {
            // The new histograms are made before the lock is taken: handlers wait for it.
            let mut taken = Served::default();
            std::mem::swap(&mut lock(shard).served, &mut taken);
            served.merge(&taken);
        }
        served
    }

    /// All of it, by when events were due.
    pub(super) fn around_failures(&self) -> Option<AroundFailures> {
        let mut shards = self.shards.iter().map(|shard| lock(shard).around.clone());
        let mut sum = shards.next()??;
        for other in shards.flatten() {
            sum.windows.merge(&other.windows);
            for (phase, other) in sum.phases.iter_mut().zip(&other.phases) {
                phase.merge(other);
            }
        }
        Some(sum)
    }
}

impl Shard {
    /// Adds a delivery by three moments: when its event was due, when its work began, and when it ended.
    pub(super) fn note(&mut self, due_ns: u64, began_ns: u64, ended_ns: u64) {
        let response_ns = ended_ns.saturating_sub(due_ns);
        self.served.response.record_ns(response_ns);
        self.served.service.record_ns(ended_ns.saturating_sub(began_ns));
        self.deliveries += 1;
        if let Some(AroundFailures { windows, phases }) = &mut self.around {
            let since_begin_ns = due_ns.saturating_sub(self.begin_ns);
            windows.note(since_begin_ns, Window { deliveries: 1, sum_ns: response_ns });
            phases[windows.phase(since_begin_ns) as usize].record_ns(response_ns);
        }
    }

    #[cfg(test)]
    pub(super) fn served(&self) -> &Served {
        &self.served
    }
}

impl DeliveryLog for LoadLog {
    fn begin(&self) -> u64 {
        nanoseconds(self.origin.elapsed())
    }

    fn done(&self, batch: Batch<'_>, began_ns: u64) {
        let ended_ns = nanoseconds(self.origin.elapsed());
        let mut shard = lock(&self.shard);
        for event in batch.iter() {
            shard.note(event.created_at.0, began_ns, ended_ns);
        }
    }
}

impl Phase {
    /// In the order of time.
    pub(super) const ALL: [Self; 3] = [Self::Before, Self::During, Self::After];
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
