use std::future::poll_fn;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::event::{Event, Name};
use crate::routing::{Ledger, ServiceStatistics};

/// Events that wait for one service, and all that is counted of it: whoever counts holds the lock
/// anyway.
#[derive(Debug)]
pub(super) struct Queue {
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Arc<Event>>,
    /// Taken out by the worker; those that it has done meanwhile included.
    in_hand: usize,
    counts: Counts,
    /// Whether it takes events.
    open: bool,
    /// Whether it has a worker.
    served: bool,
    /// The worker, when it sleeps.
    sleeper: Option<Waker>,
    /// Publishers that wait for room.
    crowd: Vec<Waker>,
    /// Who waits for the worker to be idle, or to end.
    watchers: Vec<Waker>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    accepted: u64,
    settled: Settled,
    abandoned: u64,
}

/// What a worker has done since it last told its queue.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Settled {
    pub(super) acknowledged: u64,
    pub(super) failed: u64,
}

/// What became of an event that was pushed.
pub(super) enum Pushed {
    Accepted,
    /// Nobody serves this queue, or not any more.
    Closed,
    Full(Arc<Event>),
}

/// What became of events that were appended. Those that were not accepted stay where they were.
#[derive(Debug, Clone, Copy)]
pub(super) struct Appended {
    pub(super) accepted: usize,
    pub(super) open: bool,
}

impl Queue {
    /// Closed until [`Queue::open`].
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, state: Mutex::default() }
    }

    /// No code of others runs under this lock, so a state left behind by a panic is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker is about to serve it.
    pub(super) fn open(&self) {
        let mut state = self.lock();
        (state.open, state.served) = (true, true);
    }

    /// Takes nothing more.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.open = false;
        let (sleeper, crowd) = (state.sleeper.take(), mem::take(&mut state.crowd));
        drop(state);
        wake(sleeper.into_iter().chain(crowd));
    }

    #[inline]
    pub(super) fn push(&self, event: Arc<Event>) -> Pushed {
        let mut state = self.lock();
        if !state.open {
            return Pushed::Closed;
        }
        if state.waiting.len() >= self.capacity {
            return Pushed::Full(event);
        }
        state.waiting.push(event);
        state.counts.accepted += 1;
        unlock_and_wake_worker(state);
        Pushed::Accepted
    }

    /// Pushes as many from the front as there is room for.
    #[inline]
    pub(super) fn append(&self, events: &mut Vec<Arc<Event>>) -> Appended {
        let mut state = self.lock();
        if !state.open {
            return Appended { accepted: 0, open: false };
        }
        let accepted = events.len().min(self.capacity - state.waiting.len());
        if accepted == events.len() {
            state.waiting.append(events);
        } else {
            state.waiting.extend(events.drain(..accepted));
        }
        state.counts.accepted += accepted as u64;
        unlock_and_wake_worker(state);
        Appended { accepted, open: true }
    }

    /// Waits until there is room, or until it is closed.
    pub(super) async fn room(&self) {
        poll_fn(|cx| {
            let mut state = self.lock();
            if !state.open || state.waiting.len() < self.capacity {
                return Poll::Ready(());
            }
            enlist(&mut state.crowd, cx);
            Poll::Pending
        })
        .await;
    }

    /// For the worker: puts down what it has settled and swaps all that waits for its empty buffer.
    /// Ready with whether there is something to do; nothing will come any more if there is not.
    pub(super) fn poll_take(
        &self,
        cx: &mut Context<'_>,
        taken: &mut Vec<Arc<Event>>,
        settled: &mut Settled,
    ) -> Poll<bool> {
        let mut state = self.lock();
        state.put_down(settled);
        mem::swap(&mut state.waiting, taken);
        state.in_hand = taken.len();
        if !taken.is_empty() {
            let crowd = mem::take(&mut state.crowd);
            drop(state);
            wake(crowd);
            return Poll::Ready(true);
        }
        if !state.open {
            return Poll::Ready(false);
        }
        state.sleeper = Some(cx.waker().clone());
        let watchers = mem::take(&mut state.watchers);
        drop(state);
        wake(watchers);
        Poll::Pending
    }

    /// For the worker, when it ends: gives up what it has not settled and what waits.
    pub(super) fn end(&self, settled: &mut Settled) {
        let mut state = self.lock();
        let unsettled = state.in_hand as u64 - settled.acknowledged - settled.failed;
        state.put_down(settled);
        let waiting = mem::take(&mut state.waiting);
        state.counts.abandoned += unsettled + waiting.len() as u64;
        (state.in_hand, state.open, state.served) = (0, false, false);
        let (crowd, watchers) = (mem::take(&mut state.crowd), mem::take(&mut state.watchers));
        drop(state);
        drop(waiting);
        wake(crowd.into_iter().chain(watchers));
    }

    pub(super) fn is_idle(&self) -> bool {
        self.lock().is_idle()
    }

    /// Waits until nothing waits and nothing is in the worker's hands; how many were accepted so far.
    pub(super) async fn idle(&self) -> u64 {
        self.watch(|state| state.is_idle().then_some(state.counts.accepted)).await
    }

    /// Waits until it has no worker any more.
    pub(super) async fn ended(&self) {
        self.watch(|state| (!state.served).then_some(())).await;
    }

    async fn watch<T>(&self, look: impl Fn(&State) -> Option<T>) -> T {
        poll_fn(|cx| {
            let mut state = self.lock();
            if let Some(seen) = look(&state) {
                return Poll::Ready(seen);
            }
            enlist(&mut state.watchers, cx);
            Poll::Pending
        })
        .await
    }

    pub(super) fn add_to(&self, ledger: &mut Ledger) {
        let state = self.lock();
        ledger.accepted += state.counts.accepted;
        ledger.acknowledged += state.counts.settled.acknowledged;
        ledger.failed += state.counts.settled.failed;
        ledger.queued += state.queued();
        ledger.abandoned += state.counts.abandoned;
    }

    /// The entries of each structure, by what they are.
    pub(super) fn lengths(&self) -> [(&'static str, usize); 4] {
        let state = self.lock();
        [
            ("events that wait", state.waiting.len()),
            ("events in hand", state.in_hand),
            ("publishers that wait for room", state.crowd.len()),
            ("calls that wait", state.watchers.len()),
        ]
    }

    pub(super) fn statistics(&self, name: Name) -> ServiceStatistics {
        let state = self.lock();
        let Settled { acknowledged, failed } = state.counts.settled;
        ServiceStatistics { queued: state.queued(), acknowledged, failed, ..ServiceStatistics::new(name) }
    }
}

impl State {
    fn is_idle(&self) -> bool {
        self.in_hand == 0 && self.waiting.is_empty()
    }

    fn queued(&self) -> u64 {
        (self.waiting.len() + self.in_hand) as u64
    }

    fn put_down(&mut self, settled: &mut Settled) {
        let Settled { acknowledged, failed } = mem::take(settled);
        self.counts.settled.acknowledged += acknowledged;
        self.counts.settled.failed += failed;
    }
}

/// Waking happens outside the lock: who is woken wants it.
#[inline]
fn unlock_and_wake_worker(mut state: MutexGuard<'_, State>) {
    let sleeper = state.sleeper.take();
    drop(state);
    if let Some(worker) = sleeper {
        worker.wake();
    }
}

fn wake(wakers: impl IntoIterator<Item = Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}

/// A task that is polled again while it waits is listed once.
fn enlist(list: &mut Vec<Waker>, cx: &Context<'_>) {
    if !list.iter().any(|waker| waker.will_wake(cx.waker())) {
        list.push(cx.waker().clone());
    }
}
