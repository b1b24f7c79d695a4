//! Where the deliveries of one service wait, and what became of them.
//!
//! ```text
//! push ─► arrived ─► lanes, one per priority ─► batch ─► handler ─► acknowledged
//!    └──► delayed ──────┘ ▲ when due                        │ failed
//!            ▲            │                                 ▼
//!            └────────────┴──────── retry ◄──────────── settled ─► dead letter
//! ```

mod delayed;
mod lanes;
mod receiver;
mod settled;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use smallvec::SmallVec;

pub(super) use lanes::SMALLEST_BATCH;
pub use receiver::Receiver;
pub use settled::{Counts, Settled};

use self::delayed::Delayed;
use self::lanes::Lanes;
use super::breaker::{Breaker, Standing};
use super::clock::Moment;
use super::sync::{AtomicU64, Mutex, MutexGuard, Ordering};
use crate::routing::{BreakerPolicy, Ledger, Parcel, Single};

/// Where the deliveries of one service wait until its task takes them: bounded, by priority, and held
/// back while its breaker is open.
///
/// What arrives lies in one list, in order of arrival, and is swapped out as a whole by the
/// [`Receiver`]. One lock guards it. Whoever pushes or takes holds it once for a whole batch, and what
/// is counted is counted under it, so that counting costs no atomics and always adds up.
#[derive(Debug)]
pub struct Mailbox {
    capacity: usize,
    state: Mutex<State>,
    load: Gauges,
}

/// What balancing looks at without the lock.
#[derive(Debug, Default)]
struct Gauges {
    unsettled: AtomicU64,
    unhealthy_until: AtomicU64,
    degraded_until: AtomicU64,
}

#[derive(Debug)]
struct State {
    arrived: Vec<Parcel>,
    /// Deliveries in `arrived`.
    arrivals: usize,
    /// Whether `arrived` is not in order of priority.
    mixed: bool,
    lanes: Lanes,
    delayed: Delayed,
    /// Whether some that wait to be handed over share their event with others, but not its retry count.
    retried: bool,
    /// In the batch that is being handled.
    in_hand: usize,
    counts: Counts,
    breaker: Breaker,
    closed: bool,
    /// The service's task is gone; what waits or was in hand is lost to it.
    ended: bool,
    /// The service's task, while it sleeps for want of deliveries.
    sleeper: Option<Waker>,
    /// Who waits for room.
    publishers: Crowd,
    /// Who waits for all to be settled.
    watchers: Crowd,
}

/// Mostly nobody or one: then no memory is taken for it.
type Crowd = SmallVec<[Waker; 1]>;

/// What became of a push.
#[derive(Debug)]
pub enum Pushed {
    /// All are in.
    All,
    /// As many as there was room for are in; these are left.
    Full(Parcel),
    /// The service takes nothing any more; these are left.
    Closed(Parcel),
}

impl Pushed {
    fn but(left: Parcel) -> Self {
        if left.is_empty() { Self::All } else { Self::Full(left) }
    }
}

impl Mailbox {
    /// Room for `capacity` deliveries.
    pub fn new(capacity: usize, breaker: BreakerPolicy) -> Self {
        let state = State {
            arrived: Vec::new(),
            arrivals: 0,
            mixed: false,
            lanes: Lanes::default(),
            delayed: Delayed::default(),
            retried: false,
            in_hand: 0,
            counts: Counts::default(),
            breaker: Breaker::new(breaker),
            closed: false,
            ended: false,
            sleeper: None,
            publishers: Crowd::new(),
            watchers: Crowd::new(),
        };
        Self { capacity, state: Mutex::new(state), load: Gauges::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    fn room(&self, state: &State) -> usize {
        self.capacity.saturating_sub(state.waiting() + state.delayed.len())
    }

    /// Puts the first deliveries in, as long as there is room. They are to be begun by `deadline`.
    #[inline(always)]
    pub fn push(&self, mut parcel: Parcel, deadline: Moment) -> Pushed {
        parcel.deadline = deadline;
        let mut state = self.lock();
        if state.closed {
            return Pushed::Closed(parcel);
        }
        let room = self.room(&state);
        if parcel.len() <= room {
            self.accept(&mut state, parcel.len());
            state.arrive(parcel);
            wake_sleeper(state);
            return Pushed::All;
        }
        self.push_what_fits(state, parcel, room)
    }

    #[cold]
    fn push_what_fits(&self, mut state: MutexGuard<'_, State>, mut parcel: Parcel, room: usize) -> Pushed {
        if room > 0 {
            self.accept(&mut state, room);
            state.arrive(parcel.take_first(room));
            wake_sleeper(state);
        }
        Pushed::Full(parcel)
    }

    /// The same as [`Mailbox::push`], but where there is no room, deliveries that wait make room for more urgent
    /// ones, as [`OnFull::DropLowest`](crate::routing::OnFull::DropLowest) says. These are added to `displaced`, one by
    /// one.
    pub fn push_displacing(&self, parcel: Parcel, deadline: Moment, displaced: &mut Vec<Single>) -> Pushed {
        let mut parcel = match self.push(parcel, deadline) {
            Pushed::Full(rest) => rest,
            pushed => return pushed,
        };
        let mut state = self.lock();
        if state.closed {
            return Pushed::Closed(parcel);
        }
        state.sort();
        while !parcel.is_empty() {
            if self.room(&state) == 0 {
                let Some(youngest) = state.lanes.displace_for(parcel.lanes().0) else {
                    break;
                };
                state.counts.ledger.dead_lettered += 1;
                state.counts.displaced += 1;
                displaced.extend(youngest.singles());
                self.load.settled(1);
            }
            let first = parcel.take_first(1);
            self.accept(&mut state, 1);
            state.lanes.push(first);
        }
        wake_sleeper(state);
        Pushed::but(parcel)
    }

    /// The same as [`Mailbox::push`] for deliveries that are due at some later moment; they wait beside the
    /// others until then.
    pub fn push_delayed(&self, mut parcel: Parcel, due: Moment, deadline: Moment) -> Pushed {
        let mut state = self.lock();
        if state.closed {
            return Pushed::Closed(parcel);
        }
        let accepted = parcel.take_first(self.room(&state));
        self.accept(&mut state, accepted.len());
        accepted.singles().for_each(|single| state.delayed.push(single, due, deadline));
        // The task has to set its alarm.
        wake_sleeper(state);
        Pushed::but(parcel)
    }

    /// Whether it would take one more, or say that it takes nothing any more; `displaces`: or one that waits would make
    /// room for one of this lane. A look that changes nothing: to sort what arrived might let go of an envelope, and what
    /// there is room for would depend on who was asked.
    pub(super) fn takes_one(&self, displaces: Option<usize>) -> bool {
        let state = self.lock();
        if state.closed || self.room(&state) > 0 {
            return true;
        }
        displaces.is_some_and(|lane| {
            state.lanes.has_below(lane) || state.arrived.iter().any(|parcel| parcel.lanes().1 > lane)
        })
    }

    fn accept(&self, state: &mut State, deliveries: usize) {
        state.counts.ledger.accepted += deliveries as u64;
        self.load.accepted(deliveries as u64);
    }

    /// Ready once there is room, or the service takes nothing any more.
    pub async fn wait_for_room(&self) {
        poll_fn(|cx| {
            let mut state = self.lock();
            if state.closed || self.room(&state) > 0 {
                return Poll::Ready(());
            }
            enlist(&mut state.publishers, cx);
            Poll::Pending
        })
        .await;
    }

    /// Waits until all that was accepted is settled.
    pub async fn wait_idle(&self) {
        poll_fn(|cx| {
            let mut state = self.lock();
            if state.ended || state.unsettled() == 0 {
                return Poll::Ready(());
            }
            enlist(&mut state.watchers, cx);
            Poll::Pending
        })
        .await;
    }

    /// Takes nothing more in. What waits is still handed out.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let publishers = std::mem::take(&mut state.publishers);
        wake_sleeper(state);
        publishers.into_iter().for_each(Waker::wake);
    }

    /// The service's task is gone: gives up what waits and what was in hand. Its receiver has to be
    /// gone before, or it still holds events.
    pub fn end(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.ended = true;
        state.counts.ledger.abandoned += state.unsettled() as u64;
        (state.in_hand, state.arrivals) = (0, 0);
        let arrived = std::mem::take(&mut state.arrived);
        let (lanes, delayed) = (state.lanes.clear(), std::mem::take(&mut state.delayed));
        let (publishers, watchers) =
            (std::mem::take(&mut state.publishers), std::mem::take(&mut state.watchers));
        self.load.unsettled.store(0, Ordering::Relaxed);
        drop(state);
        drop((arrived, lanes, delayed)); // outside the lock: they may be the last to hold the events
        publishers.into_iter().chain(watchers).for_each(Waker::wake);
    }

    /// What became of its deliveries so far.
    pub fn counts(&self) -> Counts {
        let state = self.lock();
        let waiting = state.delayed.len() as u64;
        let queued = state.unsettled() as u64 - waiting;
        let ledger = Ledger { waiting, queued, ..state.counts.ledger };
        Counts { ledger, breaker_opened: state.breaker.opened(), ..state.counts }
    }

    /// The entries of each structure, by what they are.
    pub fn lengths(&self) -> [(&'static str, usize); 6] {
        let state = self.lock();
        [
            ("parcels that arrived", state.arrived.len()),
            ("parcels in lanes", state.lanes.parcels()),
            ("deliveries due later", state.delayed.len()),
            ("deliveries in hand", state.in_hand),
            ("publishers that wait for room", state.publishers.len()),
            ("calls that wait for quiet", state.watchers.len()),
        ]
    }

    /// Deliveries that are not settled, as far as was told.
    pub fn unsettled(&self) -> u64 {
        self.load.unsettled.load(Ordering::Relaxed)
    }

    /// Whether the service can be relied on.
    pub fn standing(&self) -> Standing {
        let moment = |gauge: &AtomicU64| Moment(gauge.load(Ordering::Relaxed));
        Standing {
            unhealthy_until: moment(&self.load.unhealthy_until),
            degraded_until: moment(&self.load.degraded_until),
        }
    }

    /// Whether its task came to its end.
    pub fn has_ended(&self) -> bool {
        self.lock().ended
    }
}

/// Written under the mailbox's lock only.
impl Gauges {
    fn accepted(&self, deliveries: u64) {
        let unsettled = self.unsettled.load(Ordering::Relaxed);
        self.unsettled.store(unsettled + deliveries, Ordering::Relaxed);
    }

    fn settled(&self, deliveries: u64) {
        let unsettled = self.unsettled.load(Ordering::Relaxed);
        self.unsettled.store(unsettled - deliveries, Ordering::Relaxed);
    }

    fn stands(&self, standing: Standing) {
        self.unhealthy_until.store(standing.unhealthy_until.0, Ordering::Relaxed);
        self.degraded_until.store(standing.degraded_until.0, Ordering::Relaxed);
    }
}

impl State {
    /// Deliveries that may be handed over now.
    fn waiting(&self) -> usize {
        self.arrivals + self.lanes.len()
    }

    fn unsettled(&self) -> usize {
        self.waiting() + self.delayed.len() + self.in_hand
    }

    /// Never a sparse parcel, as in the lanes, unless the task is about to take it.
    #[inline(always)]
    fn arrive(&mut self, parcel: Parcel) {
        if let Some(last) = self.arrived.last()
            && !self.mixed
        {
            self.mixed = parcel.lanes().0 < last.lanes().1;
        }
        self.arrivals += parcel.len();
        if parcel.is_sparse() && self.sleeper.is_none() {
            self.arrive_singly(&parcel);
        } else {
            self.arrived.push(parcel);
        }
    }

    #[inline(never)]
    fn arrive_singly(&mut self, parcel: &Parcel) {
        parcel.each_single(|single| self.arrived.push(single));
    }

    /// Puts what arrived into its lanes.
    fn sort(&mut self) {
        let Self { arrived, lanes, .. } = self;
        arrived.drain(..).for_each(|parcel| lanes.push(parcel));
        (self.arrivals, self.mixed) = (0, false);
    }

    /// Lets what is due join what waits.
    fn release_due(&mut self, now: Moment) {
        while let Some(parcel) = self.delayed.pop_due(now) {
            let retried = parcel.is_retried();
            self.arrive(parcel);
            // It must not be handed over as it lies.
            self.mixed |= retried;
            self.retried |= retried;
        }
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

fn enlist(crowd: &mut Crowd, cx: &Context<'_>) {
    if !crowd.iter().any(|waker| waker.will_wake(cx.waker())) {
        crowd.push(cx.waker().clone());
    }
}
