use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Between the feeder, which builds events ahead of time, and publishers, who take them when they are due.
///
/// Bounded: the feeder builds no further while publishers are behind, so that a backlog stays where it belongs, in
/// the system or, if that pushes back, nowhere. Events that are due count all the same.
#[derive(Debug)]
pub struct Feed<T> {
    state: Mutex<State<T>>,
    arrived: Notify,
    capacity: usize,
}

#[derive(Debug)]
struct State<T> {
    /// Built and not taken, in order.
    built: VecDeque<T>,
    /// Events whose moment has come.
    due: u64,
    taken: u64,
    ended: bool,
}

impl<T> State<T> {
    fn available(&self) -> usize {
        let due = usize::try_from(self.due - self.taken).unwrap_or(usize::MAX);
        due.min(self.built.len())
    }
}

impl<T> Feed<T> {
    /// Holds so many events that are built and not taken.
    pub fn new(capacity: usize) -> Self {
        let state = State { built: VecDeque::with_capacity(capacity), due: 0, taken: 0, ended: false };
        Self { state: Mutex::new(state), arrived: Notify::new(), capacity }
    }

    /// Consistent after a panic: nothing in here calls out while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next events, `most` at most and at least one, behind those in `into`; waits until one is due. False if all
    /// were taken and none will come.
    pub async fn take(&self, most: usize, into: &mut Vec<T>) -> bool {
        loop {
            {
                let mut state = self.lock();
                let count = state.available().min(most);
                if count > 0 {
                    into.extend(state.built.drain(..count));
                    state.taken += count as u64;
                }
                let (left, ended) = (state.available(), state.ended);
                drop(state);
                // One is woken at a time: who leaves something, or has seen the end, tells the next.
                if left > 0 || ended {
                    self.arrived.notify_one();
                }
                if count > 0 || ended {
                    return count > 0;
                }
            }
            self.arrived.notified().await;
        }
    }

    /// Events taken so far.
    pub fn taken(&self) -> u64 {
        self.lock().taken
    }

    /// Events that could be taken at once.
    pub fn available(&self) -> usize {
        self.lock().available()
    }

    /// For the feeder: more that is built, and how many are due by now, ever more. Returns the room that is left.
    pub(super) fn put(&self, built: &mut Vec<T>, due: u64) -> usize {
        let mut state = self.lock();
        state.built.extend(built.drain(..));
        state.due = due;
        let (room, available) = (self.capacity.saturating_sub(state.built.len()), state.available());
        drop(state);
        if available > 0 {
            self.arrived.notify_one();
        }
        room
    }

    /// For the feeder: nothing more will be due. What is built and not due is dropped.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        let available = state.available();
        let dropped = state.built.split_off(available);
        state.ended = true;
        drop(state);
        drop(dropped);
        self.arrived.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_time()
            .build()
            .expect("a runtime")
    }

    #[test]
    fn only_what_is_due_is_taken_in_order() {
        let feed = Feed::new(10);
        assert_eq!(feed.put(&mut (0..6).collect(), 4), 4);
        let mut taken = Vec::new();
        runtime().block_on(async {
            assert!(feed.take(3, &mut taken).await);
            assert!(feed.take(3, &mut taken).await);
            assert_eq!((&taken[..], feed.taken()), (&[0, 1, 2, 3][..], 4));
            let early = tokio::time::timeout(Duration::from_millis(5), feed.take(3, &mut taken)).await;
            assert!(early.is_err(), "the fifth is not due: {taken:?}");
            feed.put(&mut Vec::new(), 5);
            feed.end();
            assert!(feed.take(3, &mut taken).await);
            assert!(!feed.take(3, &mut taken).await);
        });
        assert_eq!(taken, [0, 1, 2, 3, 4], "what was not due at the end is dropped");
    }

    #[test]
    fn room_is_what_was_not_taken() {
        let feed = Feed::new(4);
        assert_eq!(feed.put(&mut vec![1, 2, 3, 4], 100), 0);
        let mut taken = Vec::new();
        runtime().block_on(feed.take(3, &mut taken));
        assert_eq!(feed.put(&mut Vec::new(), 100), 3);
    }

    /// Each of many takers is woken for the end, and between them they take everything once.
    #[test]
    fn several_takers_share_all_of_it_and_all_see_the_end() {
        const EVENTS: u64 = 10_000;
        let feed = Arc::new(Feed::new(64));
        let taken = runtime().block_on(async {
            let take_all = |feed: Arc<Feed<u64>>| async move {
                let mut taken = Vec::new();
                while feed.take(7, &mut taken).await {
                    tokio::task::yield_now().await;
                }
                taken
            };
            let takers: Vec<_> = (0..8).map(|_| tokio::spawn(take_all(feed.clone()))).collect();
            let (mut next, mut room) = (0, 64);
            while next < EVENTS {
                let more = (EVENTS - next).min(room as u64);
                room = feed.put(&mut (next..next + more).collect(), next + more);
                next += more;
                tokio::task::yield_now().await;
            }
            feed.end();
            let mut all = Vec::new();
            for taker in takers {
                all.extend(taker.await.expect("no panic"));
            }
            all
        });
        let mut taken = taken;
        taken.sort_unstable();
        assert_eq!(taken, (0..EVENTS).collect::<Vec<_>>());
    }
}
