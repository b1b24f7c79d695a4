//! A service that does with each event what its script says, and takes note of every try.

use std::any::Any;
use std::fmt;
use std::future::pending;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::witness::Gate;
use crate::event::{Event, EventId};
use crate::routing::{Batch, BatchOutcome, Failure, Handler};

/// What is done about an event.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Acknowledge,
    Fail,
    /// Never done.
    Stall,
    Panic,
    /// Done after this time.
    Take(Duration),
    /// Done when the gate is open.
    Pass(Gate),
}

/// What a failure says, and a panic.
pub(super) const REASON: &str = "it is to fail";

/// One event in the hands of its handler.
#[derive(Debug, Clone)]
pub(super) struct Try {
    pub(super) event: Event,
    /// Those of one batch have the same.
    pub(super) batch: usize,
    pub(super) begun: Instant,
    /// When the handler returned, panicked or was dropped.
    pub(super) ended: Option<Instant>,
}

/// See the [module](self). Clones share what they note.
#[derive(Clone)]
pub(super) struct Actor {
    script: Arc<dyn Fn(&Event) -> Act + Send + Sync>,
    notes: Arc<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    tries: Mutex<Vec<Try>>,
    count: watch::Sender<usize>,
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.notes.fmt(f)
    }
}

impl Actor {
    pub(super) fn new(script: impl Fn(&Event) -> Act + Send + Sync + 'static) -> Self {
        Self { script: Arc::new(script), notes: Arc::default() }
    }

    /// Fails everything while it is ill.
    pub(super) fn with(health: &Illness) -> Self {
        let health = health.clone();
        Self::new(move |_| if health.is_ill() { Act::Fail } else { Act::Acknowledge })
    }

    pub(super) fn tries(&self) -> Vec<Try> {
        self.lock().clone()
    }

    pub(super) fn events(&self) -> Vec<Event> {
        self.lock().iter().map(|attempt| attempt.event.clone()).collect()
    }

    pub(super) fn ids(&self) -> Vec<EventId> {
        self.lock().iter().map(|attempt| attempt.event.id).collect()
    }

    /// Waits until so many tries were begun.
    pub(super) async fn reached(&self, count: usize) {
        // The sender lives in `self`, so the channel is open.
        let _ = self.notes.count.subscribe().wait_for(|&seen| seen >= count).await;
    }

    /// Only pushing and setting happen under this lock, so what a panic left behind is whole.
    fn lock(&self) -> MutexGuard<'_, Vec<Try>> {
        self.notes.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, batch: Batch<'_>) -> Leave<'_> {
        let mut tries = self.lock();
        let (first, begun) = (tries.len(), Instant::now());
        let number = tries.last().map_or(0, |last| last.batch + 1);
        tries.extend(batch.iter().map(|event| Try {
            event: event.clone(),
            batch: number,
            begun,
            ended: None,
        }));
        let count = tries.len();
        drop(tries);
        self.notes.count.send_replace(count);
        Leave { actor: self, first, count }
    }
}

/// Notes when the handler is through with a batch, in whichever way.
struct Leave<'a> {
    actor: &'a Actor,
    first: usize,
    count: usize,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let now = Some(Instant::now());
        self.actor.lock()[self.first..self.count].iter_mut().for_each(|attempt| attempt.ended = now);
    }
}

impl Handler for Actor {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        let _leave = self.begin(batch);
        let mut failures = Vec::new();
        let (mut stalls, mut panics) = (false, false);
        for (position, event) in batch.iter().enumerate() {
            match (self.script)(event) {
                Act::Acknowledge => {}
                Act::Fail => failures.push(Failure { position, reason: REASON.to_owned() }),
                Act::Stall => stalls = true,
                Act::Panic => panics = true,
                Act::Take(time) => sleep(time).await,
                Act::Pass(gate) => gate.pass().await,
            }
        }
        if stalls {
            pending::<()>().await;
        }
        if panics {
            panic_quietly();
        }
        if failures.is_empty() { BatchOutcome::Acknowledged } else { BatchOutcome::Failed(failures) }
    }
}

/// Panics without the message on the terminal, which would alarm who reads a report in which all is well.
pub(super) fn panic_quietly() -> ! {
    let message: Box<dyn Any + Send> = Box::new(REASON.to_owned());
    resume_unwind(message)
}

/// Whether a service is ill at the moment; well at first.
#[derive(Debug, Clone, Default)]
pub(super) struct Illness(Arc<AtomicBool>);

impl Illness {
    pub(super) fn begins(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub(super) fn ends(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    fn is_ill(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
