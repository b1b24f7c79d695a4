//! CrucibleCore's mailbox alone: events in, batches out, by priority.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crucible_events::crucible_core::limiter::Limiter;
use crucible_events::crucible_core::mailbox::{Mailbox, Pushed, Receiver};
use crucible_events::crucible_core::{ManualClock, Moment};
use crucible_events::event::{Event, EventId, Priority, Timestamp};
use crucible_events::routing::{Batch, BreakerPolicy, Envelope, Parcel};

use super::{Prepared, Work};
use crate::workload::match_probes;

const SEED: u64 = 42;

/// The size of a batch.
const BATCH: usize = 64;

/// A batch in, event by event, and out.
pub(super) fn push_single() -> Prepared {
    let events = mixed(BATCH);
    let parcels = events.iter().cloned().map(Parcel::one).collect();
    through(&events, parcels)
}

/// A batch in, in one envelope, and out.
pub(super) fn push_batch() -> Prepared {
    in_envelopes(&sorted(BATCH))
}

/// The same, all of one priority.
pub(super) fn push_batch_of_one_priority() -> Prepared {
    let events = mixed(BATCH)
        .into_iter()
        .map(|event| Arc::new(Event { priority: Priority::Normal, ..(*event).clone() }));
    in_envelopes(&events.collect::<Vec<_>>())
}

/// Eight batches in before the first goes out: places have to be shared among the priorities.
pub(super) fn backlog() -> Prepared {
    in_envelopes(&sorted(8 * BATCH))
}

/// As batches are handed over: in order of priority.
fn sorted(count: usize) -> Vec<Arc<Event>> {
    let mut events = mixed(count);
    events.sort_by_key(|event| event.priority);
    events
}

fn mixed(count: usize) -> Vec<Arc<Event>> {
    match_probes(count, SEED)
}

fn in_envelopes(events: &[Arc<Event>]) -> Prepared {
    let envelopes = events.chunks(BATCH).map(|chunk| Arc::new(Envelope::new(chunk)));
    let all = |envelope| Parcel::pick(&envelope, u64::MAX);
    through(events, envelopes.map(all).collect())
}

/// Puts parcels of `events` in, then takes batches until the mailbox is empty. The checksum depends on
/// the order in which priorities come out.
fn through(events: &[Arc<Event>], parcels: Vec<Parcel>) -> Prepared {
    let mailbox = Mailbox::new(events.len(), BreakerPolicy::default());
    let expected = expected(events);
    let clock = ManualClock::new(Timestamp(0)).clock();
    let limiter = Arc::new(Limiter::new(events.len()));
    let mut receiver = Receiver::new(BATCH, clock, limiter);
    let run = move || {
        let mut work = Work { events: 0, deliveries: 0, bytes: 0, checksum: 0 };
        for parcel in parcels.iter().cloned() {
            if !matches!(mailbox.push(parcel, Moment::NEVER), Pushed::All) {
                return work;
            }
        }
        let mut cx = Context::from_waker(Waker::noop());
        while receiver.poll_next(&mailbox, &mut cx) == Poll::Ready(true) {
            Batch::parcels(receiver.batch())
                .iter()
                .for_each(|event| note(&mut work, event.id, event.priority));
            receiver.acknowledge();
        }
        work
    };
    Prepared::new(run, expected)
}

fn note(work: &mut Work, id: EventId, priority: Priority) {
    work.events += 1;
    work.deliveries += 1;
    #[allow(clippy::cast_possible_truncation)] // the lower half
    let id = id.0 as u64;
    let place = work.events * 4 + priority.lane() as u64;
    work.checksum = work.checksum.wrapping_add((id ^ place).wrapping_mul(0x9e37_79b9_7f4a_7c15));
}

/// Batch by batch: what has a kept place, then the most urgent of the rest; within a priority in the
/// order of arrival. Written down here once more, plainly.
fn expected(events: &[Arc<Event>]) -> Work {
    const KEPT: [usize; 4] = [0, 8, 4, 2];
    let mut lanes = Priority::ALL.map(|priority| {
        let lane = events.iter().filter(|event| event.priority == priority);
        lane.map(|event| event.id).collect::<VecDeque<_>>()
    });
    let mut work = Work { events: 0, deliveries: 0, bytes: 0, checksum: 0 };
    while work.events < events.len() as u64 {
        let all: usize = lanes.iter().map(|lane| lane.len()).sum();
        let mut places = [0; 4];
        for (place, (lane, kept)) in places.iter_mut().zip(lanes.iter().zip(KEPT)) {
            *place = lane.len().min(if all > BATCH { kept } else { BATCH });
        }
        let mut left = BATCH.min(all) - places.iter().sum::<usize>();
        for (place, lane) in places.iter_mut().zip(&lanes) {
            let more = left.min(lane.len() - *place);
            *place += more;
            left -= more;
        }
        for (priority, (lane, place)) in Priority::ALL.into_iter().zip(lanes.iter_mut().zip(places)) {
            lane.drain(..place).for_each(|id| note(&mut work, id, priority));
        }
    }
    work
}
