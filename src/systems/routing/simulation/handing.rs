//! What a service may be handed, and when: looked at as each batch begins and ends.

use super::actor::{Actor, Call, LANES};
use super::behaviour::Plan;
use super::coverage::Count;
use super::letters::{Cause, Letter};
use super::published::{Delivery, Fate};
use super::violation::Promise;
use super::world::{MS, Model, nanos};
use crate::event::Event;
use crate::routing::{Batch, Capability};

/// The runtime's clock wakes at whole milliseconds; one more for what was rounded before.
const PROMPT: u64 = 2 * MS;

/// A batch of this size has a place for everybody: the smallest that CrucibleCore may be configured to, and
/// four times the number of priorities.
const LONG: usize = 16;
/// Places of a long batch that may be kept for the less urgent.
const OTHERS: usize = 14;
/// Batches in a row that may pass over a priority: a place that was kept for it may go to one that has expired.
const PATIENCE: u32 = 256;
/// Full batches in a row that may.
const PATIENCE_FULL: u32 = 4;

/// How a handler's call came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    /// Whether each event failed.
    Done(Vec<bool>),
    Panicked,
    /// Its future was dropped before.
    Dropped,
}

impl Model {
    /// A handler is handed a batch; what it is to do with it.
    pub(super) fn begin(&mut self, actor: usize, batch: Batch<'_>) -> Plan {
        let now = self.now();
        let name = self.actors[actor].name.clone();
        self.hold(!self.over, Promise::Deliveries, || format!("`{name}` is called after shutdown returned"));
        let busy = self.actors[actor].call.is_some();
        self.hold(!busy, Promise::Deliveries, || format!("`{name}` is called twice at once"));
        let allowed = self.check_size(actor, batch.len(), now);
        let mut deliveries = Vec::with_capacity(batch.len());
        let (mut lane_before, mut lanes) = (0, [0; LANES]);
        for event in batch.iter() {
            let Some((serial, delivery)) = self.find(actor, event) else { continue };
            self.check_delivery(actor, serial, delivery, event, now);
            let lane = event.priority.lane();
            lanes[lane] += 1;
            let sorted = lane >= lane_before || !self.offers(Capability::Priorities);
            self.hold(sorted, Promise::Order, || {
                format!("the batch of `{name}` is not in order of priority")
            });
            lane_before = lane;
            self.actors[actor].not_ready(lane, serial);
            deliveries.push((serial, delivery));
        }
        if self.offers(Capability::Priorities) {
            self.check_fairness(actor, lanes, allowed, now);
        }
        let plan = Plan::of(self, actor, &deliveries);
        self.note(&[actor as u64, batch.len() as u64], || {
            format!("`{name}` begins {}", plan.describe(&deliveries))
        });
        self.actors[actor].call = Some(Call { begun: now, deliveries });
        plan
    }

    /// Returns how many its breaker allows.
    fn check_size(&mut self, actor: usize, len: usize, now: u64) -> usize {
        let name = self.actors[actor].name.clone();
        self.hold(len > 0, Promise::Bounds, || format!("`{name}` is handed an empty batch"));
        let most = self.terms.batch.unwrap_or(usize::MAX);
        self.hold(len <= most, Promise::Bounds, || format!("`{name}` is handed {len}, {most} at most"));
        self.in_hand += len;
        self.busy_at = now;
        if self.offers(Capability::ConcurrencyLimit) {
            let (in_hand, most) = (self.in_hand, self.terms.concurrent_deliveries.unwrap_or(usize::MAX));
            self.hold(in_hand <= most, Promise::Bounds, || {
                format!("{in_hand} deliveries in hand, {most} at most")
            });
            self.count(Count::LimitReached, u64::from(in_hand == most));
        }
        if !self.offers(Capability::CircuitBreakers) {
            return usize::MAX;
        }
        let breaker = &mut self.actors[actor].breaker;
        let (allowed, until) = (breaker.allowance(now), breaker.until / MS);
        self.hold(len <= allowed, Promise::Breakers, || {
            format!(
                "`{name}` is handed {len}, but {allowed} are allowed; its breaker was open until {until} ms"
            )
        });
        allowed
    }

    /// The delivery that is being tried, if it may be.
    fn find(&mut self, actor: usize, event: &Event) -> Option<(usize, usize)> {
        let serial = event.correlation_id.and_then(|serial| usize::try_from(serial.0).ok());
        let serial = serial.and_then(|serial| serial.checked_sub(1)).filter(|&at| at < self.published.len());
        let name = self.actors[actor].name.clone();
        let Some(serial) = serial else {
            self.violated(Promise::Deliveries, format!("`{name}` gets what nobody published: {event:?}"));
            return None;
        };
        self.revive(serial, actor);
        let found = self.published[serial].delivery_to(actor).or_else(|| self.reassign(serial, actor));
        if found.is_none() {
            self.violated(
                Promise::Deliveries,
                format!("`{name}` gets #{serial}, which is not for it: {event:?}"),
            );
        }
        Some((serial, found?))
    }

    /// Where the choice of a member is open, the delivery is whose handler gets it.
    pub(super) fn reassign(&mut self, serial: usize, actor: usize) -> Option<usize> {
        let published = &mut self.published[serial];
        if !published.loose.contains(&actor) {
            return None;
        }
        let open = |delivery: &Delivery| {
            delivery.fate == Fate::Waiting
                && delivery.failures == 0
                && delivery.life == 0
                && published.loose.contains(&delivery.actor)
        };
        if let Some(at) = published.deliveries.iter().position(open) {
            published.deliveries[at].actor = actor;
            return Some(at);
        }
        // Of two that were thought to be one.
        let known = published.deliveries.len();
        let more = published.answered_at.is_none() || published.seen() < published.told;
        published.deliveries.push(Delivery::new(actor, published.due.unwrap_or(published.called_at)));
        more.then_some(known)
    }

    fn check_delivery(&mut self, actor: usize, serial: usize, at: usize, event: &Event, now: u64) {
        let published = &mut self.published[serial];
        let (publisher, lane, id) = (published.publisher, published.lane, published.id);
        let delivery = &mut published.deliveries[at];
        let (failures, life) = (delivery.failures, delivery.life);
        let (not_before, ready_at, deadline) = (delivery.not_before, delivery.ready_at, delivery.deadline);
        let answered_at = published.answered_at;
        let scheduled = published.due.is_some();
        let fate = std::mem::replace(&mut delivery.fate, Fate::InHand);
        let name = self.actors[actor].name.clone();
        let what = || format!("#{serial} to `{name}`, life {life}, after {failures} failures");
        self.hold(fate == Fate::Waiting, Promise::Deliveries, || {
            format!("{}: begun, though {fate:?}", what())
        });
        let same = event.id == id && event.priority.lane() == lane;
        self.hold(same, Promise::Deliveries, || format!("{}: changed on its way: {event:?}", what()));
        self.hold(event.retry_count == failures, Promise::Deliveries, || {
            format!("{}: comes with retry_count {}", what(), event.retry_count)
        });
        self.hold(now >= not_before, Promise::Time, || {
            format!("{}: begun at {now} ns, but not before {not_before} ns", what())
        });
        if failures == 0 && self.offers(Capability::EventTimeouts) {
            // Not answered yet: it may have been accepted just now.
            let deadline = deadline.filter(|_| answered_at.is_some()).unwrap_or(u64::MAX);
            self.hold(now <= deadline, Promise::Time, || {
                format!("{}: begun at {now} ns, but expired at {deadline} ns", what())
            });
        }
        if let Some(ready_at) = ready_at {
            let from = ready_at.max(self.excused_until(actor));
            self.hold(now <= from.saturating_add(PROMPT), Promise::Progress, || {
                format!("{}: begun at {now} ns only, but nothing was in its way since {from} ns", what())
            });
        }
        if failures == 0 && life == 0 && !scheduled {
            let before = &mut self.actors[actor].begun_of(publisher)[lane];
            let last = std::mem::replace(before, serial as u64 + 1);
            self.hold(last <= serial as u64, Promise::Order, || {
                format!("{}: after #{} of the same publisher and priority", what(), last - 1)
            });
        }
    }

    /// Until when a delivery to this service could not be begun: it was busy, its breaker was open, or there were no
    /// permits.
    fn excused_until(&self, actor: usize) -> u64 {
        let Actor { free_since, breaker, .. } = &self.actors[actor];
        let mut excused = (*free_since).max(breaker.until);
        // Deliveries that expired may have taken part of the permits unseen: whoever is busy is an excuse.
        let tight = self.terms.concurrent_deliveries.is_some_and(|most| most < 1_024);
        if tight || !self.offers(Capability::HandlerTimeouts) {
            excused = excused.max(self.busy_at);
        }
        excused
    }

    /// The more urgent overtake, and nobody starves.
    fn check_fairness(&mut self, actor: usize, lanes: [usize; LANES], allowed: usize, now: u64) {
        let len: usize = lanes.iter().sum();
        // In a shorter one the place may have been for a delivery that has expired.
        let full = self.terms.batch.unwrap_or(LONG).max(LONG);
        let Actor { ready, passed_over, passed_over_full, name, .. } = &mut self.actors[actor];
        let name = name.clone();
        let mut broken = None;
        for lane in 0..LANES {
            let before = ready[lane].len();
            ready[lane].retain(|&(_, deadline)| deadline >= now);
            let expired = ready[lane].len() < before;
            if ready[lane].is_empty() || lanes[lane] > 0 || expired {
                (passed_over[lane], passed_over_full[lane]) = (0, 0);
                continue;
            }
            passed_over[lane] += 1;
            passed_over_full[lane] += u32::from(len >= full);
            if passed_over[lane] >= PATIENCE || passed_over_full[lane] >= PATIENCE_FULL {
                broken = Some(format!("`{name}`: {} batches passed over priority {lane}", passed_over[lane]));
            }
        }
        // Where critical ones were left behind, the others have no more than their places, however many expired.
        let others = len - lanes[0];
        let places = if allowed < LONG { 1 } else { OTHERS };
        if !ready[0].is_empty() && others > places {
            let left = ready[0].len();
            broken = Some(format!(
                "`{name}`: {others} of {len} in a batch are not critical, but {left} of these wait"
            ));
        }
        if let Some(broken) = broken {
            self.violated(Promise::Fairness, broken);
        }
    }

    /// A handler's call has come to its end.
    pub(super) fn end(&mut self, actor: usize, how: Ended) {
        let now = self.now();
        let Some(Call { begun, deliveries }) = self.actors[actor].call.take() else { return };
        self.in_hand -= deliveries.len();
        self.busy_at = now;
        self.actors[actor].free_since = now;
        let name = self.actors[actor].name.clone();
        let timeout = self.actors[actor].timeout.filter(|_| self.offers(Capability::HandlerTimeouts));
        let late = timeout.is_some_and(|timeout| now - begun >= timeout);
        let ran_over = timeout.is_some_and(|timeout| now - begun > timeout + PROMPT);
        self.hold(!ran_over, Promise::Time, || {
            format!("`{name}` ran on after its time-out, {} ns", now - begun)
        });
        self.note(&[actor as u64, late.into()], || format!("`{name}` ends: {how:?}"));
        let count = deliveries.len();
        let (failed, cause) = match how {
            Ended::Done(failed) => (failed, Cause::Failed),
            Ended::Panicked => {
                self.actors[actor].tally.panics += 1;
                self.count(Count::Panics, 1);
                (vec![true; count], Cause::Panicked)
            }
            Ended::Dropped if late && !self.over_soon() => {
                self.actors[actor].tally.timeouts += 1;
                self.count(Count::TimeOuts, 1);
                (vec![true; count], Cause::TimedOut)
            }
            Ended::Dropped => {
                self.hold(self.closing, Promise::Time, || {
                    format!("`{name}` was stopped before its time-out")
                });
                self.unclear += if late { count as u64 } else { 0 };
                return self.abandon(&deliveries);
            }
        };
        for (&(serial, at), &failed) in deliveries.iter().zip(&failed) {
            self.settle(actor, serial, at, failed.then_some(cause), now);
        }
        let opened = self.actors[actor].breaker.opened;
        if self.offers(Capability::CircuitBreakers) {
            self.actors[actor].breaker.settled(failed.iter().map(|failed| !failed), now);
        }
        let opened = self.actors[actor].breaker.opened - opened;
        self.count(Count::BreakerOpenings, opened);
    }

    fn over_soon(&self) -> bool {
        self.deadline.is_some_and(|deadline| self.now() >= deadline)
    }

    fn abandon(&mut self, deliveries: &[(usize, usize)]) {
        for &(serial, at) in deliveries {
            self.published[serial].deliveries[at].fate = Fate::Abandoned;
        }
    }

    fn settle(&mut self, actor: usize, serial: usize, at: usize, cause: Option<Cause>, now: u64) {
        let (retries, letters) = (self.offers(Capability::Retries), self.offers(Capability::DeadLetters));
        let policy = self.terms.retry;
        let published = &mut self.published[serial];
        let limit = published.retry_limit;
        let delivery = &mut published.deliveries[at];
        let Some(cause) = cause else {
            delivery.fate = Fate::Acknowledged;
            self.actors[actor].tally.acknowledged += 1;
            self.totals.acknowledged += 1;
            return self.count(Count::Acknowledged, 1);
        };
        if retries && delivery.failures < limit {
            delivery.failures += 1;
            let failures = delivery.failures;
            delivery.fate = Fate::Waiting;
            delivery.deadline = None;
            if let Some(policy) = policy {
                let longest = policy.first.saturating_mul(1 << (failures - 1).min(31)).min(policy.longest);
                // Waits are rounded to nanoseconds once more.
                delivery.not_before = now + nanos(longest.mul_f64(1.0 - policy.jitter)).saturating_sub(1);
                delivery.ready_at = Some(now + nanos(longest));
            }
            self.actors[actor].tally.retried += 1;
            return self.count(Count::Retries, 1);
        }
        if letters {
            delivery.fate = Fate::Dead;
            self.letters.put(Letter { serial, actor, cause });
            self.actors[actor].tally.dead += 1;
            self.totals.dead += 1;
            return self.count(Count::DeadLetters, 1);
        }
        delivery.fate = Fate::Failed;
        self.actors[actor].tally.failed += 1;
        self.totals.failed += 1;
        self.count(Count::Failed, 1);
    }
}
