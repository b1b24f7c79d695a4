//! Where the events of one service wait.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;

use crate::event::{Event, Priority};

/// Where the events of one service wait until its task takes them: bounded, by priority.
///
/// What arrives lies in one list, in order of arrival, and is swapped out as a whole by the
/// [`Receiver`]. One lock guards it. Whoever pushes or takes holds it once for a whole batch, and what
/// is counted is counted under it, so that counting costs no atomics and always adds up.
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
    arrived: Vec<Arc<Event>>,
    /// Whether `arrived` is not in order of priority.
    mixed: bool,
    /// Taken by the receiver, but not yet in a batch.
    backlog: usize,
    /// In the batch that is being handled.
    in_hand: usize,
    counts: Counts,
    closed: bool,
    /// The service's task is gone; what waits or was in hand is lost to it.
    ended: bool,
    sleeper: Option<Waker>,
    wants_room: bool,
    wants_idle: bool,
}

/// The other end of a [`Mailbox`], in the hands of the task that serves it.
#[derive(Debug)]
pub struct Receiver {
    limit: usize,
    /// Empty between two takes; its memory goes back and forth.
    arrived: Vec<Arc<Event>>,
    /// What did not fit into a batch, one lane per priority.
    lanes: [VecDeque<Arc<Event>>; Priority::ALL.len()],
    batch: Vec<Arc<Event>>,
    settled: Settled,
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
        if state.waiting() >= self.capacity {
            return Pushed::Full;
        }
        state.mixed |= state.arrived.last().is_some_and(|last| last.priority > event.priority);
        state.arrived.push(event.clone());
        state.counts.accepted += 1;
        wake_sleeper(state);
        Pushed::All
    }

    /// Puts events in that are in order of priority, the first ones as long as there is room; takes
    /// those out of `events`.
    pub fn push_all(&self, events: &mut Vec<Arc<Event>>) -> Pushed {
        debug_assert!(events.is_sorted_by_key(|event| event.priority));
        let mut state = self.lock();
        if state.closed {
            return Pushed::Closed;
        }
        let room = self.capacity.saturating_sub(state.waiting());
        let Some(first) = events.first() else { return Pushed::All };
        if room == 0 {
            return Pushed::Full;
        }
        state.mixed |= state.arrived.last().is_some_and(|last| last.priority > first.priority);
        let fits = events.len() <= room;
        if fits {
            state.counts.accepted += events.len() as u64;
            state.arrived.append(events);
        } else {
            state.counts.accepted += room as u64;
            state.arrived.extend(events.drain(..room));
        }
        wake_sleeper(state);
        if fits { Pushed::All } else { Pushed::Full }
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

    /// Waits until nothing waits and nothing is in hand.
    pub async fn wait_idle(&self) {
        loop {
            let idle = self.idle.notified();
            tokio::pin!(idle);
            idle.as_mut().enable();
            {
                let mut state = self.lock();
                if state.ended || state.unsettled() == 0 {
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

    /// The service's task is gone: gives up what waits and what was in hand. Its receiver has to be
    /// gone before, or it still holds events.
    pub fn end(&self) {
        let arrived = {
            let mut state = self.lock();
            state.closed = true;
            state.ended = true;
            state.counts.abandoned += state.unsettled() as u64;
            (state.backlog, state.in_hand) = (0, 0);
            std::mem::take(&mut state.arrived)
        };
        drop(arrived); // outside the lock: it may be the last to hold the events
        self.room.notify_waiters();
        self.idle.notify_waiters();
    }

    /// What became of its deliveries so far.
    pub fn counts(&self) -> Counts {
        let state = self.lock();
        Counts { queued: state.unsettled() as u64, ..state.counts }
    }

    /// Whether its task came to its end.
    pub fn has_ended(&self) -> bool {
        self.lock().ended
    }
}

/// What became of a batch that was taken.
#[derive(Debug, Clone, Copy, Default)]
struct Settled {
    acknowledged: usize,
    failed: usize,
}

impl Receiver {
    /// Makes batches of at most `limit` events.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            arrived: Vec::new(),
            lanes: Default::default(),
            batch: Vec::new(),
            settled: Settled::default(),
        }
    }

    /// The events to handle now, most urgent first.
    pub fn batch(&self) -> &[Arc<Event>] {
        &self.batch
    }

    /// The batch is done; `failed` of its events failed. Lets go of them.
    pub fn settle(&mut self, failed: usize) {
        self.settled = Settled { acknowledged: self.batch.len() - failed, failed };
        self.batch.clear();
    }

    /// Makes the next batch. Ready with `false` once the mailbox is closed and empty.
    pub fn poll_next(&mut self, mailbox: &Mailbox, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = mailbox.lock();
        state.settle(std::mem::take(&mut self.settled));
        let waiting = state.waiting();
        if waiting == 0 {
            return state.rest(mailbox, cx);
        }
        std::mem::swap(&mut state.arrived, &mut self.arrived);
        let mixed = std::mem::take(&mut state.mixed);
        let whole = state.backlog == 0 && waiting <= self.limit;
        state.in_hand = waiting.min(self.limit);
        state.backlog = waiting - state.in_hand;
        let wants_room = std::mem::take(&mut state.wants_room);
        drop(state);
        if wants_room {
            mailbox.room.notify_waiters();
        }
        if whole {
            std::mem::swap(&mut self.arrived, &mut self.batch);
            if mixed {
                self.batch.sort_by_key(|event| event.priority);
            }
        } else {
            self.batch_from_lanes(waiting);
        }
        Poll::Ready(true)
    }

    fn batch_from_lanes(&mut self, waiting: usize) {
        for event in self.arrived.drain(..) {
            self.lanes[event.priority.lane()].push_back(event);
        }
        let places = self.places(waiting.min(self.limit));
        for (lane, places) in self.lanes.iter_mut().zip(places) {
            self.batch.extend(lane.drain(..places));
        }
    }

    /// How many of each lane go into a batch of `len`, which is no more than wait.
    fn places(&self, len: usize) -> [usize; Priority::ALL.len()] {
        let waiting = [0, 1, 2, 3].map(|lane: usize| self.lanes[lane].len());
        if waiting.iter().sum::<usize>() == len {
            return waiting;
        }
        let mut places = [0, 1, 2, 3].map(|lane: usize| waiting[lane].min(KEPT_PLACES[lane]));
        let mut left = len - places.iter().sum::<usize>();
        for (places, waiting) in places.iter_mut().zip(waiting) {
            let more = left.min(waiting - *places);
            *places += more;
            left -= more;
        }
        places
    }
}

impl State {
    fn waiting(&self) -> usize {
        self.arrived.len() + self.backlog
    }

    fn unsettled(&self) -> usize {
        self.waiting() + self.in_hand
    }

    fn settle(&mut self, settled: Settled) {
        self.counts.acknowledged += settled.acknowledged as u64;
        self.counts.failed += settled.failed as u64;
        self.in_hand -= settled.acknowledged + settled.failed;
    }

    /// Nothing waits: tells who wants to know, and has the task woken when something comes.
    fn rest(&mut self, mailbox: &Mailbox, cx: &mut Context<'_>) -> Poll<bool> {
        if std::mem::take(&mut self.wants_idle) {
            mailbox.idle.notify_waiters();
        }
        if self.closed {
            return Poll::Ready(false);
        }
        self.sleeper = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// Lets go of the lock, then wakes the service's task if it sleeps.
fn wake_sleeper(mut state: MutexGuard<'_, State>) {
    let sleeper = state.sleeper.take();
    drop(state);
    if let Some(sleeper) = sleeper {
        sleeper.wake();
    }
}
