//! No more than so many deliveries are in the hands of handlers at once.

use std::collections::VecDeque;
use std::task::Waker;

use super::sync::{AtomicUsize, Mutex, Ordering};

/// Permits for deliveries. Who finds none left is woken when some are given back.
///
/// One word holds the permits and whether somebody waits, so that giving back and waiting cannot miss each
/// other, at the price of one atomic operation each. (Tokio's semaphore takes a lock to give back.)
#[derive(Debug)]
pub struct Limiter {
    /// Twice the permits that are left, plus [`AWAITED`].
    left: AtomicUsize,
    waiting: Mutex<VecDeque<Waker>>,
}

const AWAITED: usize = 1;

impl Limiter {
    /// More permits than there is memory for deliveries.
    pub const MOST: usize = usize::MAX >> 2;

    /// With so many permits, [`Limiter::MOST`] at most.
    pub fn new(permits: usize) -> Self {
        Self { left: AtomicUsize::new(permits.min(Self::MOST) << 1), waiting: Mutex::default() }
    }

    /// Takes `wanted` permits, or as many as are left. If none is, `waker` is woken when that changes.
    #[inline]
    pub fn take(&self, wanted: usize, waker: &Waker) -> usize {
        match self.try_take(wanted) {
            0 => self.wait(wanted, waker),
            taken => taken,
        }
    }

    #[inline]
    fn try_take(&self, wanted: usize) -> usize {
        let mut left = self.left.load(Ordering::Relaxed);
        loop {
            let taken = wanted.min(left >> 1);
            if taken == 0 {
                return 0;
            }
            let after = left - (taken << 1);
            match self.left.compare_exchange_weak(left, after, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return taken,
                Err(now) => left = now,
            }
        }
    }

    #[cold]
    fn wait(&self, wanted: usize, waker: &Waker) -> usize {
        let mut waiting = self.waiting.lock();
        loop {
            let taken = self.try_take(wanted);
            if taken > 0 {
                return taken;
            }
            let left = self.left.load(Ordering::Relaxed);
            let none = left & AWAITED;
            // Fails if permits came back meanwhile.
            if self.left.compare_exchange(none, AWAITED, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                waiting.push_back(waker.clone());
                return 0;
            }
        }
    }

    /// Gives permits back.
    #[inline]
    pub fn give_back(&self, permits: usize) {
        if permits == 0 {
            return;
        }
        let before = self.left.fetch_add(permits << 1, Ordering::AcqRel);
        if before & AWAITED != 0 {
            self.wake_all();
        }
    }

    /// All: one of them may not need its permit any more, and then another must have heard of it.
    #[cold]
    fn wake_all(&self) {
        let woken = {
            let mut waiting = self.waiting.lock();
            self.left.fetch_and(!AWAITED, Ordering::AcqRel);
            std::mem::take(&mut *waiting)
        };
        woken.into_iter().for_each(Waker::wake);
    }

    /// How many wait for a permit.
    pub fn waiting(&self) -> usize {
        self.waiting.lock().len()
    }

    /// Permits that are left.
    pub fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed) >> 1
    }
}

#[cfg(all(test, not(crucible_loom)))]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize as Count;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(Count);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_is_left_is_shared_and_who_finds_nothing_is_woken() {
        let limiter = Limiter::new(5);
        let (first, second) = (Arc::new(Woken::default()), Arc::new(Woken::default()));
        let (one, two) = (Waker::from(first.clone()), Waker::from(second.clone()));
        assert_eq!((limiter.take(3, &one), limiter.take(3, &one)), (3, 2));
        assert_eq!((limiter.take(1, &one), limiter.take(1, &two)), (0, 0));
        limiter.give_back(0);
        assert_eq!(first.0.load(Ordering::Relaxed), 0);
        limiter.give_back(2);
        limiter.give_back(1);
        let woken = (first.0.load(Ordering::Relaxed), second.0.load(Ordering::Relaxed));
        assert_eq!((woken, limiter.left()), ((1, 1), 3));
        assert_eq!((limiter.take(9, &one), limiter.left()), (3, 0));
    }
}
