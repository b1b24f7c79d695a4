use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crucible_events::routing::Batch;

use super::Window;
use crate::measure::Latency;
use crate::sut::DeliveryLog;

/// Deliveries looked at in a second, about: enough for a P99 every 100 ms, and too few to slow a system down that makes
/// millions (a look costs some 30 ns).
const LOOKS_PER_SECOND: f64 = 10_000.0;

/// Of [`TrialRun::windows`](super::TrialRun::windows).
const WINDOW: Duration = Duration::from_millis(100);

/// A day of them.
const MOST_WINDOWS: usize = 864_000;

/// Latencies of a sample of all deliveries: those of events whose id ends in so many zeros. Ids are as good as random, so
/// that neither time nor service matters. Clones share one log.
#[derive(Debug, Clone)]
pub(super) struct SampledLog {
    origin: Instant,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Bits of the id that have to be zero.
    mask: AtomicU64,
    seen: Mutex<Vec<Seen>>,
}

/// Both in nanoseconds since the origin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    intended_ns: u64,
    done_ns: u64,
}

impl Seen {
    fn latency_ns(self) -> u64 {
        self.done_ns.saturating_sub(self.intended_ns)
    }
}

impl SampledLog {
    /// Events tell their intended moment as the time since `origin`.
    pub(super) fn new(origin: Instant) -> Self {
        Self { origin, shared: Arc::default() }
    }

    /// Looks at every delivery, or at every second, fourth, … where there are more than it wants to see.
    pub(super) fn expect(&self, deliveries_per_second: f64) {
        let mut every = 1_u64;
        while deliveries_per_second / every as f64 > 2.0 * LOOKS_PER_SECOND {
            every *= 2;
        }
        self.shared.mask.store(every - 1, Relaxed);
    }

    /// Looks at no delivery.
    pub(super) fn look_at_none(&self) {
        self.shared.mask.store(u64::MAX, Relaxed);
    }

    /// One of how many deliveries is looked at.
    pub(super) fn every(&self) -> u64 {
        self.shared.mask.load(Relaxed).saturating_add(1)
    }

    /// Of what was seen from number `begin` on: how many there are, and how many of them were due from `from_ns` on and took longer
    /// than `bound_ns`.
    pub(super) fn late_since(&self, begin: usize, from_ns: u64, bound_ns: u64) -> (usize, usize) {
        let seen = self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let late = |seen: &&Seen| seen.intended_ns >= from_ns && seen.latency_ns() > bound_ns;
        let new = seen.get(begin..).unwrap_or_default();
        (new.len(), new.iter().filter(late).count())
    }

    /// What was seen since the last time.
    pub(super) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl DeliveryLog for SampledLog {
    fn begin(&self) -> u64 {
        0
    }

    #[allow(clippy::cast_possible_truncation)] // the lower half of an id is as random as the whole
    fn done(&self, batch: Batch<'_>, _: u64) {
        let mask = self.shared.mask.load(Relaxed);
        let mut wanted = batch.iter().filter(|event| event.id.0 as u64 & mask == 0).peekable();
        if wanted.peek().is_none() {
            return;
        }
        let done_ns = nanoseconds(self.origin.elapsed());
        let mut seen = self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.extend(wanted.map(|event| Seen { intended_ns: event.created_at.0, done_ns }));
    }
}

pub(in crate::experiment) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Latencies of the events that were due from then on.
pub(super) fn of_events_due_from(seen: &[Seen], from_ns: u64) -> Latency {
    let mut latency = Latency::new();
    let due = seen.iter().filter(|seen| seen.intended_ns >= from_ns);
    due.for_each(|seen| latency.record_ns(seen.latency_ns()));
    latency
}

/// One after the other from `begin_ns` to the last of which something was due.
pub(super) fn windows(seen: &[Seen], begin_ns: u64) -> Vec<Window> {
    let width = nanoseconds(WINDOW);
    let number = |seen: &Seen| usize::try_from(seen.intended_ns.saturating_sub(begin_ns) / width);
    let mut latencies: Vec<Vec<u64>> = Vec::new();
    for seen in seen {
        let number = number(seen).unwrap_or(usize::MAX).min(MOST_WINDOWS);
        if latencies.len() <= number {
            latencies.resize_with(number + 1, Vec::new);
        }
        latencies[number].push(seen.latency_ns());
    }
    let window = |(number, latencies): (u64, Vec<u64>)| Window {
        end_ns: (number + 1) * width,
        p99_ns: p99(latencies),
    };
    (0..).zip(latencies).map(window).collect()
}

fn p99(mut latencies: Vec<u64>) -> Option<u64> {
    let beyond = latencies.len() / 100;
    if !crate::stats::quantile_is_supported(0.99, latencies.len() as u64) {
        return None;
    }
    latencies.sort_unstable();
    Some(latencies[latencies.len() - 1 - beyond])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crucible_events::event::{Event, EventId, EventKind, Payload, Timestamp};

    fn event(id: u128) -> Event {
        Event::new(EventId(id), EventKind::Metrics, "s", Timestamp(0), Payload::Text("x".to_owned().into()))
    }

    #[test]
    fn of_many_deliveries_some_ten_to_twenty_thousand_a_second_are_looked_at() {
        let log = SampledLog::new(Instant::now());
        let events: Vec<Event> = (0..64).map(event).collect();
        for (rate, seen) in [(100.0, 64), (20_000.0, 64), (21_000.0, 32), (160_001.0, 4), (1e7, 1)] {
            log.expect(rate);
            log.done(Batch::owned(&events), 0);
            assert_eq!(log.take().len(), seen, "{rate}/s");
        }
    }

    #[test]
    fn windows_and_the_judged_part_go_by_the_intended_moment() {
        let ms = |ms: u64| ms * 1_000_000;
        // One event each 50 µs for 300 ms, from 1 s on; done 1 ms later, in the second window 9 ms.
        let seen: Vec<Seen> = (0..6_000)
            .map(|number| {
                let intended_ns = ms(1_000) + number * 50_000;
                let late = if (2_000..4_000).contains(&number) { ms(9) } else { ms(1) };
                Seen { intended_ns, done_ns: intended_ns + late }
            })
            .collect();
        let found: Vec<_> = windows(&seen, ms(1_000)).iter().map(|w| (w.end_ns, w.p99_ns)).collect();
        assert_eq!(found, [(ms(100), Some(ms(1))), (ms(200), Some(ms(9))), (ms(300), Some(ms(1)))]);
        assert_eq!(windows(&seen[..999], ms(1_000))[0].p99_ns, None, "less than ten beyond");
        let judged = of_events_due_from(&seen, ms(1_250));
        assert_eq!((judged.count(), judged.summary().map(|all| all.max)), (1_000, Some(ms(1))));
    }
}
