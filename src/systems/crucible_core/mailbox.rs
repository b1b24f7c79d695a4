//! Where the events of one service wait.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;

use crate::event::{Event, Priority};

/// Where the events of one service wait: bounded, one lane per priority, taken out in batches.
///
/// One lock guards all of it. Whoever pushes or takes holds it once for a whole batch, and what is
/// counted is counted under it, so that counting costs no atomics and always adds up.
#[derive(Debug)]
pub struct Mailbox {
    capacity: usize,
    state: Mutex<State>,
    /// Told when room appears while someone waits for it, and on close.
    room: Notify,
    /// Told when the service finds nothing more to do while someone waits for that, and at its end.
    idle: Notify,
}

#[derive(Debug, Default)]
struct State {
    lanes: [VecDeque<Arc<Event>>; Priority::ALL.len()],
    waiting: usize,
    /// Taken, but not yet reported as settled.
    in_hand: usize,
    counts: Counts,
    closed: bool,
    /// The service's task is gone; what waits or was in hand is lost to it.
    ended: bool,
    sleeper: Option<Waker>,
    wants_room: bool,
    wants_idle: bool,
}

/// What became of the deliveries of a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)] // as in the ledger of the same names
pub struct Counts {
    pub accepted: u64,
    pub acknowledged: u64,
    pub failed: u64,
    pub queued: u64,
    pub abandoned: u64,
}

impl Counts {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            accepted: self.accepted + other.accepted,
            acknowledged: self.acknowledged + other.acknowledged,
            failed: self.failed + other.failed,
            queued: self.queued + other.queued,
            abandoned: self.abandoned + other.abandoned,
        }
    }
}

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// All are in.
    All,
    /// As many as there was room for are in; the rest is where it was.
    Full,
    /// The service takes nothing any more.
    Closed,
}

/// Of each batch, this many places are kept for events of each priority that wait, most urgent
/// first; the rest goes to the most urgent. So Low moves however much Critical arrives, and a flood
/// of Low takes no more than its 2 of 64 from the others.
const KEPT_PLACES: [usize; Priority::ALL.len()] = [0, 8, 4, 2];

/// The smallest batch that still has a place for every priority.
pub(super) const SMALLEST_BATCH: usize = 16;

impl Mailbox {
    /// Room for `capacity` events.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, state: Mutex::default(), room: Notify::new(), idle: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds this lock")
    }

    /// Puts one event in, if there is room.
    pub fn push(&self, event: &Arc<Event>) -> Pushed {
        let mut state = self.lock();
        if state.closed {
            return Pushed::Closed;
        }
        if state.waiting >= self.capacity {
            return Pushed::Full;
        }
        state.put(event.clone());
        state.counts.accepted += 1;
        state.wake()
    }

    /// Puts events in, in order, as long as there is room; takes those out of `events`.
    pub fn push_all(&self, events: &mut Vec<Arc<Event>>) -> Pushed {
        let mut state = self.lock();
        if state.closed {
            return Pushed::Closed;
        }
        let room = (self.capacity - state.waiting).min(events.len());
        if room == 0 && !events.is_empty() {
            return Pushed::Full;
        }
        for event in events.drain(..room) {
            state.put(event);
        }
        state.counts.accepted += room as u64;
        match state.wake() {
            Pushed::All if !events.is_empty() => Pushed::Full,
            pushed => pushed,
        }
    }

    /// Puts all events in, waiting for room as often as it takes. Those that it leaves in `events`
    /// found the service gone.
    pub async fn push_all_waiting(&self, events: &mut Vec<Arc<Event>>) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            self.lock().wants_room = true;
            match self.push_all(events) {
                Pushed::All | Pushed::Closed => return,
                Pushed::Full => room.await,
            }
        }
    }

    /// Takes the next batch of at most `limit` into the empty `batch`, most urgent first, and reports what became of the
    /// last one. Ready with `false` once the mailbox is closed and empty.
    pub fn poll_take(
        &self,
        cx: &mut Context<'_>,
        batch: &mut VecDeque<Arc<Event>>,
        limit: usize,
        settled: &mut Settled,
    ) -> Poll<bool> {
        let mut state = self.lock();
        state.settle(std::mem::take(settled));
        if state.waiting == 0 {
            if state.wants_idle {
                state.wants_idle = false;
                self.idle.notify_waiters();
            }
            if state.closed {
                return Poll::Ready(false);
            }
            state.sleeper = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.take(batch, limit);
        if state.wants_room {
            state.wants_room = false;
            drop(state);
            self.room.notify_waiters();
        }
        Poll::Ready(true)
    }

    /// Waits until nothing waits and nothing is in hand.
    pub async fn wait_idle(&self) {
        loop {
            let idle = self.idle.notified();
            tokio::pin!(idle);
            idle.as_mut().enable();
            {
                let mut state = self.lock();
                if state.ended || state.waiting + state.in_hand == 0 {
                    return;
                }
                state.wants_idle = true;
            }
            idle.await;
        }
    }

    /// Takes nothing more in. What waits is still handed out.
    pub fn close(&self) {
        let sleeper = {
            let mut state = self.lock();
            state.closed = true;
            state.sleeper.take()
        };
        self.room.notify_waiters();
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    /// The service's task is gone: gives up what waits and what was in hand.
    pub fn end(&self) {
        let lanes = {
            let mut state = self.lock();
            state.closed = true;
            state.ended = true;
            state.counts.abandoned += (state.waiting + state.in_hand) as u64;
            (state.waiting, state.in_hand) = (0, 0);
            std::mem::take(&mut state.lanes)
        };
        drop(lanes); // outside the lock: it may be the last to hold the events
        self.room.notify_waiters();
        self.idle.notify_waiters();
    }

    /// What became of its deliveries so far.
    pub fn counts(&self) -> Counts {
        let state = self.lock();
        Counts { queued: (state.waiting + state.in_hand) as u64, ..state.counts }
    }

    /// Whether its task came to its end.
    pub fn has_ended(&self) -> bool {
        self.lock().ended
    }
}

/// What became of a batch that was taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settled {
    /// Done.
    pub acknowledged: usize,
    /// Failed; both together are all of the batch.
    pub failed: usize,
}

impl State {
    fn put(&mut self, event: Arc<Event>) {
        self.lanes[event.priority.lane()].push_back(event);
        self.waiting += 1;
    }

    fn settle(&mut self, settled: Settled) {
        self.counts.acknowledged += settled.acknowledged as u64;
        self.counts.failed += settled.failed as u64;
        self.in_hand -= settled.acknowledged + settled.failed;
    }

    fn take(&mut self, batch: &mut VecDeque<Arc<Event>>, limit: usize) {
        if self.waiting <= limit {
            // Lane by lane as a block of memory.
            self.lanes.iter_mut().for_each(|lane| batch.append(lane));
        } else {
            let places = self.places(limit);
            for (lane, places) in self.lanes.iter_mut().zip(places) {
                batch.extend(lane.drain(..places));
            }
        }
        self.in_hand = batch.len();
        self.waiting -= batch.len();
    }

    /// How many of each lane go into a batch of `limit`, when more than that wait.
    fn places(&self, limit: usize) -> [usize; Priority::ALL.len()] {
        let waiting = [0, 1, 2, 3].map(|lane: usize| self.lanes[lane].len());
        let mut places = [0, 1, 2, 3].map(|lane: usize| waiting[lane].min(KEPT_PLACES[lane]));
        let mut left = limit - places.iter().sum::<usize>();
        for (places, waiting) in places.iter_mut().zip(waiting) {
            let more = left.min(waiting - *places);
            *places += more;
            left -= more;
        }
        places
    }
}

trait Wake {
    fn wake(self) -> Pushed;
}

impl Wake for MutexGuard<'_, State> {
    /// Lets go of the lock, then wakes the service's task if it sleeps.
    fn wake(mut self) -> Pushed {
        let sleeper = self.sleeper.take();
        drop(self);
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
        Pushed::All
    }
}
