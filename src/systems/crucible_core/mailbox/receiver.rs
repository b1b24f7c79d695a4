use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use super::{Gauges, Mailbox, Settled, State, Waiting};
use crate::crucible_core::breaker::Allowance;
use crate::crucible_core::clock::{Clock, Moment, Timer};
use crate::crucible_core::limiter::Limiter;
use crate::crucible_core::sync::MutexGuard;
use crate::event::Event;
use crate::routing::Parcel;

/// The other end of a [`Mailbox`], in the hands of the task that serves it.
#[derive(Debug)]
pub struct Receiver {
    /// Deliveries in a batch at most.
    limit: usize,
    clock: Clock,
    limiter: Arc<Limiter>,
    timer: Timer,
    /// Empty between two takes; its memory goes back and forth.
    arrived: Vec<Waiting>,
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

impl Verdict {
    fn is_empty(&self) -> bool {
        self.acknowledged == 0 && self.expired == 0 && self.troubled.is_none()
    }
}

impl Receiver {
    /// Makes batches of at most `limit` deliveries.
    pub fn new(limit: usize, clock: Clock, limiter: Arc<Limiter>) -> Self {
        Self {
            limit,
            clock,
            limiter,
            timer: Timer::default(),
            arrived: Vec::new(),
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
            match self.take(mailbox, cx) {
                Taken::Batch if !self.batch.is_empty() => return Poll::Ready(true),
                // All were late.
                Taken::Batch => self.let_go(),
                Taken::Late => {}
                Taken::Nothing { until: None } => return Poll::Pending,
                Taken::Nothing { until: Some(until) } => ready!(self.timer.poll(&self.clock, until, cx)),
                Taken::Over => return Poll::Ready(false),
            }
        }
    }

    fn take(&mut self, mailbox: &Mailbox, cx: &Context<'_>) -> Taken {
        // Dropped after the lock: it may be the last to hold the events.
        let mut late = Vec::new();
        let mut state = mailbox.lock();
        if !self.verdict.is_empty() {
            state.put_down(&mut self.verdict, &self.clock, &mailbox.load);
        }
        if !state.delayed.is_empty() {
            state.release_due(self.clock.now());
        }
        let waiting = state.waiting();
        if waiting == 0 {
            return rest(state, cx);
        }
        let most = match state.breaker.allowance(|| self.clock.now()) {
            Allowance::All => self.limit,
            Allowance::Probes(probes) => self.limit.min(probes),
            Allowance::Nothing { until } => return Taken::Nothing { until: Some(until) },
        };
        let in_one = state.arrivals == waiting && (!state.mixed || state.arrived.len() == waiting);
        if !in_one || waiting > most {
            state.sort_and_expire(self.clock.now(), &mailbox.load, &mut late);
            if !late.is_empty() {
                return made_room(state);
            }
        }
        self.permits = self.limiter.take(waiting.min(most), cx.waker());
        if self.permits == 0 {
            return Taken::Nothing { until: None };
        }
        state.in_hand = self.permits;
        let publishers = std::mem::take(&mut state.publishers);
        if in_one && waiting == self.permits {
            let mixed = std::mem::take(&mut state.mixed);
            std::mem::swap(&mut state.arrived, &mut self.arrived);
            state.arrivals = 0;
            drop(state);
            if mixed {
                self.arrived.sort_by_key(|waiting| waiting.parcel.lanes().0);
            }
            self.begun = self.clock.now();
            self.take_all_arrived();
        } else {
            self.begun = self.clock.now();
            self.take_from_lanes(state);
        }
        if !publishers.is_empty() {
            publishers.into_iter().for_each(Waker::wake);
        }
        Taken::Batch
    }

    #[cold]
    fn take_from_lanes(&mut self, mut state: MutexGuard<'_, State>) {
        state.sort();
        let mut expired = Vec::new();
        state.lanes.take(self.permits, self.begun, &mut self.batch, &mut expired);
        drop(state);
        self.verdict.expired = expired.iter().map(Parcel::len).sum();
    }

    /// Makes what was swapped out the batch, but what is late.
    fn take_all_arrived(&mut self) {
        for Waiting { parcel, deadline } in self.arrived.drain(..) {
            if deadline < self.begun {
                self.verdict.expired += parcel.len();
            } else {
                self.batch.push(parcel);
            }
        }
    }
}

/// Its permits must not die with it.
impl Drop for Receiver {
    fn drop(&mut self) {
        self.let_go();
    }
}

enum Taken {
    Batch,
    /// Some of what waited was late, and is gone; now there may be something else.
    Late,
    /// The task is woken when something comes, or at this moment.
    Nothing {
        until: Option<Moment>,
    },
    Over,
}

impl State {
    /// Late deliveries must not take the places of others in a batch: they go before it is made.
    #[cold]
    fn sort_and_expire(&mut self, now: Moment, load: &Gauges, late: &mut Vec<Parcel>) {
        self.sort();
        self.lanes.expire(now, late);
        let expired: usize = late.iter().map(Parcel::len).sum();
        self.counts.ledger.expired += expired as u64;
        load.settled(expired as u64);
    }

    fn put_down(&mut self, verdict: &mut Verdict, clock: &Clock, load: &Gauges) {
        let settled = verdict.acknowledged + verdict.expired;
        self.in_hand -= settled;
        self.counts.ledger.acknowledged += verdict.acknowledged as u64;
        self.counts.ledger.expired += verdict.expired as u64;
        load.settled(settled as u64);
        if verdict.acknowledged > 0 && self.breaker.acknowledged() {
            load.stands(self.breaker.standing());
        }
        (verdict.acknowledged, verdict.expired) = (0, 0);
        if let Some(troubled) = verdict.troubled.take() {
            let settled = self.put_down_trouble(*troubled, clock.now());
            load.settled(settled as u64);
            load.stands(self.breaker.standing());
        }
    }

    /// Returns how many deliveries are settled for good.
    fn put_down_trouble(&mut self, troubled: Settled, now: Moment) -> usize {
        let Settled { acknowledged, retries, dead_lettered, timed_out, panicked } = troubled;
        let done = acknowledged.iter().filter(|&&acknowledged| acknowledged).count();
        self.in_hand -= acknowledged.len();
        self.counts.ledger.acknowledged += done as u64;
        self.counts.ledger.dead_lettered += dead_lettered as u64;
        self.counts.retried += retries.len() as u64;
        self.counts.timeouts += u64::from(timed_out);
        self.counts.panics += u64::from(panicked);
        for (due, event) in retries {
            self.delayed.push(event, due, Moment::NEVER);
        }
        self.breaker.settled(acknowledged, now);
        done + dead_lettered
    }
}

/// Who waits for room has to hear of it.
#[cold]
fn made_room(mut state: MutexGuard<'_, State>) -> Taken {
    let publishers = std::mem::take(&mut state.publishers);
    drop(state);
    publishers.into_iter().for_each(Waker::wake);
    Taken::Late
}

/// Nothing waits to be handed over now. If nothing is left at all, who waits for that is told.
fn rest(mut state: MutexGuard<'_, State>, cx: &Context<'_>) -> Taken {
    let next = state.delayed.next();
    let over = next.is_none() && state.closed;
    if !over {
        state.sleeper = Some(cx.waker().clone());
    }
    if next.is_none() && !state.watchers.is_empty() {
        let watchers = std::mem::take(&mut state.watchers);
        drop(state);
        watchers.into_iter().for_each(Waker::wake);
    }
    if over { Taken::Over } else { Taken::Nothing { until: next } }
}
