//! Open-loop load: events are sent when they are due, not when the system is ready for them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Clock;
use super::verdict::{Pacing, Record};
use crate::measure::{CpuTime, NotMeasured};

/// Longest sleep without a look at the stop flag: Ctrl-C is obeyed before a person wonders.
const LONGEST_SLEEP: Duration = Duration::from_millis(50);

/// A load begins so long after it is asked for: its thread, and everybody else who wakes when it begins, is there by then. The
/// first events of a load that begins at once are late by the time it takes to start a thread, and a short one misses its rate.
pub const HEAD_START: Duration = Duration::from_millis(10);

/// Sends the events of a schedule on the calling thread, which begins at `begin`: `send(index, intended)` for each, in
/// order, as soon as it is due. An event that is late because `send` or the machine stalled is sent at once, with the time at
/// which it was intended: latencies count from there, or the stall would vanish from them (coordinated omission).
///
/// `offsets_ns`: nanoseconds from the beginning, ascending. Ends early once `stop` is set.
pub fn pace_from<C: Clock>(
    clock: &C,
    begin: Instant,
    offsets_ns: impl IntoIterator<Item = u64>,
    stop: &AtomicBool,
    mut send: impl FnMut(u64, Instant),
) -> Pacing {
    let mut record = Record::default();
    for (index, offset_ns) in (0..).zip(offsets_ns) {
        let intended = begin + Duration::from_nanos(offset_ns);
        let Some(actual) = wait_until(clock, intended, stop) else {
            return record.pacing(true);
        };
        record.sent(intended, actual);
        send(index, intended);
    }
    record.pacing(false)
}

/// [`pace_from`] now.
pub fn pace<C: Clock>(
    clock: &C,
    offsets_ns: impl IntoIterator<Item = u64>,
    stop: &AtomicBool,
    send: impl FnMut(u64, Instant),
) -> Pacing {
    pace_from(clock, clock.now(), offsets_ns, stop, send)
}

/// The time at which the deadline was found to have passed; `None` if stopped before.
fn wait_until<C: Clock>(clock: &C, deadline: Instant, stop: &AtomicBool) -> Option<Instant> {
    loop {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        let now = clock.now();
        if now >= deadline {
            return Some(now);
        }
        clock.sleep_until(deadline.min(now + LONGEST_SLEEP));
    }
}

/// Starts a thread of its own that sends the events of a schedule, by the clock that `clock` makes there. See
/// [`pace_from`] for the others.
///
/// A thread, not a task: a runtime that is busy with the system under test would delay the load itself. `send` should
/// hand the event over and return; whatever it waits for shows as lag of the events after it. The thread's own CPU
/// time comes with the result: it is the harness's, not the system's.
pub fn spawn_pacer<C: Clock>(
    clock: impl FnOnce() -> C + Send + 'static,
    begin: Instant,
    offsets_ns: impl IntoIterator<Item = u64> + Send + 'static,
    stop: Arc<AtomicBool>,
    send: impl FnMut(u64, Instant) + Send + 'static,
) -> io::Result<JoinHandle<(Pacing, Result<Duration, NotMeasured>)>> {
    thread::Builder::new().name("pacer".to_owned()).spawn(move || {
        let pacing = pace_from(&clock(), begin, offsets_ns, &stop, send);
        (pacing, CpuTime::of_this_thread())
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::load::{Arrivals, Course, InvalidLoad, Schedule, SystemClock};

    /// Stands still unless somebody sleeps or stalls.
    struct FakeClock {
        now: Cell<Instant>,
        wakes_late_by: Duration,
    }

    impl FakeClock {
        fn waking_late_by(wakes_late_by: Duration) -> Self {
            Self { now: Cell::new(Instant::now()), wakes_late_by }
        }

        fn stall(&self, time: Duration) {
            self.now.set(self.now.get() + time);
        }
    }

    impl Clock for FakeClock {
        fn now(&self) -> Instant {
            self.now.get()
        }

        fn sleep_until(&self, deadline: Instant) {
            self.now.set(self.now.get().max(deadline + self.wakes_late_by));
        }
    }

    /// One second.
    fn steady(events_per_second: u64) -> Schedule {
        let course = Course::steady(events_per_second, Duration::from_secs(1)).expect("a second");
        course.schedule(Arrivals::Even, 0)
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn every_event_is_sent_at_its_intended_time() {
        let clock = FakeClock::waking_late_by(Duration::ZERO);
        let begin = clock.now();
        let mut sent = Vec::new();
        let pacing = pace(&clock, steady(1_000), &AtomicBool::new(false), |index, intended| {
            sent.push((index, intended - begin, clock.now() - begin));
        });
        let expected: Vec<_> = (0..1_000).map(|i| (u64::from(i), MS * i, MS * i)).collect();
        assert_eq!(sent, expected);
        assert_eq!((pacing.offered, pacing.valid()), (1_000, Ok(())));
        assert_eq!(pacing.lag.expect("1,000 events").max, 0);
    }

    #[test]
    fn a_stall_shows_in_the_time_from_the_intended_moment() {
        let clock = FakeClock::waking_late_by(Duration::ZERO);
        let mut late = Vec::new();
        let pacing = pace(&clock, steady(1_000), &AtomicBool::new(false), |index, intended| {
            late.push(clock.now() - intended);
            if index == 10 {
                clock.stall(100 * MS);
            }
        });
        // Event 11 was due 1 ms after event 10 and comes 99 ms late, the next 98 ms, until the backlog is sent.
        let expected: Vec<_> = (0..1_000_u32)
            .map(|i| if (11..110).contains(&i) { MS * (110 - i) } else { Duration::ZERO })
            .collect();
        assert_eq!(late, expected);
        assert_eq!(pacing.offered, 1_000, "nothing is skipped");
        assert_eq!(pacing.lag.expect("1,000 events").max, 99_000_000);
        assert_eq!(pacing.valid(), Ok(()), "the median event was punctual");
    }

    #[test]
    fn all_that_is_due_is_sent_without_sleeping_again() {
        let clock = FakeClock::waking_late_by(5 * MS);
        let mut moments = Vec::new();
        let begin = clock.now();
        let pacing = pace(
            &clock,
            [0, 1, 2, 3, 4, 5, 6, 7].map(|ms| ms * 1_000_000),
            &AtomicBool::new(false),
            |_, _| {
                moments.push((clock.now() - begin).as_millis());
            },
        );
        assert_eq!(moments, [0, 6, 6, 6, 6, 6, 6, 12]);
        assert_eq!(pacing.invalid, Some(InvalidLoad::TooFew { offered: 8 }));
    }

    #[test]
    fn a_pacer_that_always_wakes_late_is_invalid() {
        let clock = FakeClock::waking_late_by(Duration::from_micros(150));
        let pacing = pace(&clock, steady(1_000), &AtomicBool::new(false), |_, _| ());
        assert_eq!(pacing.invalid, Some(InvalidLoad::Lag { p50_ns: 150_000 }));
    }

    #[test]
    fn a_system_that_cannot_take_the_rate_makes_the_load_invalid() {
        let clock = FakeClock::waking_late_by(Duration::ZERO);
        let pacing = pace(&clock, steady(1_000), &AtomicBool::new(false), |_, _| clock.stall(2 * MS));
        let Some(InvalidLoad::Rate { intended, achieved }) = pacing.invalid else {
            panic!("{pacing:?}");
        };
        assert!((intended - 1_000.0).abs() < 1e-6 && (achieved - 500.0).abs() < 1e-6, "{pacing:?}");
    }

    /// Ctrl-C comes during the first sleep.
    struct InterruptedClock {
        clock: FakeClock,
        stop: AtomicBool,
    }

    impl Clock for InterruptedClock {
        fn now(&self) -> Instant {
            self.clock.now()
        }

        fn sleep_until(&self, deadline: Instant) {
            self.clock.sleep_until(deadline);
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn stopping_does_not_wait_for_the_next_event() {
        let stop = AtomicBool::new(false);
        let clock = InterruptedClock { clock: FakeClock::waking_late_by(Duration::ZERO), stop };
        let begin = clock.now();
        let hourly = (0..3).map(|hour| hour * 3_600_000_000_000);
        let pacing = pace(&clock, hourly, &clock.stop, |_, _| ());
        assert_eq!(pacing.invalid, Some(InvalidLoad::Stopped { offered: 1 }));
        assert_eq!(clock.now() - begin, LONGEST_SLEEP);
    }

    #[test]
    fn a_pacer_thread_sends_all_events_in_order() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let send = move |index, _| sender.send(index).expect("the receiver outlives the pacer");
        let stop = Arc::new(AtomicBool::new(false));
        let pacer =
            spawn_pacer(SystemClock::sleeping, Instant::now(), steady(50_000), Arc::clone(&stop), send)
                .expect("a thread");
        let sent: Vec<u64> = receiver.iter().take(1_000).collect();
        stop.store(true, Ordering::Relaxed);
        let (pacing, _) = pacer.join().expect("the pacer does not panic");
        assert_eq!(sent, (0..1_000).collect::<Vec<_>>());
        assert!(pacing.offered >= 1_000, "{pacing:?}");
    }
}
