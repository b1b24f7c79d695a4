//! Time that passes while a case waits: by tokio's clock, which may be paused, or the machine's.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::fault::{Verdict, ensure};

/// How late a timer may be by tokio's paused clock: it wakes at the next whole millisecond.
pub(super) const TICK: Duration = Duration::from_millis(1);

/// Whether tokio's clock is paused: then nothing depends on how fast the machine is, and what is late is
/// the system's fault. By the real clock nothing is too late.
pub(super) fn is_virtual() -> bool {
    let (virtual_time, real_time) = (Instant::now(), std::time::Instant::now());
    while real_time.elapsed().is_zero() {
        std::hint::spin_loop();
    }
    virtual_time.elapsed().is_zero()
}

/// Lets everybody do what there is to do: under the paused clock until nobody has anything to do but to
/// wait, else for a moment.
pub(super) async fn idle() {
    sleep(TICK).await;
}

/// `what` takes at least as long as promised, and by the paused clock no longer than it may.
pub(super) fn takes(what: &str, least: Duration, most: Duration, took: Duration) -> Verdict {
    // A nanosecond for what rounding does to a fraction of a wait.
    let in_time = took <= most.saturating_add(TICK) || !is_virtual();
    let expected = format_args!("{what} takes between {least:?} and {most:?} (it took {took:?})").to_string();
    ensure(took + Duration::from_nanos(1) >= least && in_time, expected)
}

/// Asks what holds for a time only. A machine that was too slow to ask in time has shown nothing.
pub(super) async fn within(time: Duration, asking: impl Future<Output = Verdict>) -> Verdict {
    let begun = Instant::now();
    let verdict = asking.await;
    if begun.elapsed() < time || is_virtual() { verdict } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::conformance::Fault;

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_is_told_from_one_that_goes() {
        assert!(is_virtual());
        sleep(Duration::from_secs(1)).await;
        assert!(is_virtual());
        tokio::time::resume();
        assert!(!is_virtual());
    }

    #[tokio::test(start_paused = true)]
    async fn only_by_the_paused_clock_is_anything_too_late() {
        let second = Duration::from_secs(1);
        assert!(takes("it", second, second, second + TICK).is_ok());
        assert!(takes("it", second, second, second + 2 * TICK).is_err());
        assert!(takes("it", second, second, second - TICK).is_err());
        let wrong = || async { Err(Fault::new("wrong")) };
        assert!(within(Duration::ZERO, wrong()).await.is_err());
        tokio::time::resume();
        assert!(takes("it", second, second, 2 * second).is_ok());
        assert!(takes("it", second, second, second - TICK).is_err());
        assert!(within(Duration::ZERO, wrong()).await.is_ok());
        assert!(within(60 * second, wrong()).await.is_err());
    }
}
