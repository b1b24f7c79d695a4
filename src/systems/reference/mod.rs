//! What handing over costs when there is nothing to decide: [`Reference`], beside which the systems
//! are put.
//!
//! The targets of every event are known beforehand, as a [`Plan`]: no validation, no matching, no
//! counting beyond what the ledger needs. A shared pointer is pushed into the bounded queue of each
//! target, and the target's own task takes out what is there and gives it to the same handler that
//! the systems call, in batches of at most [`BATCH`].
//!
//! - *One by one*: each event takes each target's lock.
//! - *Batched*: the events of a batch are gathered by target, and each target's lock is taken once
//!   for every [`BATCH`] events. A single event goes the same way as one by one.
//!
//! Nothing is allocated per event or delivery once the buffers have grown. They are references, not
//! limits: sharing a whole batch among its targets goes below them.
//!
//! Since they validate nothing and ignore explicit targets and times, they do not pass the parts of
//! the conformance suite that are about refusing.

mod batched;
mod handling;
mod outbox;
mod plan;
mod queue;
mod single;
mod system;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

use crate::event::Name;
use crate::routing::SystemError;
use outbox::Outboxes;
use plan::Cursor;
pub use plan::Plan;
use queue::Queue;

/// Most events that are gathered before a lock is taken, and most that a handler gets at once:
/// the batch for which the references' costs were first measured.
pub const BATCH: usize = 64;

/// A system whose targets are given. See the [module](self).
///
/// The plan names services by number, in the order of registration from 0: register them all before
/// publishing. A number nobody has yet, or whose service has left, is passed over and not counted.
#[derive(Debug)]
pub struct Reference {
    mode: Mode,
    capacity: usize,
    plan: Cursor,
    /// One for each number in the plan; those without a service accept nothing.
    queues: Box<[Arc<Queue>]>,
    members: Mutex<Vec<Member>>,
    outboxes: Outboxes,
    turned_away: AtomicU64,
    closed: AtomicBool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    OneByOne,
    Batched,
}

/// A service in the order of registration. One that left keeps its place and its count.
#[derive(Debug)]
struct Member {
    name: Name,
    queue: Arc<Queue>,
    worker: AbortHandle,
    registered: bool,
}

impl Reference {
    /// Each event takes each target's lock, also in a batch. `capacity` is the number of events that
    /// wait in one queue at most; as many again may be in the hands of its task.
    ///
    /// # Panics
    /// If `capacity` is 0.
    pub fn one_by_one(plan: Plan, capacity: usize) -> Self {
        Self::new(Mode::OneByOne, plan, capacity)
    }

    /// Each target's lock is taken once for every [`BATCH`] events of a batch. `capacity` as in
    /// [`Reference::one_by_one`].
    ///
    /// # Panics
    /// If `capacity` is 0.
    pub fn batched(plan: Plan, capacity: usize) -> Self {
        Self::new(Mode::Batched, plan, capacity)
    }

    fn new(mode: Mode, plan: Plan, capacity: usize) -> Self {
        assert!(capacity > 0, "a queue without room for an event can take none");
        let plan = Cursor::new(plan);
        Self {
            mode,
            capacity,
            queues: (0..plan.services()).map(|_| Arc::new(Queue::new(capacity))).collect(),
            plan,
            members: Mutex::default(),
            outboxes: Outboxes::default(),
            turned_away: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        }
    }

    /// Members are pushed and marked whole, so a panic of another holder leaves them usable.
    fn members(&self) -> MutexGuard<'_, Vec<Member>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All queues that ever had a service.
    fn served_queues(&self) -> Vec<Arc<Queue>> {
        self.members().iter().map(|member| member.queue.clone()).collect()
    }

    fn check_open(&self) -> Result<(), SystemError> {
        if self.closed.load(Relaxed) { Err(SystemError::Closed) } else { Ok(()) }
    }

    /// Takes nothing new; workers end when they have served what is there.
    fn close(&self) {
        self.closed.store(true, Relaxed);
        self.members().iter().for_each(|member| member.queue.close());
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        self.close();
    }
}
