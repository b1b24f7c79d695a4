use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use rustc_hash::FxHashMap;

use crate::event::{Event, Name};
use crate::routing::{Budget, Claim, DeadLetter, DeathCause, LetterId, Single};

/// The youngest dead letters of a system, at most so many.
#[derive(Debug)]
pub(super) struct DeadLetters {
    capacity: usize,
    state: Mutex<State>,
}

/// A [`DeadLetter`] whose event is shared with all who hold it.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    id: LetterId,
    pub(super) single: Single,
    pub(super) service: Name,
    cause: DeathCause,
}

#[derive(Debug, Default)]
struct State {
    /// By id.
    letters: VecDeque<Kept>,
    /// Bytes of their events, once for each letter: they cannot free more.
    bytes: u64,
    next: u64,
    counts: LetterCounts,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LetterCounts {
    /// Made room for younger ones, or for new events.
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

    pub(super) fn put(&self, service: &Name, single: Single, cause: DeathCause) {
        let oldest = {
            let mut state = self.lock();
            let id = LetterId(state.next);
            state.next += 1;
            let youngest = state.letters.len();
            state.insert(youngest, Kept { id, single, service: service.clone(), cause });
            let full = state.letters.len() > self.capacity;
            state.counts.lost += u64::from(full);
            if full { state.remove(0) } else { None }
        };
        drop(oldest); // outside the lock: it may be the last to hold its event
    }

    pub(super) fn list(&self) -> Vec<DeadLetter> {
        // Events are copied outside the lock.
        let kept: Vec<Kept> = self.lock().letters.iter().cloned().collect();
        kept.into_iter().map(Kept::letter).collect()
    }

    pub(super) fn take(&self, id: LetterId) -> Option<Kept> {
        let mut state = self.lock();
        let at = state.letters.binary_search_by_key(&id, |kept| kept.id).ok()?;
        state.remove(at)
    }

    /// What was taken could not be delivered, and goes back to its place, if there is still room.
    pub(super) fn put_back(&self, kept: Kept) {
        let mut state = self.lock();
        if state.letters.len() >= self.capacity {
            state.counts.lost += 1;
        } else if let Err(at) = state.letters.binary_search_by_key(&kept.id, |kept| kept.id) {
            state.insert(at, kept);
        }
    }

    /// Lets the oldest go, no more than it takes, until there is room for so many bytes; none if all of them would
    /// not be enough. Returns whether there may be room now. Their events go to `let_go`: they are to be dropped where
    /// no lock is held.
    pub(super) fn make_room(&self, budget: &Budget, bytes: u64, let_go: &mut Vec<Arc<Event>>) -> bool {
        let mut state = self.lock();
        let shortage = budget.shortage(bytes);
        if shortage > state.bytes {
            return false; // without a look at each of them: refusing has to be cheap
        }
        let enough = |&(_, freed): &(usize, u64)| freed >= shortage;
        let Some((letters, _)) = std::iter::once((0, 0)).chain(freed_by(&state.letters)).find(enough) else {
            return false;
        };
        state.counts.lost += letters as u64;
        // Not with their parts of the budget: those are to be free now.
        let gone = (0..letters).filter_map(|_| state.remove(0));
        let_go.extend(gone.map(|kept| kept.single.shared().clone()));
        true
    }

    /// Bytes that letters alone hold.
    pub(super) fn bytes(&self) -> u64 {
        freed_by(&self.lock().letters).last().map_or(0, |(_, freed)| freed)
    }

    pub(super) fn replayed(&self) {
        self.lock().counts.replayed += 1;
    }

    pub(super) fn counts(&self) -> LetterCounts {
        let state = self.lock();
        LetterCounts { kept: state.letters.len(), ..state.counts }
    }
}

impl Kept {
    fn bytes(&self) -> u64 {
        self.single.claim().map_or(0, Claim::bytes)
    }

    fn letter(self) -> DeadLetter {
        DeadLetter { id: self.id, event: self.single.event(), service: self.service, cause: self.cause }
    }
}

impl State {
    fn insert(&mut self, at: usize, kept: Kept) {
        self.bytes += kept.bytes();
        self.letters.insert(at, kept);
    }

    fn remove(&mut self, at: usize) -> Option<Kept> {
        let kept = self.letters.remove(at)?;
        self.bytes -= kept.bytes();
        Some(kept)
    }
}

/// For each number of the oldest letters how many bytes are free once they are gone: those of events that nobody else
/// holds.
fn freed_by(letters: &VecDeque<Kept>) -> impl Iterator<Item = (usize, u64)> {
    let mut found: FxHashMap<usize, usize> = FxHashMap::default();
    let mut freed = 0;
    letters.iter().zip(1..).map(move |(kept, number)| {
        if let Some(claim) = kept.single.claim() {
            let holders = found.entry(claim.key()).or_default();
            *holders += 1;
            freed += if *holders == claim.holders() { claim.bytes() } else { 0 };
        }
        (number, freed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventId, EventKind, Payload, Timestamp};

    fn event(id: u128) -> Arc<Event> {
        let payload = Payload::Text("x".to_owned().into());
        Arc::new(Event::new(EventId(id), EventKind::Metrics, "s", Timestamp(0), payload))
    }

    fn put(letters: &DeadLetters, id: u128) {
        letters.put(&"a".into(), Single::new(event(id)), DeathCause::TimedOut);
    }

    fn claimed(budget: &Arc<Budget>, id: u128) -> Single {
        Single::claimed(budget.claim(&event(id)).expect("there is room"))
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
        assert!(letters.take(LetterId(1)).is_none());
        assert_eq!(kept(&letters), [0, 2]);
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

    #[test]
    fn the_oldest_make_room_and_none_does_in_vain() {
        let bytes = event(1).held_bytes();
        let (letters, budget) = (DeadLetters::new(9), Budget::new(4 * bytes));
        let singles = [1, 2, 3, 4].map(|id| claimed(&budget, id));
        // Of the second two services have a letter; the third is delivered to another still.
        for event in [0, 1, 2, 1, 3] {
            letters.put(&"a".into(), singles[event].clone(), DeathCause::TimedOut);
        }
        let [first, second, third, fourth] = singles;
        drop((first, second, fourth));
        assert_eq!((letters.bytes(), budget.held()), (3 * bytes, 4 * bytes));
        let mut let_go = Vec::new();
        assert!(!letters.make_room(&budget, 4 * bytes, &mut let_go));
        assert_eq!((kept(&letters).len(), let_go.len()), (5, 0));
        assert!(letters.make_room(&budget, bytes + 1, &mut let_go));
        assert_eq!((kept(&letters), letters.counts().lost, budget.held()), (vec![4], 4, 2 * bytes));
        assert_eq!(let_go.iter().map(|event| event.id.0).collect::<Vec<_>>(), [1, 2, 3, 2]);
        // There is room already.
        assert!(letters.make_room(&budget, bytes, &mut let_go));
        assert_eq!((kept(&letters), letters.bytes()), (vec![4], bytes));
        drop((third, letters));
        assert_eq!(budget.held(), 0);
    }
}
