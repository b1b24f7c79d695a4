use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::crucible_core::clock::Moment;
use crate::event::Event;
use crate::routing::Claim;

/// Deliveries that wait for a moment: that of a retry, or the scheduled one.
#[derive(Debug, Default)]
pub(super) struct Delayed {
    heap: BinaryHeap<Reverse<Entry>>,
    entered: u64,
    /// Their parts of a budget, by turn: empty without one.
    claims: FxHashMap<u64, Claim>,
}

#[derive(Debug)]
struct Entry {
    due: Moment,
    /// Of equal moments, who came first goes first.
    turn: u64,
    deadline: Moment,
    event: Arc<Event>,
}

impl Entry {
    fn key(&self) -> (Moment, u64) {
        (self.due, self.turn)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl Delayed {
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    pub(super) fn push(&mut self, event: Arc<Event>, due: Moment, deadline: Moment) {
        let turn = self.entered;
        self.entered += 1;
        self.heap.push(Reverse(Entry { due, turn, deadline, event }));
    }

    /// The same with the event's part of a budget.
    pub(super) fn push_claimed(&mut self, event: Arc<Event>, claim: Claim, due: Moment, deadline: Moment) {
        self.claims.insert(self.entered, claim);
        self.push(event, due, deadline);
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Moment> {
        self.heap.peek().map(|Reverse(entry)| entry.due)
    }

    /// Whether some have a part of a budget.
    pub(super) fn has_claims(&self) -> bool {
        !self.claims.is_empty()
    }

    /// The next one that is due, and its deadline. For whom none has a part of a budget.
    pub(super) fn pop_due(&mut self, now: Moment) -> Option<(Arc<Event>, Moment)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| (entry.event, entry.deadline))
    }

    /// The same with its part of a budget, if it has one.
    pub(super) fn pop_due_claimed(&mut self, now: Moment) -> Option<(Arc<Event>, Option<Claim>, Moment)> {
        if self.next()? > now {
            return None;
        }
        let Reverse(Entry { turn, deadline, event, .. }) = self.heap.pop()?;
        Some((event, self.claims.remove(&turn), deadline))
    }
}
