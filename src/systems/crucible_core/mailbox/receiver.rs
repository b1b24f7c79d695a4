use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use super::{Crowd, Gauges, Mailbox, Settled, State};
use crate::crucible_core::breaker::Allowance;
use crate::crucible_core::clock::{Clock, Moment, Timer};
use crate::crucible_core::limiter::Limiter;
use crate::crucible_core::sync::MutexGuard;
use crate::event::Event;
use crate::routing::{Parcel, Single};

/// The other end of a [`Mailbox`], in the hands of the task that serves it.
#[derive(Debug)]
pub struct Receiver {
    /// Deliveries in a batch at most.
    limit: usize,
    clock: Clock,
    limiter: Arc<Limiter>,
    timer: Timer,
    /// Empty between two takes; then its memory is swapped for what arrived.
    batch: Vec<Parcel>,
    /// Deliveries in the batch and late ones that were taken with it: permits that are not given back yet.
    permits: usize,
    begun: Moment,
    verdict: Verdict,
}

/// What to tell the mailbox about what was taken.
#[derive(Debug, Default)]
struct Verdict {
    acknowledged: usize,
    expired: usize,
    troubled: Option<Box<Settled>>,
}

impl Receiver {
    /// Makes batches of at most `limit` deliveries.
    pub fn new(limit: usize, clock: Clock, limiter: Arc<Limiter>) -> Self {
        Self {
            limit,
            clock,
            limiter,
            timer: Timer::default(),
            batch: Vec::new(),
            permits: 0,
            begun: Moment::default(),
            verdict: Verdict::default(),
        }
    }

    /// The deliveries to handle now, most urgent first.
    pub fn batch(&self) -> &[Parcel] {
        &self.batch
    }

    /// The same, event by event.
    pub fn events(&self) -> impl Iterator<Item = &Arc<Event>> {
        self.batch.iter().flat_map(Parcel::iter)
    }

    /// The same, delivery by delivery.
    pub fn singles(&self) -> impl Iterator<Item = Single> {
        self.batch.iter().flat_map(Parcel::singles)
    }

    /// When the batch was taken.
    pub fn begun(&self) -> Moment {
        self.begun
    }

    /// All of the batch is acknowledged. Lets go of it.
    pub fn acknowledge(&mut self) {
        self.verdict.acknowledged = self.permits - self.verdict.expired;
        self.let_go();
    }

    /// Some of the batch is not acknowledged. Lets go of it.
    pub fn settle(&mut self, settled: Settled) {
        self.verdict.troubled = Some(Box::new(settled));
        self.let_go();
    }

    fn let_go(&mut self) {
        self.batch.clear();
        self.limiter.give_back(std::mem::take(&mut self.permits));
    }

    /// For the end of the task: tells the mailbox what became of the last batch, if that was settled.
    pub fn finish(&mut self, mailbox: &Mailbox) {
        mailbox.lock().put_down(&mut self.verdict, &self.clock, &mailbox.load);
    }

    /// Makes the next batch. Ready with `false` once the mailbox is closed and everything is settled.
    pub fn poll_next(&mut self, mailbox: &Mailbox, cx: &mut Context<'_>) -> Poll<bool> {
        loop {
            let mut state = mailbox.lock();
            state.put_down(&mut self.verdict, &self.clock, &mailbox.load);
            if !state.delayed.is_empty() {
                state.release_due(self.clock.now());
                // Perhaps it was the timer that woke the task, and not who pushed.
                state.sleeper = None;
            }
            let waiting = state.waiting();
            if waiting == 0 {
                match rest(state, cx) {
                    Rest::Over => return Poll::Ready(false),
                    Rest::Until(None) => return Poll::Pending,
                    Rest::Until(Some(due)) => ready!(self.timer.poll(&self.clock, due, cx)),
                }
                continue;
            }
            let most = match state.breaker.allowance(|| self.clock.now()) {
                Allowance::All => self.limit,
                Allowance::Probes(probes) => self.limit.min(probes),
                Allowance::Nothing { until } => {
                    state.take_apart();
                    drop(state);
                    ready!(self.timer.poll(&self.clock, until, cx));
                    continue;
                }
            };
            let as_it_lies = waiting <= most && state.is_one_batch();
            if !as_it_lies {
                match expire(state, self.clock.now(), &mailbox.load) {
                    Some(nothing_late) => state = nothing_late,
                    // Now there may be something else.
                    None => continue,
                }
            }
            self.permits = self.limiter.take(waiting.min(most), cx.waker());
            if self.permits == 0 {
                state.take_apart();
                return Poll::Pending;
            }
            state.in_hand = self.permits;
            let in_time = if as_it_lies && self.permits == waiting {
                self.take_as_it_lies(state)
            } else {
                self.take_from_lanes(state)
            };
            if in_time {
                return Poll::Ready(true);
            }
            self.let_go();
        }
    }

    /// Makes all that arrived the batch. Returns whether some of it is not late.
    #[inline(always)]
    fn take_as_it_lies(&mut self, mut state: MutexGuard<'_, State>) -> bool {
        debug_assert!(self.batch.is_empty(), "the last batch is settled");
        std::mem::swap(&mut state.arrived, &mut self.batch);
        state.arrivals = 0;
        if std::mem::take(&mut state.mixed) {
            let retried = std::mem::take(&mut state.retried);
            made_room(state);
            self.batch.sort_by_key(|parcel| parcel.lanes().0);
            if retried {
                self.unshare_the_retried();
            }
        } else {
            made_room(state);
        }
        self.begun = self.clock.now();
        let some_late = self.batch.iter().any(|parcel| parcel.deadline < self.begun);
        !some_late || self.leave_out_the_late()
    }

    #[cold]
    fn leave_out_the_late(&mut self) -> bool {
        let late = self.batch.extract_if(.., |parcel| parcel.deadline < self.begun);
        self.verdict.expired = late.map(|parcel| parcel.len()).sum();
        !self.batch.is_empty()
    }

    /// Makes the most urgent of what waits the batch. Returns whether some of it is not late.
    #[cold]
    fn take_from_lanes(&mut self, mut state: MutexGuard<'_, State>) -> bool {
        self.begun = self.clock.now();
        state.sort();
        let mut expired = Vec::new();
        state.lanes.take(self.permits, self.begun, &mut self.batch, &mut expired);
        let retried = state.retried;
        state.retried &= state.lanes.len() > 0;
        made_room(state);
        if retried {
            self.unshare_the_retried();
        }
        self.verdict.expired = expired.iter().map(Parcel::len).sum();
        !self.batch.is_empty()
    }

    /// Whoever is handed an event is told how often it was tried: not before, so that copies are bounded by the batch.
    #[cold]
    fn unshare_the_retried(&mut self) {
        self.batch.iter_mut().for_each(Parcel::unshare);
    }
}

/// Its permits must not die with it.
impl Drop for Receiver {
    fn drop(&mut self) {
        self.let_go();
    }
}

impl State {
    /// What arrived has to wait: as in the lanes, no parcel may be sparse.
    #[cold]
    fn take_apart(&mut self) {
        self.sort();
    }

    /// Whether all that waits lies in the order of handling, or needs no more than sorting.
    #[inline]
    fn is_one_batch(&self) -> bool {
        self.lanes.len() == 0 && (!self.mixed || self.arrived.len() == self.arrivals)
    }

    #[inline(always)]
    fn put_down(&mut self, verdict: &mut Verdict, clock: &Clock, load: &Gauges) {
        let settled = verdict.acknowledged + verdict.expired;
        if settled > 0 {
            self.in_hand -= settled;
            self.counts.ledger.acknowledged += verdict.acknowledged as u64;
            self.counts.ledger.expired += verdict.expired as u64;
            load.settled(settled as u64);
            if verdict.acknowledged > 0 && self.breaker.acknowledged() {
                load.stands(self.breaker.standing());
            }
            (verdict.acknowledged, verdict.expired) = (0, 0);
        }
        if let Some(troubled) = verdict.troubled.take() {
            self.put_down_trouble(*troubled, clock.now(), load);
        }
    }

    #[cold]
    fn put_down_trouble(&mut self, troubled: Settled, now: Moment, load: &Gauges) {
        let Settled { acknowledged, retries, dead_lettered, timed_out, panicked } = troubled;
        let done = acknowledged.iter().filter(|&&acknowledged| acknowledged).count();
        self.in_hand -= acknowledged.len();
        self.counts.ledger.acknowledged += done as u64;
        self.counts.ledger.dead_lettered += dead_lettered as u64;
        self.counts.retried += retries.len() as u64;
        self.counts.timeouts += u64::from(timed_out);
        self.counts.panics += u64::from(panicked);
        for (due, single) in retries {
            self.delayed.push(single, due, Moment::NEVER);
        }
        self.breaker.settled(acknowledged, now);
        load.settled((done + dead_lettered) as u64);
        load.stands(self.breaker.standing());
    }
}

/// Late deliveries must not take the places of others in a batch: they go before it is made. Gives the state
/// back if none is late.
#[cold]
fn expire<'s>(mut state: MutexGuard<'s, State>, now: Moment, load: &Gauges) -> Option<MutexGuard<'s, State>> {
    let mut late = Vec::new();
    state.sort();
    state.lanes.expire(now, &mut late);
    if late.is_empty() {
        return Some(state);
    }
    let expired: usize = late.iter().map(Parcel::len).sum();
    state.counts.ledger.expired += expired as u64;
    load.settled(expired as u64);
    // Only then the late ones are dropped: they may be the last to hold the events.
    made_room(state);
    None
}

/// Lets go of the lock, then wakes who waits for room.
#[inline(always)]
fn made_room(mut state: MutexGuard<'_, State>) {
    if state.publishers.is_empty() {
        return;
    }
    let publishers = std::mem::take(&mut state.publishers);
    drop(state);
    wake_all(publishers);
}

#[cold]
fn wake_all(crowd: Crowd) {
    crowd.into_iter().for_each(Waker::wake);
}

/// What a task does for which nothing waits to be handed over.
enum Rest {
    /// It sleeps until something comes, or until this moment.
    Until(Option<Moment>),
    Over,
}

/// If nothing is left at all, who waits for that is told.
#[inline]
fn rest(mut state: MutexGuard<'_, State>, cx: &Context<'_>) -> Rest {
    let next = state.delayed.next();
    let over = next.is_none() && state.closed;
    if !over {
        state.sleeper = Some(cx.waker().clone());
    }
    if next.is_none() && !state.watchers.is_empty() {
        let watchers = std::mem::take(&mut state.watchers);
        drop(state);
        wake_all(watchers);
    }
    if over { Rest::Over } else { Rest::Until(next) }
}
