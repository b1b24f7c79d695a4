use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crucible_events::event::Event;
use crucible_events::routing::{Batch, BatchOutcome, Failure, Handler, ServiceSpec};

use crate::absences::Word;
use crate::faults::Run;
use crate::injected::Counts;
use crate::toll::{End, Toll};
use crate::{FaultKind, ServiceFaults};

/// A handler that fails as the plan says; see [`Faults::of`](crate::Faults::of). Clones are one and the
/// same handler.
///
/// The attempt that is drawn for is the event's `retry_count`: a system that tries again without raising
/// it meets the same fault again.
#[derive(Debug)]
pub struct Faulty<H>(Arc<Inner<H>>);

#[derive(Debug)]
struct Inner<H> {
    service: ServiceSpec,
    handler: H,
    faults: ServiceFaults,
    run: Arc<Run<H>>,
    away: AtomicBool,
}

impl<H> Clone for Faulty<H> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<H: Handler> Handler for Faulty<H> {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        let Some(at) = self.struck_at() else {
            return self.0.handler.handle(batch).await;
        };
        let toll = self.toll(batch, at);
        self.delay(&toll).await;
        match toll.end {
            Some(end) => self.lose(batch, &end).await,
            None if toll.errors => self.handle_all_but_errors(batch, at).await,
            None => self.0.handler.handle(batch).await,
        }
    }
}

impl<H: Handler> Faulty<H> {
    pub(crate) fn new(service: ServiceSpec, handler: H, faults: ServiceFaults, run: Arc<Run<H>>) -> Self {
        Self(Arc::new(Inner { service, handler, faults, run, away: AtomicBool::new(false) }))
    }

    pub(crate) fn service(&self) -> &ServiceSpec {
        &self.0.service
    }

    pub(crate) fn has_left(&self) {
        self.count(|counts| &counts.departures, 1);
    }

    pub(crate) fn came_back(&self) {
        self.0.away.store(false, Relaxed);
        self.count(|counts| &counts.returns, 1);
    }

    fn count(&self, which: fn(&Counts) -> &AtomicU64, more: u64) {
        which(&self.0.run.counts).fetch_add(more, Relaxed);
    }

    /// Now, if anything may strike now. The clock is read once for a batch, and not at all for services
    /// that no fault concerns.
    fn struck_at(&self) -> Option<Duration> {
        let faults = Some(&self.0.faults).filter(|faults| !faults.is_empty())?;
        self.0.run.moment().filter(|&at| faults.any_is_on(at))
    }

    fn strikes(&self, event: &Event, at: Duration) -> Option<FaultKind> {
        self.0.faults.strikes(event.id, event.retry_count, at)
    }

    fn toll(&self, batch: Batch<'_>, at: Duration) -> Toll {
        let mut toll = Toll::default();
        for event in batch.iter() {
            if let Some(kind) = self.strikes(event, at) {
                toll.add(event, kind);
            }
        }
        toll
    }

    async fn delay(&self, toll: &Toll) {
        if let Some(lasting) = toll.vanishes {
            self.leave(lasting);
        }
        self.count(|counts| &counts.stalls, toll.stalls);
        self.count(|counts| &counts.slowed, toll.slowed);
        if !toll.delay().is_zero() {
            tokio::time::sleep(toll.delay()).await;
        }
    }

    /// Tells the driver, once until it comes back.
    fn leave(&self, lasting: Duration) {
        if !self.0.away.swap(true, Relaxed) {
            // Without a driver nobody vanishes.
            let _ = self.0.run.absences.send(Word::Leaves(self.clone(), lasting));
        }
    }

    async fn lose(&self, batch: Batch<'_>, end: &End) -> BatchOutcome {
        let others = batch.len() as u64 - 1;
        match end {
            End::Hang => {
                self.count(|counts| &counts.hangs, 1);
                self.count(|counts| &counts.held_up, others);
                std::future::pending().await
            }
            End::Panic(event) => {
                self.count(|counts| &counts.panics, 1);
                self.count(|counts| &counts.taken_along, others);
                let message = format!("injected: service `{}` panics at event {event}", self.service().name);
                std::panic::resume_unwind(Box::new(message))
            }
        }
    }

    /// One by one: a part of a batch cannot be borrowed, and copies would cost more.
    async fn handle_all_but_errors(&self, batch: Batch<'_>, at: Duration) -> BatchOutcome {
        let mut failures = Vec::new();
        for (position, event) in batch.iter().enumerate() {
            if self.strikes(event, at) == Some(FaultKind::Error) {
                self.count(|counts| &counts.errors, 1);
                failures.push(Failure { position, reason: "injected".to_owned() });
                continue;
            }
            let outcome = self.0.handler.handle(Batch::owned(slice::from_ref(event))).await;
            if let BatchOutcome::Failed(own) = outcome {
                failures.extend(own.into_iter().map(|failure| Failure { position, ..failure }));
            }
        }
        BatchOutcome::Failed(failures)
    }
}

#[cfg(test)]
mod tests;
