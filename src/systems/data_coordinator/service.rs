use std::fmt;
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};

use crate::event::{Event, Name};
use crate::routing::{Batch, DynHandler, Ledger, ServiceStatistics};

/// A registered service and what was counted of it. Deliveries under way hold it: it outlives its
/// registration until the last of them is settled.
pub(super) struct Service {
    name: Name,
    handler: Box<dyn DynHandler>,
    queued: AtomicU64,
    acknowledged: AtomicU64,
    failed: AtomicU64,
    abandoned: AtomicU64,
}

impl Service {
    pub(super) fn new(name: Name, handler: Box<dyn DynHandler>) -> Self {
        Self {
            name,
            handler,
            queued: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
        }
    }

    /// A delivery was accepted for it.
    pub(super) fn expect(&self) {
        self.queued.fetch_add(1, Relaxed);
    }

    /// Hands it a copy of the event, and waits until it is done with it.
    pub(super) async fn serve(&self, event: &Event) {
        let copy = event.clone();
        let batch = Batch::owned(slice::from_ref(&copy));
        match self.handler.handle_boxed(batch).await.failed() {
            0 => self.settle(&self.acknowledged),
            _ => self.settle(&self.failed),
        }
    }

    /// An expected delivery will not be served any more.
    pub(super) fn abandon(&self) {
        self.settle(&self.abandoned);
    }

    /// Who finds nothing queued (acquire) sees what became of all.
    fn settle(&self, outcome: &AtomicU64) {
        outcome.fetch_add(1, Relaxed);
        self.queued.fetch_sub(1, Release);
    }

    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    pub(super) fn queued(&self) -> u64 {
        self.queued.load(Acquire)
    }

    pub(super) fn is_settled(&self) -> bool {
        self.queued() == 0
    }

    pub(super) fn add_to(&self, ledger: &mut Ledger) {
        ledger.queued += self.queued();
        ledger.acknowledged += self.acknowledged.load(Relaxed);
        ledger.failed += self.failed.load(Relaxed);
        ledger.abandoned += self.abandoned.load(Relaxed);
    }

    pub(super) fn statistics(&self) -> ServiceStatistics {
        ServiceStatistics {
            queued: self.queued(),
            acknowledged: self.acknowledged.load(Relaxed),
            failed: self.failed.load(Relaxed),
            ..ServiceStatistics::new(&self.name)
        }
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.statistics().fmt(f)
    }
}
