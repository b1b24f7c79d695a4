mod budget;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Wake;
use std::time::Duration;

use super::*;
use crate::crucible_core::clock::{Clock, ManualClock};
use crate::crucible_core::limiter::Limiter;
use crate::event::{Event, EventId, EventKind, Payload, Priority, Timestamp};
use crate::routing::{Budget, Claims, Envelope, Health};

const NEVER: Moment = Moment::NEVER;

fn event(id: u128, priority: Priority) -> Arc<Event> {
    let payload = Payload::Text("x".to_owned().into());
    let event = Event::new(EventId(id), EventKind::Metrics, "s", Timestamp(0), payload);
    Arc::new(Event { priority, ..event })
}

fn one(id: u128, priority: Priority) -> Parcel {
    Parcel::one(event(id, priority))
}

/// What became of a push, and the places that are left.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    All,
    Full(u64),
    Closed(u64),
}

fn told(pushed: Pushed) -> Told {
    match pushed {
        Pushed::All => Told::All,
        Pushed::Full(left) => Told::Full(left.picked()),
        Pushed::Closed(left) => Told::Closed(left.picked()),
    }
}

/// Counts how often its task was woken.
#[derive(Default)]
struct Woken(std::sync::atomic::AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A mailbox, its receiver, and a clock in their hands.
struct Bench {
    mailbox: Mailbox,
    receiver: Receiver,
    clock: ManualClock,
    limiter: Arc<Limiter>,
    woken: Arc<Woken>,
}

impl Bench {
    fn new(capacity: usize, limit: usize) -> Self {
        Self::with_permits(capacity, limit, 1_000)
    }

    fn with_permits(capacity: usize, limit: usize, permits: usize) -> Self {
        let policy = BreakerPolicy { threshold: 2, open_for: Duration::from_nanos(100), probes: 1 };
        let clock = ManualClock::new(Timestamp(0));
        let limiter = Arc::new(Limiter::new(permits));
        let receiver = Receiver::new(limit, clock.clock(), limiter.clone());
        let mailbox = Mailbox::new(capacity, policy);
        Self { mailbox, receiver, clock, limiter, woken: Arc::default() }
    }

    fn push(&self, parcel: Parcel) -> Told {
        told(self.mailbox.push(parcel, NEVER))
    }

    fn push_all(&self, ids: std::ops::RangeInclusive<u128>, priority: Priority) {
        assert!(ids.map(|id| self.push(one(id, priority))).all(|pushed| pushed == Told::All));
    }

    /// Polls for the next batch as a task of its own would.
    fn poll(&mut self) -> Poll<bool> {
        let waker = Waker::from(self.woken.clone());
        self.receiver.poll_next(&self.mailbox, &mut Context::from_waker(&waker))
    }

    /// The next batch, by ids.
    fn take(&mut self) -> Vec<u128> {
        assert_eq!(self.poll(), Poll::Ready(true));
        self.receiver.events().map(|event| event.id.0).collect()
    }

    fn woken(&self) -> usize {
        self.woken.0.load(Ordering::Relaxed)
    }

    /// The batch in hand fails as a whole; its events come back at `due`.
    fn fail(&mut self, due: u64) {
        let retries: Vec<_> =
            self.receiver.events().map(|event| (Moment(due), Single::new(event.clone()))).collect();
        let acknowledged = vec![false; retries.len()];
        self.receiver.settle(Settled { acknowledged, retries, ..Settled::default() });
    }

    fn advance(&self, nanos: u64) {
        self.clock.advance(Duration::from_nanos(nanos));
    }
}

fn is_ready(future: Pin<&mut impl Future<Output = ()>>) -> bool {
    // One waker for all: two no-op wakers need not be known as the same.
    static ASKING: std::sync::LazyLock<Waker> =
        std::sync::LazyLock::new(|| Arc::new(Woken::default()).into());
    future.poll(&mut Context::from_waker(&ASKING)).is_ready()
}

#[test]
fn parcels_that_arrive_in_order_are_handed_out_as_they_are() {
    let mut bench = Bench::new(100, 64);
    let events: Box<[_]> = [event(1, Priority::Critical), event(2, Priority::Normal)].into();
    assert_eq!(bench.push(Parcel::pick(&Arc::new(Envelope::new(events)), 0b11)), Told::All);
    assert_eq!(bench.push(one(3, Priority::Low)), Told::All);
    assert_eq!(bench.take(), [1, 2, 3]);
    assert_eq!(bench.receiver.batch().len(), 2);
    bench.receiver.acknowledge();
    assert!(bench.poll().is_pending());
    let counts = bench.mailbox.counts();
    assert_eq!((counts.ledger.accepted, counts.ledger.acknowledged, counts.ledger.queued), (3, 3, 0));
    assert_eq!(bench.mailbox.unsettled(), 0);
}

#[test]
fn the_more_urgent_overtake_and_the_others_keep_a_place() {
    let mut bench = Bench::new(1_000, 16);
    bench.push_all(1..=40, Priority::Low);
    bench.push_all(101..=140, Priority::Critical);
    let batch = bench.take();
    assert_eq!(batch, [(101..=114).collect::<Vec<_>>(), vec![1, 2]].concat());
    bench.receiver.acknowledge();
    assert_eq!(bench.take()[..2], [115, 116]);
}

/// Where batches are small there is no place for all, but none waits for ever.
#[test]
fn small_batches_starve_nobody_either() {
    let mut bench = Bench::with_permits(100_000, 64, 1);
    bench.push_all(1..=1_000, Priority::Critical);
    for (lane, priority) in [Priority::High, Priority::Normal, Priority::Low].into_iter().enumerate() {
        let first = 10_000 * (lane as u128 + 1);
        bench.push_all(first..=first + 9, priority);
    }
    let mut others = Vec::new();
    for _ in 0..144 {
        others.extend(bench.take().into_iter().filter(|&id| id >= 10_000).map(|id| id / 10_000));
        bench.receiver.acknowledge();
    }
    others.sort_unstable();
    assert_eq!(others, [1, 1, 1, 2, 2, 2, 3, 3, 3]);
}

#[test]
fn a_full_mailbox_takes_the_first_and_leaves_the_rest() {
    let mut bench = Bench::new(3, 64);
    let events: Vec<_> = (1..=5).map(|id| event(id, Priority::Normal)).collect();
    let envelope = Arc::new(Envelope::new(events));
    assert_eq!(bench.push(Parcel::pick(&envelope, 0b11111)), Told::Full(0b11000));
    assert_eq!(bench.push(Parcel::pick(&envelope, 0b11000)), Told::Full(0b11000));
    assert_eq!(bench.mailbox.counts().ledger.accepted, 3);
    assert_eq!(bench.take(), [1, 2, 3]);
    // What is in hand takes no room.
    assert_eq!(bench.push(Parcel::pick(&envelope, 0b11000)), Told::All);
}

#[test]
fn who_waits_for_room_hears_of_it() {
    let mut bench = Bench::new(1, 64);
    bench.push_all(1..=1, Priority::Normal);
    {
        let mut room = pin!(bench.mailbox.wait_for_room());
        assert!(!is_ready(room.as_mut()));
        assert!(!is_ready(room.as_mut()));
        assert_eq!(bench.mailbox.lock().publishers.len(), 1);
    }
    bench.take();
    assert!(bench.mailbox.lock().publishers.is_empty());
    assert!(is_ready(pin!(bench.mailbox.wait_for_room())));
    bench.mailbox.close();
    assert!(is_ready(pin!(bench.mailbox.wait_for_room())));
    assert_eq!(bench.push(one(2, Priority::Normal)), Told::Closed(1));
}

#[test]
fn a_sparse_parcel_holds_no_more_than_it_means() {
    let mut bench = Bench::new(100, 64);
    let events: Vec<_> = (1..=64).map(|id| event(id, Priority::Normal)).collect();
    let watched = events[50].clone();
    let envelope = Arc::new(Envelope::new(events));
    assert_eq!(bench.push(Parcel::pick(&envelope, 0b111)), Told::All);
    drop(envelope);
    assert_eq!(Arc::strong_count(&watched), 1);
    assert_eq!(bench.take(), [1, 2, 3]);
}

#[test]
fn the_lowest_and_of_them_the_youngest_makes_room() {
    let mut bench = Bench::new(4, 64);
    bench.push_all(1..=2, Priority::Low);
    bench.push_all(3..=4, Priority::Normal);
    let mut displaced = Vec::new();
    let mut push =
        |id, priority| told(bench.mailbox.push_displacing(one(id, priority), NEVER, &mut displaced));
    assert_eq!(push(5, Priority::High), Told::All); // for 2
    assert_eq!(push(6, Priority::Low), Told::Full(1)); // none is lower
    assert_eq!(push(7, Priority::Critical), Told::All); // for 1
    assert_eq!(push(8, Priority::Critical), Told::All); // for 4
    assert_eq!(push(9, Priority::Normal), Told::Full(1));
    assert_eq!(displaced.iter().map(|single: &Single| single.shared().id.0).collect::<Vec<_>>(), [2, 1, 4]);
    let counts = bench.mailbox.counts();
    assert_eq!(
        (counts.ledger.accepted, counts.ledger.dead_lettered, counts.displaced, counts.ledger.queued),
        (7, 3, 3, 4)
    );
    assert_eq!(bench.mailbox.unsettled(), 4);
    assert_eq!(bench.take(), [7, 8, 5, 3]);
    bench.mailbox.close();
    let pushed = bench.mailbox.push_displacing(one(10, Priority::Critical), NEVER, &mut displaced);
    assert_eq!(told(pushed), Told::Closed(1));
}

#[test]
fn displacing_splits_parcels_and_stops_where_nothing_is_lower() {
    let mut bench = Bench::new(3, 64);
    let events = [1, 2, 3].map(|id| event(id, if id == 3 { Priority::Low } else { Priority::High }));
    assert_eq!(bench.push(Parcel::pick(&Arc::new(Envelope::new(events)), 0b111)), Told::All);
    let events = [4, 5].map(|id| event(id, if id == 4 { Priority::Critical } else { Priority::High }));
    let (parcel, mut displaced) = (Parcel::pick(&Arc::new(Envelope::new(events)), 0b11), Vec::new());
    let pushed = bench.mailbox.push_displacing(parcel, NEVER, &mut displaced);
    let ids: Vec<u128> = displaced.iter().map(|single: &Single| single.shared().id.0).collect();
    assert_eq!((told(pushed), ids), (Told::Full(0b10), vec![3]));
    assert_eq!(bench.take(), [4, 1, 2]);
}

#[test]
fn what_is_not_begun_in_time_has_expired() {
    let mut bench = Bench::new(100, 64);
    bench.mailbox.push(one(1, Priority::Normal), Moment(10));
    bench.mailbox.push(one(2, Priority::Normal), Moment(11));
    bench.advance(11);
    assert_eq!(bench.take(), [2]);
    bench.receiver.acknowledge();
    // Out of order, and so by way of the lanes.
    bench.mailbox.push(one(3, Priority::Low), Moment(11));
    bench.mailbox.push(one(4, Priority::High), Moment(12));
    bench.advance(1);
    assert_eq!(bench.take(), [4]);
    bench.receiver.acknowledge();
    // All of them: there is no batch.
    bench.mailbox.push(one(5, Priority::Low), Moment(11));
    assert!(bench.poll().is_pending());
    let counts = bench.mailbox.counts();
    assert_eq!((counts.ledger.expired, counts.ledger.acknowledged, counts.ledger.queued), (3, 2, 0));
    assert_eq!((bench.mailbox.unsettled(), bench.limiter.left()), (0, 1_000));
}

/// One place in 48 small batches is kept for Low: it must not go to one that is late.
#[test]
fn the_late_take_nobodys_place() {
    let mut bench = Bench::with_permits(1_000, 64, 1);
    for id in 1..=100 {
        bench.mailbox.push(one(id, Priority::Low), Moment(10));
    }
    bench.push_all(101..=101, Priority::Low);
    bench.push_all(201..=300, Priority::Critical);
    bench.advance(11);
    let mut served = Vec::new();
    for _ in 0..48 {
        served.extend(bench.take());
        bench.receiver.acknowledge();
    }
    assert!(served.contains(&101), "{served:?}");
    assert_eq!(bench.mailbox.counts().ledger.expired, 100);
    // The last one is told with the next take.
    assert_eq!(bench.mailbox.unsettled(), 54);
}

#[test]
fn a_failed_delivery_comes_back_at_its_moment_and_takes_room_meanwhile() {
    let mut bench = Bench::new(2, 64);
    bench.push_all(1..=1, Priority::Normal);
    bench.take();
    bench.fail(50);
    assert!(bench.poll().is_pending());
    let counts = bench.mailbox.counts();
    assert_eq!((counts.ledger.waiting, counts.ledger.queued, counts.retried), (1, 0, 1));
    assert_eq!(bench.push(one(2, Priority::Normal)), Told::All);
    assert_eq!(bench.push(one(3, Priority::Normal)), Told::Full(1));
    assert_eq!(bench.take(), [2]);
    bench.receiver.acknowledge();
    bench.advance(49);
    assert!(bench.poll().is_pending());
    let before = bench.woken();
    bench.advance(1);
    assert_eq!(bench.woken(), before + 1);
    assert_eq!(bench.take(), [1]);
}

#[test]
fn what_is_scheduled_waits_and_goes_by_turn() {
    let mut bench = Bench::new(3, 64);
    for (id, due) in [(1, 20), (2, 10), (3, 10)] {
        let pushed = bench.mailbox.push_delayed(one(id, Priority::Normal), Moment(due), Moment(30));
        assert_eq!(told(pushed), Told::All);
    }
    let fourth = bench.mailbox.push_delayed(one(4, Priority::Normal), Moment(5), NEVER);
    assert_eq!(told(fourth), Told::Full(1));
    assert!(bench.poll().is_pending());
    bench.advance(10);
    assert_eq!(bench.take(), [2, 3]);
    bench.receiver.acknowledge();
    assert!(bench.poll().is_pending());
    bench.advance(21);
    assert!(bench.poll().is_pending()); // 1 was due at 20 and had to be begun by 30
    assert_eq!(bench.mailbox.counts().ledger.expired, 1);
}

#[test]
fn an_open_breaker_holds_everything_back_and_then_lets_a_probe_through() {
    let mut bench = Bench::new(100, 64);
    bench.push_all(1..=3, Priority::Normal);
    bench.take();
    bench.fail(1_000);
    assert!(bench.poll().is_pending());
    assert_eq!(bench.mailbox.standing().health(Moment(0)), Health::Unhealthy);
    bench.push_all(4..=5, Priority::Normal);
    assert!(bench.poll().is_pending());
    bench.advance(99);
    assert!(bench.poll().is_pending());
    bench.advance(1);
    assert_eq!(bench.take(), [4]);
    bench.receiver.acknowledge();
    assert_eq!(bench.take(), [5]);
    assert_eq!(bench.mailbox.standing().health(Moment(100)), Health::Healthy);
    assert_eq!(bench.mailbox.counts().breaker_opened, 1);
}

#[test]
fn without_permits_nothing_is_handed_over_and_giving_back_wakes() {
    let mut bench = Bench::with_permits(100, 64, 3);
    bench.push_all(1..=5, Priority::Normal);
    assert_eq!(bench.take(), [1, 2, 3]);
    let mut other = Bench::new(100, 64);
    other.receiver = Receiver::new(64, other.clock.clock(), bench.limiter.clone());
    other.push_all(1..=1, Priority::Normal);
    assert!(other.poll().is_pending());
    let before = other.woken();
    bench.receiver.acknowledge();
    assert_eq!(other.woken(), before + 1);
    assert_eq!(other.take(), [1]);
    assert_eq!(bench.take(), [4, 5]);
    drop(other.receiver);
    assert_eq!(bench.limiter.left(), 1);
}

#[test]
fn idle_is_when_all_is_settled() {
    let mut bench = Bench::new(100, 64);
    assert!(is_ready(pin!(bench.mailbox.wait_idle())));
    bench.push_all(1..=1, Priority::Normal);
    bench.take();
    assert!(!is_ready(pin!(bench.mailbox.wait_idle())));
    bench.fail(10);
    assert!(bench.poll().is_pending());
    assert!(!is_ready(pin!(bench.mailbox.wait_idle())));
    assert_eq!(bench.mailbox.lock().watchers.len(), 1);
    bench.advance(10);
    bench.take();
    bench.receiver.acknowledge();
    assert!(bench.poll().is_pending());
    assert!(bench.mailbox.lock().watchers.is_empty());
    assert!(is_ready(pin!(bench.mailbox.wait_idle())));
}

#[test]
fn closed_it_ends_only_when_the_last_retry_is_done() {
    let mut bench = Bench::new(100, 64);
    bench.push_all(1..=1, Priority::Normal);
    bench.take();
    bench.mailbox.close();
    bench.fail(10);
    assert!(bench.poll().is_pending());
    bench.advance(10);
    assert_eq!(bench.take(), [1]);
    bench.receiver.acknowledge();
    assert_eq!(bench.poll(), Poll::Ready(false));
}

#[test]
fn the_end_gives_up_whatever_is_left_and_keeps_what_was_done() {
    let mut bench = Bench::new(100, 2);
    bench.push_all(1..=5, Priority::Normal);
    bench.take();
    bench.receiver.acknowledge();
    bench.take();
    bench.fail(10);
    bench.receiver.finish(&bench.mailbox);
    bench.mailbox.end();
    let counts = bench.mailbox.counts();
    assert_eq!((counts.ledger.accepted, counts.ledger.acknowledged, counts.ledger.abandoned), (5, 2, 3));
    assert_eq!((counts.ledger.queued, counts.ledger.waiting, bench.mailbox.unsettled()), (0, 0, 0));
    assert!(bench.mailbox.has_ended());
    assert!(is_ready(pin!(bench.mailbox.wait_idle())));
}

/// Pushing wakes the task once; while it is awake nobody wakes it.
#[test]
fn a_sleeping_task_is_woken_by_the_first_push() {
    let mut bench = Bench::new(100, 64);
    assert!(bench.poll().is_pending());
    bench.push_all(1..=2, Priority::Normal);
    assert_eq!(bench.woken(), 1);
    bench.take();
    bench.receiver.acknowledge();
    assert!(bench.poll().is_pending());
    bench.mailbox.close();
    assert_eq!((bench.woken(), bench.poll()), (2, Poll::Ready(false)));
}

#[test]
fn a_clock_of_the_runtime_serves_as_well() {
    let clock = Clock::default();
    let mut receiver = Receiver::new(64, clock, Arc::new(Limiter::new(9)));
    let mailbox = Mailbox::new(4, BreakerPolicy::default());
    assert_eq!(told(mailbox.push(one(1, Priority::Normal), NEVER)), Told::All);
    let polled = receiver.poll_next(&mailbox, &mut Context::from_waker(Waker::noop()));
    assert_eq!((polled, receiver.events().count()), (Poll::Ready(true), 1));
}

#[test]
fn of_one_moment_who_came_first_goes_first() {
    let mut bench = Bench::new(100, 64);
    for id in 1..=20 {
        let pushed = bench.mailbox.push_delayed(one(id, Priority::Normal), Moment(10), NEVER);
        assert_eq!(told(pushed), Told::All);
    }
    bench.advance(10);
    assert_eq!(bench.take(), (1..=20).collect::<Vec<_>>());
}

/// Two events of sixty-four: whoever keeps them as a parcel keeps the others too.
fn sparse() -> Parcel {
    let events: Vec<_> = (1..=64).map(|id| event(id, Priority::Normal)).collect();
    Parcel::pick(&Arc::new(Envelope::new(events)), 0b11)
}

#[test]
fn a_sparse_parcel_is_taken_apart_unless_its_task_sleeps_and_takes_it_at_once() {
    let mut bench = Bench::new(100, 64);
    assert!(bench.poll().is_pending());
    assert_eq!(bench.push(sparse()), Told::All);
    assert_eq!((bench.take(), bench.receiver.batch().len()), (vec![1, 2], 1));
    // Now it is at work.
    assert_eq!(bench.push(sparse()), Told::All);
    bench.receiver.acknowledge();
    assert_eq!((bench.take(), bench.receiver.batch().len()), (vec![1, 2], 2));
}

#[test]
fn a_task_that_a_timer_woke_is_at_work() {
    let mut bench = Bench::new(100, 64);
    bench.push_all(100..=100, Priority::Normal);
    assert_eq!(bench.take(), [100]);
    bench.fail(10);
    assert!(bench.poll().is_pending());
    bench.advance(10);
    assert_eq!(bench.take(), [100]);
    assert_eq!(bench.push(sparse()), Told::All);
    assert_eq!(bench.woken(), 1, "by the timer");
    bench.receiver.acknowledge();
    assert_eq!((bench.take(), bench.receiver.batch().len()), (vec![1, 2], 2));
}

#[test]
fn a_sparse_parcel_that_has_to_wait_after_all_is_taken_apart() {
    // For the breaker,
    let mut bench = Bench::new(100, 64);
    bench.push_all(100..=101, Priority::Normal);
    assert_eq!(bench.take(), [100, 101]);
    bench.receiver.settle(Settled { acknowledged: vec![false; 2], dead_lettered: 2, ..Settled::default() });
    assert!(bench.poll().is_pending());
    assert_eq!(bench.push(sparse()), Told::All);
    assert!(bench.poll().is_pending());
    bench.advance(100);
    // (one probe)
    assert_eq!((bench.take(), bench.mailbox.lock().lanes.len()), (vec![1], 1));
    assert_eq!(Arc::strong_count(bench.receiver.events().next().expect("one")), 1);
    // and for permits.
    let mut bench = Bench::with_permits(100, 64, 2);
    assert_eq!(bench.limiter.take(2, Waker::noop()), 2);
    assert!(bench.poll().is_pending());
    assert_eq!(bench.push(sparse()), Told::All);
    assert!(bench.poll().is_pending());
    bench.limiter.give_back(2);
    assert_eq!((bench.take(), bench.receiver.batch().len()), (vec![1, 2], 2));
}
