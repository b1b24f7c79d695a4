use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::log::{Logs, nanoseconds};
use super::recovery::WINDOW;
use super::{Backlog, Interval, Served};
use crate::measure::{CpuTime, NotMeasured};
use crate::workload::Owed;

/// Windows in an interval: a second.
const WINDOWS: u32 = 10;

/// What the publisher, the pacer and the system tell while they work.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Events that the pacer has sent.
    pub(super) sent: AtomicU64,
    /// When the last of these was due, since the beginning.
    pub(super) last_due_ns: AtomicU64,
    /// Of these, what the publisher has handed in.
    pub(super) published: AtomicU64,
    /// Deliveries that will never be acknowledged, as far as known.
    pub(super) given_up: AtomicU64,
}

/// What to watch.
pub(super) struct Watch<'a> {
    pub(super) logs: &'a Logs,
    pub(super) counts: &'a Counts,
    pub(super) owed: &'a Owed,
    /// Tries that failed so far.
    pub(super) errors: &'a (dyn Fn() -> u64 + Sync),
}

/// What the run tells who watches it.
pub(super) enum Word {
    Begin(Instant),
    Quiet,
}

/// What was seen.
pub(super) struct Seen {
    pub(super) served: Served,
    /// At the end of each window.
    pub(super) backlog: Vec<u64>,
    pub(super) most: Backlog,
    /// What watching took, which is the suite's.
    pub(super) cpu: Result<Duration, NotMeasured>,
}

/// Looks at the run until it is quiet; `show` gets each interval at its end. On a thread of its own: tasks of a runtime that
/// is busy with the system would look late.
pub(super) fn watch(
    words: &Receiver<Word>,
    watch: &Watch<'_>,
    show: &mut (dyn FnMut(&Interval) + Send),
) -> Seen {
    let mut seen = Seen {
        served: Served::default(),
        backlog: Vec::new(),
        most: Backlog::default(),
        cpu: Err(NotMeasured::new("CPU time", "not begun")),
    };
    if let Ok(Word::Begin(begin)) = words.recv() {
        let mut last = Taken { at: begin, events: 0, errors: 0 };
        for window in 1.. {
            let due = begin + WINDOW * window;
            match words.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Err(RecvTimeoutError::Timeout) => {
                    seen.look(watch);
                    if window % WINDOWS == 0 {
                        show(&last.interval(begin, watch, &mut seen));
                    }
                }
                Ok(_) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let rest = last.interval(begin, watch, &mut seen);
        if rest.events + rest.errors + rest.served.response.count() > 0 {
            show(&rest);
        }
    }
    seen.cpu = CpuTime::of_this_thread();
    seen
}

impl Watch<'_> {
    fn backlog(&self) -> u64 {
        // Read in this order, so that what is done meanwhile makes the backlog no smaller than nothing.
        let owed = self.owed.deliveries_of_first(self.counts.sent.load(Relaxed));
        owed.saturating_sub(self.logs.deliveries() + self.counts.given_up.load(Relaxed))
    }

    fn unpublished(&self) -> u64 {
        let published = self.owed.deliveries_of_first(self.counts.published.load(Relaxed));
        self.owed.deliveries_of_first(self.counts.sent.load(Relaxed)).saturating_sub(published)
    }
}

impl Seen {
    fn look(&mut self, watch: &Watch<'_>) {
        let backlog = watch.backlog();
        self.backlog.push(backlog);
        self.most.most = self.most.most.max(backlog);
        self.most.most_unpublished = self.most.most_unpublished.max(watch.unpublished());
    }
}

/// How things stood at the end of the last interval.
struct Taken {
    at: Instant,
    events: u64,
    errors: u64,
}

impl Taken {
    fn interval(&mut self, begin: Instant, watch: &Watch<'_>, seen: &mut Seen) -> Interval {
        let now =
            Taken { at: Instant::now(), events: watch.counts.sent.load(Relaxed), errors: (watch.errors)() };
        let interval = Interval {
            from_ns: nanoseconds(self.at.saturating_duration_since(begin)),
            lasting_ns: nanoseconds(now.at.saturating_duration_since(self.at)),
            events: now.events - self.events,
            errors: now.errors - self.errors,
            backlog: watch.backlog(),
            served: watch.logs.take(),
        };
        seen.served.merge(&interval.served);
        *self = now;
        interval
    }
}
