use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

use crate::event::Timestamp;
pub use crate::routing::Moment;

/// Where a system reads the time: the runtime's clock, or one that moves by hand.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    /// Tokio's, which tests may pause.
    Runtime {
        origin: Instant,
        wall: Timestamp,
    },
    Manual(Arc<Manual>),
}

impl Clock {
    /// The runtime's clock; its time of day goes on from `wall`, however the machine's is stepped.
    pub fn beginning(wall: Timestamp) -> Self {
        Self(Source::Runtime { origin: Instant::now(), wall })
    }

    /// The time since it began.
    #[inline]
    pub fn now(&self) -> Moment {
        match &self.0 {
            // 584 years fit.
            #[allow(clippy::cast_possible_truncation)]
            Source::Runtime { origin, .. } => Moment(origin.elapsed().as_nanos() as u64),
            Source::Manual(manual) => Moment(manual.now.load(Ordering::Acquire)),
        }
    }

    /// The time of day.
    pub fn wall(&self) -> Timestamp {
        Timestamp(self.began().0.saturating_add(self.now().0))
    }

    /// The moment of a time of day; that of its beginning if it lies before.
    pub fn moment(&self, at: Timestamp) -> Moment {
        Moment(at.0.saturating_sub(self.began().0))
    }

    /// How many wait for a moment; the runtime does not tell.
    pub(super) fn alarms(&self) -> Option<usize> {
        match &self.0 {
            Source::Runtime { .. } => None,
            Source::Manual(manual) => Some(manual.sleepers().len()),
        }
    }

    fn began(&self) -> Timestamp {
        match &self.0 {
            Source::Runtime { wall, .. } => *wall,
            Source::Manual(manual) => manual.wall,
        }
    }

    /// Waits until then. The runtime's clock wakes at its next whole millisecond.
    pub(super) fn sleep_until(&self, at: Moment) -> Sleep {
        match &self.0 {
            Source::Runtime { origin, .. } => {
                let at = origin.checked_add(Duration::from_nanos(at.0));
                Sleep::Runtime(at.map(|at| Box::pin(tokio::time::sleep_until(at))))
            }
            Source::Manual(manual) => {
                let ticket = manual.tickets.fetch_add(1, Ordering::Relaxed);
                Sleep::Manual { clock: manual.clone(), at, ticket }
            }
        }
    }
}

impl Default for Clock {
    /// The runtime's clock, beginning at the machine's time of day.
    fn default() -> Self {
        Self::beginning(Timestamp::now())
    }
}

/// A clock that stands still until it is told otherwise: for tests, and for counting instructions
/// without counting those of a clock.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Manual>);

#[derive(Debug)]
pub(super) struct Manual {
    wall: Timestamp,
    now: AtomicU64,
    tickets: AtomicU64,
    sleepers: Mutex<Vec<Sleeper>>,
}

#[derive(Debug)]
struct Sleeper {
    ticket: u64,
    at: Moment,
    waker: Waker,
}

impl ManualClock {
    /// One that begins at this time of day.
    pub fn new(wall: Timestamp) -> Self {
        let (now, tickets) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Manual { wall, now, tickets, sleepers: Mutex::default() }))
    }

    /// For a system to read.
    pub fn clock(&self) -> Clock {
        Clock(Source::Manual(self.0.clone()))
    }

    /// Lets this much time go by, and wakes who waits for it.
    pub fn advance(&self, by: Duration) {
        let due: Vec<Sleeper> = {
            let mut sleepers = self.0.sleepers();
            let now = Moment(self.0.now.load(Ordering::Relaxed)).after(by);
            self.0.now.store(now.0, Ordering::Release);
            sleepers.extract_if(.., |sleeper| sleeper.at <= now).collect()
        };
        due.into_iter().for_each(|sleeper| sleeper.waker.wake());
    }

    /// The earliest moment that somebody waits for.
    pub fn next_wake(&self) -> Option<Moment> {
        self.0.sleepers().iter().map(|sleeper| sleeper.at).min()
    }
}

impl Manual {
    fn sleepers(&self) -> MutexGuard<'_, Vec<Sleeper>> {
        self.sleepers.lock()
    }

    fn poll(&self, at: Moment, ticket: u64, cx: &Context<'_>) -> Poll<()> {
        // Under the lock: the clock is not advanced between looking and enlisting.
        let mut sleepers = self.sleepers();
        sleepers.retain(|sleeper| sleeper.ticket != ticket);
        if at.0 <= self.now.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        sleepers.push(Sleeper { ticket, at, waker: cx.waker().clone() });
        Poll::Pending
    }
}

/// Waits for a moment.
#[derive(Debug)]
pub(super) enum Sleep {
    /// `None`: for ever.
    Runtime(Option<Pin<Box<tokio::time::Sleep>>>),
    Manual {
        clock: Arc<Manual>,
        at: Moment,
        ticket: u64,
    },
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.get_mut() {
            Self::Runtime(Some(sleep)) => sleep.as_mut().poll(cx),
            Self::Runtime(None) => Poll::Pending,
            Self::Manual { clock, at, ticket } => clock.poll(*at, *ticket, cx),
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Self::Manual { clock, ticket, .. } = self {
            clock.sleepers().retain(|sleeper| sleeper.ticket != *ticket);
        }
    }
}

/// One [`Sleep`] at a time, made when it is needed and kept while the moment stays the same.
#[derive(Debug, Default)]
pub(super) struct Timer(Option<(Moment, Sleep)>);

impl Timer {
    /// Ready at `at`.
    pub(super) fn poll(&mut self, clock: &Clock, at: Moment, cx: &mut Context<'_>) -> Poll<()> {
        let same = self.0.take().filter(|(set, _)| *set == at);
        let (_, sleep) = self.0.insert(same.unwrap_or_else(|| (at, clock.sleep_until(at))));
        let polled = Pin::new(sleep).poll(cx);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_wakes_who_is_due_and_forgets_who_went() {
        let manual = ManualClock::new(Timestamp(1_000));
        let clock = manual.clock();
        let mut cx = Context::from_waker(Waker::noop());
        let (mut early, mut late) = (clock.sleep_until(Moment(5)), clock.sleep_until(Moment(9)));
        assert!(Pin::new(&mut early).poll(&mut cx).is_pending());
        assert!(Pin::new(&mut late).poll(&mut cx).is_pending());
        assert!(Pin::new(&mut late).poll(&mut cx).is_pending());
        assert_eq!(manual.0.sleepers().len(), 2);
        assert_eq!(manual.next_wake(), Some(Moment(5)));
        manual.advance(Duration::from_nanos(5));
        assert!(Pin::new(&mut early).poll(&mut cx).is_ready());
        assert!(Pin::new(&mut late).poll(&mut cx).is_pending());
        assert_eq!((clock.now(), clock.wall()), (Moment(5), Timestamp(1_005)));
        assert_eq!(clock.moment(Timestamp(1_009)), Moment(9));
        assert_eq!(clock.moment(Timestamp(3)), Moment(0));
        drop(late);
        assert_eq!(manual.next_wake(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_runtimes_clock_is_the_one_that_tests_pause() {
        let clock = Clock::beginning(Timestamp(7));
        let mut timer = Timer::default();
        std::future::poll_fn(|cx| timer.poll(&clock, Moment(3_000_000), cx)).await;
        assert_eq!(clock.now(), Moment(3_000_000));
        assert_eq!(clock.wall(), Timestamp(3_000_007));
        assert!(timer.0.is_none());
    }
}
