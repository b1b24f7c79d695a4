//! A batch fails, waits, and comes back: what a retry costs, from the failed batch to the acknowledged one.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crucible_events::crucible_core::limiter::Limiter;
use crucible_events::crucible_core::mailbox::{Mailbox, Pushed, Receiver, Settled};
use crucible_events::crucible_core::{ManualClock, Moment, retry_wait};
use crucible_events::event::{Event, Timestamp};
use crucible_events::routing::{BreakerPolicy, Parcel, RetryPolicy, ServiceKey, Single};

use super::matching::id_weight;
use super::{Prepared, Work};
use crate::workload::match_probes;

const SEED: u64 = 42;

/// The size of a batch.
const BATCH: usize = 64;

/// Events in, failed as a whole, waiting each for its own moment, back in their order, acknowledged.
pub(super) fn failed_batch() -> Prepared {
    let events = match_probes(BATCH, SEED);
    let expected = Work {
        events: BATCH as u64,
        deliveries: BATCH as u64,
        bytes: 0,
        checksum: events.iter().fold(0, |sum, event| sum.wrapping_add(id_weight(event))),
    };
    // Its breaker stays closed: what it costs when it opens is for a kernel of its own.
    let breaker = BreakerPolicy { threshold: u32::MAX, ..BreakerPolicy::default() };
    let (mailbox, hand) = (Mailbox::new(BATCH, breaker), ManualClock::new(Timestamp(0)));
    let receiver = Receiver::new(BATCH, hand.clock(), Arc::new(Limiter::new(BATCH)));
    let mut service = Service { mailbox, receiver, hand, key: ServiceKey::of("service") };
    Prepared::new(move || service.round(&events), expected)
}

struct Service {
    mailbox: Mailbox,
    receiver: Receiver,
    hand: ManualClock,
    key: ServiceKey,
}

impl Service {
    fn round(&mut self, events: &[Arc<Event>]) -> Work {
        let mut work = Work { events: 0, deliveries: 0, bytes: 0, checksum: 0 };
        for event in events {
            let pushed = self.mailbox.push(Parcel::one(event.clone()), Moment::NEVER);
            work.events += u64::from(matches!(pushed, Pushed::All));
        }
        if !self.next() {
            return work;
        }
        self.fail();
        // The task learns of the failures and goes to sleep; the longest wait is over after `first`.
        if self.next() {
            return work;
        }
        self.hand.advance(RetryPolicy::default().first);
        while self.next() {
            for event in self.receiver.events() {
                work.deliveries += 1;
                work.checksum = work.checksum.wrapping_add(id_weight(event));
            }
            self.receiver.acknowledge();
        }
        work
    }

    fn next(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        self.receiver.poll_next(&self.mailbox, &mut cx) == Poll::Ready(true)
    }

    fn fail(&mut self) {
        let (policy, now) = (RetryPolicy::default(), self.hand.clock().now());
        let mut settled = Settled::default();
        for event in self.receiver.events() {
            let wait: Duration = retry_wait(&policy, 1, self.key, event.id);
            settled.acknowledged.push(false);
            settled.retries.push((now.after(wait), Single::new(event.clone())));
        }
        self.receiver.settle(settled);
    }
}
