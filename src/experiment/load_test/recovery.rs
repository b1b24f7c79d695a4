//! When is a system as it was before the failures?
//!
//! The time to recover is that of the resilience triangle (Bruneau and others, "A Framework to Quantitatively Assess and
//! Enhance the Seismic Resilience of Communities", Earthquake Spectra 19, 2003): from the moment at which the disturbance
//! ends until quality is back where it was before. Quality is looked at in windows of 100 ms. It is back with the
//! first of five windows in a row none of which is worse than the worst one before the failures began: one window alone
//! may be good by chance, and never to be worse again would be asked too much of any machine.

use std::time::Duration;

use super::log::nanoseconds;

/// Hundreds of deliveries at thousands of events/s; ten times finer than the shortest wait of a breaker or retry that
/// people notice.
pub(super) const WINDOW: Duration = Duration::from_millis(100);

const WINDOW_NS: u64 = WINDOW.as_nanos() as u64;

/// Half a second.
const IN_A_ROW: usize = 5;

/// A long test is looked at for so long: an hour of windows.
const MOST_WINDOWS: u64 = 36_000;

/// Response times of the deliveries whose events were due in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Window {
    pub(super) deliveries: u64,
    pub(super) sum_ns: u64,
}

/// When an event was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Before,
    During,
    After,
}

/// The windows of a test, and when things go wrong in it; in nanoseconds from the beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Windows {
    from_ns: u64,
    /// Absent: to the end.
    until_ns: Option<u64>,
    windows: Vec<Window>,
}

impl Window {
    fn add(&mut self, other: Self) {
        self.deliveries += other.deliveries;
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
    }

    /// Nothing was due, nothing was slow.
    fn mean_ns(&self) -> f64 {
        self.sum_ns as f64 / self.deliveries.max(1) as f64
    }
}

impl Windows {
    pub(super) fn new(lasting: Duration, (from, until): (Duration, Option<Duration>)) -> Self {
        let count = nanoseconds(lasting).div_ceil(WINDOW_NS).clamp(1, MOST_WINDOWS);
        let windows = vec![Window::default(); usize::try_from(count).unwrap_or(1)];
        Self { from_ns: nanoseconds(from), until_ns: until.map(nanoseconds), windows }
    }

    pub(super) fn times_ns(&self) -> (u64, Option<u64>) {
        (self.from_ns, self.until_ns)
    }

    pub(super) fn phase(&self, due_ns: u64) -> Phase {
        match self.until_ns {
            _ if due_ns < self.from_ns => Phase::Before,
            Some(until_ns) if due_ns >= until_ns => Phase::After,
            _ => Phase::During,
        }
    }

    pub(super) fn note(&mut self, due_ns: u64, window: Window) {
        let place = usize::try_from(due_ns / WINDOW_NS).unwrap_or(usize::MAX);
        if let Some(found) = self.windows.get_mut(place) {
            found.add(window);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (window, other) in self.windows.iter_mut().zip(&other.windows) {
            window.add(*other);
        }
    }

    /// From the end of the failures until the mean response time of what is due is as before them, ns.
    ///
    /// The mean, since it follows each delivery that waits for a retry or a breaker, where quantiles of a window see
    /// only the part of them beyond.
    pub(super) fn latency_back_ns(&self) -> Result<u64, String> {
        let means: Vec<f64> = self.windows.iter().map(Window::mean_ns).collect();
        self.back_ns(&means)
    }

    /// The same of the backlog, looked at at the end of each window.
    #[allow(clippy::cast_precision_loss)] // far below 2⁵³
    pub(super) fn backlog_back_ns(&self, backlog: &[u64]) -> Result<u64, String> {
        let backlog: Vec<f64> = backlog.iter().map(|&deliveries| deliveries as f64).collect();
        self.back_ns(&backlog)
    }

    fn back_ns(&self, badness: &[f64]) -> Result<u64, String> {
        let until_ns = self.until_ns.ok_or("failures went on to the end")?;
        let place = |ns: u64| usize::try_from(ns).unwrap_or(usize::MAX).min(badness.len());
        let before = &badness[..place(self.from_ns / WINDOW_NS)];
        let worst = before.iter().copied().reduce(f64::max);
        let worst = worst.ok_or("failures began within the first 100 ms: there is no before")?;
        let first_after = place(until_ns.div_ceil(WINDOW_NS));
        let after = badness[first_after..].windows(IN_A_ROW);
        let bad = after.map(|row| row.iter().any(|&value| value > worst)).position(|bad| !bad);
        let bad = bad.ok_or("not within the test")?;
        let back_ns = (first_after + bad) as u64 * WINDOW_NS;
        Ok(back_ns.saturating_sub(until_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// Failures from 300 ms to 500 ms of 2 s.
    fn windows() -> Windows {
        Windows::new(MS(2_000), (MS(300), Some(MS(500))))
    }

    #[test]
    fn phases_begin_and_end_exactly() {
        let phases = [0, 299_999_999, 300_000_000, 499_999_999, 500_000_000].map(|ns| windows().phase(ns));
        assert_eq!(phases, [Phase::Before, Phase::Before, Phase::During, Phase::During, Phase::After]);
        let open = Windows::new(MS(2_000), (MS(300), None));
        assert_eq!(open.phase(u64::MAX), Phase::During);
    }

    /// Mean response times of 20 windows, in microseconds.
    fn with_means(means: [u64; 20]) -> Windows {
        let mut windows = windows();
        for (place, mean_us) in (0..).zip(means) {
            let due_ns = place * WINDOW_NS + 7;
            windows.note(due_ns, Window { deliveries: 10, sum_ns: mean_us * 10_000 });
        }
        windows
    }

    #[test]
    fn latency_is_back_with_the_first_of_five_windows_that_are_no_worse_than_the_worst_before() {
        let normal = [50, 60, 40, 900, 900, 60, 50, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60];
        assert_eq!(with_means(normal).latency_back_ns(), Ok(0));
        let mut slow = normal;
        slow[5..9].copy_from_slice(&[500, 400, 300, 61]);
        assert_eq!(with_means(slow).latency_back_ns(), Ok(400_000_000));
        // Four good windows are too few.
        slow[13] = 61;
        assert_eq!(with_means(slow).latency_back_ns(), Ok(900_000_000));
        slow[18] = 61;
        assert_eq!(with_means(slow).latency_back_ns(), Err("not within the test".to_owned()));
    }

    #[test]
    fn a_backlog_is_back_when_it_is_as_small_as_before() {
        let mut backlog = [3, 5, 4, 80, 160, 120, 80, 40, 5, 4, 3, 3, 3, 3, 3];
        assert_eq!(windows().backlog_back_ns(&backlog), Ok(300_000_000));
        backlog[1] = 4;
        assert_eq!(windows().backlog_back_ns(&backlog), Ok(400_000_000));
        assert_eq!(windows().backlog_back_ns(&backlog[..10]), Err("not within the test".to_owned()));
    }

    #[test]
    fn without_a_before_or_an_after_there_is_no_recovery() {
        let from_the_beginning = Windows::new(MS(2_000), (MS(99), Some(MS(500))));
        assert!(from_the_beginning.latency_back_ns().expect_err("no before").contains("there is no before"));
        let to_the_end = Windows::new(MS(2_000), (MS(300), None));
        assert_eq!(to_the_end.latency_back_ns(), Err("failures went on to the end".to_owned()));
    }
}
