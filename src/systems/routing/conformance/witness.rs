//! Services that tell what they saw, and services that misbehave on purpose.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::event::{Event, EventId};
use crate::routing::{Batch, BatchOutcome, Failure, Handler};

/// Keeps every event in the order in which it came. Clones share what they keep.
#[derive(Debug, Clone, Default)]
pub(super) struct Journal(Arc<Pages>);

#[derive(Debug, Default)]
struct Pages {
    events: Mutex<Vec<Event>>,
    count: watch::Sender<usize>,
}

impl Journal {
    fn write(&self, batch: Batch<'_>) {
        let mut events = self.lock();
        events.extend(batch.iter().cloned());
        let count = events.len();
        drop(events);
        self.0.count.send_replace(count);
    }

    /// Only pushing happens under this lock, so what a panic left behind is whole.
    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        self.0.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn events(&self) -> Vec<Event> {
        self.lock().clone()
    }

    pub(super) fn ids(&self) -> Vec<EventId> {
        self.lock().iter().map(|event| event.id).collect()
    }

    /// Waits until so many events came.
    pub(super) async fn reached(&self, count: usize) {
        let mut counts = self.0.count.subscribe();
        // The sender lives in `self`, so the channel is open.
        let _ = counts.wait_for(|&seen| seen >= count).await;
    }
}

impl Handler for Journal {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        self.write(batch);
        BatchOutcome::Acknowledged
    }
}

/// Closed until it is opened, for all services behind it.
#[derive(Debug, Clone, Default)]
pub(super) struct Gate {
    open: Arc<watch::Sender<bool>>,
    waiting: Arc<watch::Sender<usize>>,
}

impl Gate {
    pub(super) fn open(&self) {
        self.open.send_replace(true);
    }

    /// Waits until so many batches have come to the gate since it was made: their services are busy
    /// from then on.
    pub(super) async fn approached(&self, batches: usize) {
        let _ = self.waiting.subscribe().wait_for(|&seen| seen >= batches).await;
    }

    pub(super) async fn pass(&self) {
        self.waiting.send_modify(|waiting| *waiting += 1);
        let _ = self.open.subscribe().wait_for(|&open| open).await;
    }
}

/// A service that does not finish before its gate opens.
#[derive(Debug, Clone)]
pub(super) struct Gated<H>(pub(super) Gate, pub(super) H);

impl<H: Handler> Handler for Gated<H> {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        self.0.pass().await;
        self.1.handle(batch).await
    }
}

/// A service that fails the events of which it is told so.
#[derive(Debug, Clone)]
pub(super) struct Failing(pub(super) fn(&Event) -> bool);

impl Handler for Failing {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        let faulty = batch.iter().enumerate().filter(|(_, event)| (self.0)(event));
        let failures: Vec<Failure> = faulty
            .map(|(position, event)| Failure { position, reason: format!("{} is to fail", event.id) })
            .collect();
        if failures.is_empty() { BatchOutcome::Acknowledged } else { BatchOutcome::Failed(failures) }
    }
}
