use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use crate::event::{Event, Name};
use crate::routing::{DeadLetter, DeathCause, LetterId};

/// The youngest dead letters of a system, at most so many.
#[derive(Debug)]
pub(super) struct DeadLetters {
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By id.
    letters: VecDeque<DeadLetter>,
    next: u64,
    counts: LetterCounts,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LetterCounts {
    /// Made room for younger ones.
    pub(super) lost: u64,
    pub(super) replayed: u64,
    pub(super) kept: usize,
}

impl DeadLetters {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub(super) fn put(&self, service: &Name, event: Arc<Event>, cause: DeathCause) {
        let oldest = {
            let mut state = self.lock();
            let id = LetterId(state.next);
            state.next += 1;
            state.letters.push_back(DeadLetter { id, event, service: service.clone(), cause });
            let full = state.letters.len() > self.capacity;
            state.counts.lost += u64::from(full);
            if full { state.letters.pop_front() } else { None }
        };
        drop(oldest); // outside the lock: it may be the last to hold its event
    }

    pub(super) fn list(&self) -> Vec<DeadLetter> {
        self.lock().letters.iter().cloned().collect()
    }

    pub(super) fn take(&self, id: LetterId) -> Option<DeadLetter> {
        let mut state = self.lock();
        let at = state.letters.binary_search_by_key(&id, |letter| letter.id).ok()?;
        state.letters.remove(at)
    }

    /// What was taken could not be delivered, and goes back to its place, if there is still room.
    pub(super) fn put_back(&self, letter: DeadLetter) {
        let mut state = self.lock();
        if state.letters.len() >= self.capacity {
            state.counts.lost += 1;
        } else if let Err(at) = state.letters.binary_search_by_key(&letter.id, |letter| letter.id) {
            state.letters.insert(at, letter);
        }
    }

    pub(super) fn replayed(&self) {
        self.lock().counts.replayed += 1;
    }

    pub(super) fn counts(&self) -> LetterCounts {
        let state = self.lock();
        LetterCounts { kept: state.letters.len(), ..state.counts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventId, EventKind, Payload, Timestamp};

    fn put(letters: &DeadLetters, id: u128) {
        let payload = Payload::Text("x".to_owned().into());
        let event = Event::new(EventId(id), EventKind::Metrics, "s", Timestamp(0), payload);
        letters.put(&"a".into(), Arc::new(event), DeathCause::TimedOut);
    }

    fn kept(letters: &DeadLetters) -> Vec<u64> {
        letters.list().iter().map(|letter| letter.id.0).collect()
    }

    #[test]
    fn the_youngest_are_kept_and_the_others_counted() {
        let letters = DeadLetters::new(2);
        (1..=5).for_each(|id| put(&letters, id));
        assert_eq!(kept(&letters), [3, 4]);
        assert_eq!((letters.counts().lost, letters.counts().kept), (3, 2));
        assert_eq!(letters.list()[0].event.id, EventId(4));
    }

    #[test]
    fn a_letter_is_taken_once_and_goes_back_to_its_place() {
        let letters = DeadLetters::new(3);
        (1..=3).for_each(|id| put(&letters, id));
        let second = letters.take(LetterId(1)).expect("it is there");
        assert_eq!((letters.take(LetterId(1)), kept(&letters)), (None, vec![0, 2]));
        letters.put_back(second.clone());
        assert_eq!(kept(&letters), [0, 1, 2]);
        let second = letters.take(second.id).expect("it is back");
        put(&letters, 4);
        letters.put_back(second);
        assert_eq!((kept(&letters), letters.counts().lost), (vec![0, 2, 3], 1));
    }

    #[test]
    fn without_room_none_is_kept() {
        let letters = DeadLetters::new(0);
        put(&letters, 1);
        assert_eq!((kept(&letters), letters.counts().lost), (vec![], 1));
    }
}
