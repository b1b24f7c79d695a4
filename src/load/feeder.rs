//! Open-loop load at rates that one event at a time cannot reach: a thread that builds events while nothing is due, and
//! hands over all that are due at once.
//!
//! [`pace`](super::pace) builds and sends each event when it is due, and wakes whoever waits for it; with both
//! cores of a small machine busy that ends at some 150,000 events/s.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::verdict::{Pacing, Record};
use super::{Clock, Feed};

/// Longest sleep, so that whoever watches sees the run go on.
const LONGEST_SLEEP: Duration = Duration::from_millis(1);

/// Shortest sleep. A sleep takes some 5 µs of CPU and returns some 50 µs late at any rate: waking for each event at
/// 100,000/s would take a core and hand over no sooner.
const SHORTEST_SLEEP: Duration = Duration::from_micros(50);

/// Events that are built between two looks at the clock: some 5 µs.
const BUILT_AT_ONCE: usize = 32;

/// Feeds the events of a schedule on the calling thread, beginning now, and ends the feed.
///
/// `offsets_ns`: nanoseconds from the beginning, ascending. `build(index, intended)` makes an event; in order, ahead of
/// its time. `watch(now, due)` is called every millisecond or more often with the number of events that are due by then,
/// and may end the load early.
///
/// An event's lag is the time from its intended moment until it could be taken. Where publishers are so far behind that
/// the feed is full, it is not the feeder who is late.
pub fn feed_paced<C: Clock, T>(
    clock: &C,
    offsets_ns: impl IntoIterator<Item = u64>,
    feed: &Feed<T>,
    mut build: impl FnMut(u64, Instant) -> T,
    mut watch: impl FnMut(Instant, u64) -> ControlFlow<()>,
) -> Pacing {
    let mut feeder = Feeder::beginning(clock.now(), offsets_ns.into_iter());
    let mut chunk = Vec::with_capacity(BUILT_AT_ONCE);
    let mut room = feed.put(&mut chunk, 0);
    loop {
        let now = clock.now();
        feeder.notice_due(now);
        if watch(now, feeder.due).is_break() {
            feed.put(&mut chunk, feeder.due.min(feeder.built));
            feed.end();
            return feeder.record.pacing(true);
        }
        let wanted = room.min(BUILT_AT_ONCE);
        while chunk.len() < wanted
            && let Some((index, intended)) = feeder.next_to_build()
        {
            chunk.push(build(index, intended));
        }
        let nothing_to_build = chunk.is_empty();
        // Full of what is to come is as it should be; full while something due could not be built is not.
        if room == 0 && feeder.built < feeder.due {
            feeder.blocked_until = now;
        }
        room = feed.put(&mut chunk, feeder.due);
        feeder.record_available(now);
        if feeder.is_done() {
            feed.end();
            return feeder.record.pacing(false);
        }
        if nothing_to_build {
            let next = feeder.next_due().unwrap_or(now).max(now + SHORTEST_SLEEP);
            clock.sleep_until(next.min(now + LONGEST_SLEEP));
        }
    }
}

/// Feeds on the calling thread as many events as are done, so that `window` of them are always on their way, until `stop`
/// says so: a closed loop, whose rate is the system's own. `done` tells how many are done; `build(index, now)` makes an
/// event, in order, ahead of its time.
pub fn feed_window<C: Clock, T>(
    clock: &C,
    feed: &Feed<T>,
    window: u64,
    done: impl Fn() -> u64,
    mut build: impl FnMut(u64, Instant) -> T,
    stop: impl Fn() -> bool,
) {
    let mut chunk = Vec::with_capacity(BUILT_AT_ONCE);
    let (mut built, mut room) = (0, feed.put(&mut chunk, 0));
    while !stop() {
        let now = clock.now();
        while chunk.len() < room.min(BUILT_AT_ONCE) {
            chunk.push(build(built, now));
            built += 1;
        }
        let nothing_built = chunk.is_empty();
        room = feed.put(&mut chunk, built.min(done() + window));
        if nothing_built {
            clock.sleep_until(now + SHORTEST_SLEEP);
        }
    }
    feed.end();
}

/// How far each end has come in the schedule.
struct Feeder<I> {
    begin: Instant,
    offsets_ns: I,
    /// Offsets from event `first` on: those that are not both due and built, and one ahead.
    known: VecDeque<u64>,
    first: u64,
    due: u64,
    built: u64,
    /// When the feed was last seen without room for what was due.
    blocked_until: Instant,
    record: Record,
}

impl<I: Iterator<Item = u64>> Feeder<I> {
    fn beginning(begin: Instant, offsets_ns: I) -> Self {
        let (known, record) = (VecDeque::new(), Record::default());
        Self { begin, offsets_ns, known, first: 0, due: 0, built: 0, blocked_until: begin, record }
    }

    /// The intended moment of an event; `None` beyond the last.
    fn intended(&mut self, index: u64) -> Option<Instant> {
        let place = usize::try_from(index - self.first).expect("no more than fit into memory");
        while self.known.len() <= place {
            self.known.push_back(self.offsets_ns.next()?);
        }
        Some(self.begin + Duration::from_nanos(self.known[place]))
    }

    fn next_due(&mut self) -> Option<Instant> {
        self.intended(self.due)
    }

    fn notice_due(&mut self, now: Instant) {
        while self.next_due().is_some_and(|intended| intended <= now) {
            self.due += 1;
        }
    }

    fn next_to_build(&mut self) -> Option<(u64, Instant)> {
        let (index, intended) = (self.built, self.intended(self.built)?);
        self.built += 1;
        Some((index, intended))
    }

    /// Events that can be taken since `now`.
    fn record_available(&mut self, now: Instant) {
        while self.first < self.due.min(self.built) {
            let offset_ns = self.known.pop_front().expect("neither due nor built before its offset is known");
            let intended = self.begin + Duration::from_nanos(offset_ns);
            self.first += 1;
            let lag = now.saturating_duration_since(intended.max(self.blocked_until));
            self.record.sent(intended, intended + lag);
        }
    }

    fn is_done(&mut self) -> bool {
        self.due == self.built && self.next_due().is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::load::{Arrivals, Course, InvalidLoad, Schedule};

    /// Stands still unless somebody sleeps or works.
    struct FakeClock {
        now: Cell<Instant>,
    }

    impl FakeClock {
        fn new() -> Self {
            Self { now: Cell::new(Instant::now()) }
        }

        fn pass(&self, time: Duration) {
            self.now.set(self.now.get() + time);
        }
    }

    impl Clock for FakeClock {
        fn now(&self) -> Instant {
            self.now.get()
        }

        fn sleep_until(&self, deadline: Instant) {
            self.now.set(self.now.get().max(deadline));
        }
    }

    const US: Duration = Duration::from_micros(1);

    fn steady(rate: u64, lasting: Duration) -> Schedule {
        Course::steady(rate, lasting).expect("a course").schedule(Arrivals::Even, 0)
    }

    /// Takes all that is due whenever the feeder looks up, which it does at least every millisecond.
    fn drained(feed: &Feed<u64>, most: usize) -> Vec<u64> {
        let (runtime, mut taken) = (tokio::runtime::Builder::new_current_thread().build(), Vec::new());
        runtime.expect("a runtime").block_on(async {
            while taken.len() < most && feed.available() > 0 {
                feed.take(most - taken.len(), &mut taken).await;
            }
        });
        taken
    }

    #[test]
    fn events_are_handed_over_in_order_and_none_before_its_time() {
        let (clock, feed) = (FakeClock::new(), Feed::new(4_096));
        let begin = clock.now();
        let mut taken = Vec::new();
        let pacing = feed_paced(
            &clock,
            steady(100_000, 100_000 * US),
            &feed,
            |index, intended| {
                assert_eq!(intended - begin, 10 * US * u32::try_from(index).expect("10,000 events"));
                index
            },
            |now, due| {
                taken.extend(drained(&feed, usize::MAX));
                let passed = u64::try_from((now - begin).as_micros()).expect("100 ms") / 10 + 1;
                assert_eq!(due, passed.min(10_000));
                assert!(taken.len() as u64 <= due);
                ControlFlow::Continue(())
            },
        );
        taken.extend(drained(&feed, usize::MAX));
        assert_eq!(taken, (0..10_000).collect::<Vec<_>>());
        assert_eq!((pacing.offered, pacing.valid()), (10_000, Ok(())));
        // Five at a time, the first of them 40 µs late.
        assert_eq!(pacing.lag.expect("10,000 events").max, 40_000);
    }

    #[test]
    fn a_feeder_that_builds_too_slowly_is_late() {
        let (clock, feed) = (FakeClock::new(), Feed::new(4_096));
        let slow = |index, _| {
            clock.pass(20 * US);
            index
        };
        let watch = |_, _| {
            drained(&feed, usize::MAX);
            ControlFlow::Continue(())
        };
        let pacing = feed_paced(&clock, steady(100_000, 10_000 * US), &feed, slow, watch);
        assert_eq!(pacing.offered, 1_000, "late, but all of them");
        assert!(matches!(pacing.invalid, Some(InvalidLoad::Rate { .. })), "{pacing:?}");
    }

    #[test]
    fn a_stall_is_lag_also_when_the_feed_is_full_of_what_is_to_come() {
        let (clock, feed) = (FakeClock::new(), Feed::new(1_000));
        let mut stalled = false;
        let watch = |_, due| {
            drained(&feed, usize::MAX);
            if due > 2_000 && !std::mem::replace(&mut stalled, true) {
                clock.pass(3_000 * US);
            }
            ControlFlow::Continue(())
        };
        let pacing = feed_paced(&clock, steady(100_000, 100_000 * US), &feed, |index, _| index, watch);
        let lag = pacing.lag.expect("10,000 events").max;
        assert!((2_900_000..=3_050_000).contains(&lag), "{lag} ns");
    }

    #[test]
    fn publishers_that_are_behind_are_not_the_feeder_s_lag_and_events_are_due_all_the_same() {
        let (clock, feed) = (FakeClock::new(), Feed::new(50));
        let (mut seen, mut looks) = (0, 0);
        let watch = |_, due| {
            (seen, looks) = (due, looks + 1);
            // Half of what becomes due at every other look: 5 or so in 100 µs.
            if looks % 2 == 0 {
                drained(&feed, 5);
            }
            match due == 1_000 && feed.taken() == 950 {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let pacing = feed_paced(&clock, steady(100_000, 10_000 * US), &feed, |index, _| index, watch);
        assert_eq!(seen, 1_000);
        let lag = pacing.lag.expect("some").max;
        assert!(lag <= 100_000, "{lag} ns");
    }

    #[test]
    fn as_many_are_on_their_way_as_the_window_has() {
        let (clock, feed) = (FakeClock::new(), Feed::new(300));
        let (done, mut taken) = (Cell::new(0), Vec::new());
        let (looks, most) = (Cell::new(0), Cell::new(0));
        let taken_now = std::cell::RefCell::new(&mut taken);
        feed_window(
            &clock,
            &feed,
            100,
            || done.get(),
            |index, _| index,
            || {
                // Everything that is due is taken at once, and ten of them are done at each look.
                taken_now.borrow_mut().extend(drained(&feed, usize::MAX));
                let on_their_way = taken_now.borrow().len() as u64 - done.get();
                most.set(most.get().max(on_their_way));
                done.set(done.get() + on_their_way.min(10));
                looks.set(looks.get() + 1);
                looks.get() == 1_000
            },
        );
        assert_eq!(most.get(), 100);
        assert!(done.get() > 9_000, "{} done", done.get());
        assert_eq!(taken, (0..taken.len() as u64).collect::<Vec<_>>());
    }

    #[test]
    fn a_load_that_is_ended_early_says_so_and_takes_back_what_was_not_due() {
        let (clock, feed) = (FakeClock::new(), Feed::new(4_096));
        let watch = |_, due| if due > 40 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let pacing = feed_paced(&clock, steady(100_000, 1_000 * US), &feed, |index, _| index, watch);
        assert!(matches!(pacing.invalid, Some(InvalidLoad::Stopped { .. })), "{pacing:?}");
        let taken = drained(&feed, usize::MAX);
        assert_eq!(taken, (0..taken.len() as u64).collect::<Vec<_>>());
        assert!((41..60).contains(&taken.len()), "{}", taken.len());
    }
}
