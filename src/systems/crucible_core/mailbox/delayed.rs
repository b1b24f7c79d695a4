use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::crucible_core::clock::Moment;
use crate::routing::{Parcel, Single};

/// Deliveries that wait for a moment: that of a retry, or the scheduled one.
#[derive(Debug, Default)]
pub(super) struct Delayed {
    heap: BinaryHeap<Reverse<Entry>>,
    entered: u64,
}

#[derive(Debug)]
struct Entry {
    due: Moment,
    /// Of equal moments, who came first goes first.
    turn: u64,
    deadline: Moment,
    single: Single,
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

    pub(super) fn push(&mut self, single: Single, due: Moment, deadline: Moment) {
        let turn = self.entered;
        self.entered += 1;
        self.heap.push(Reverse(Entry { due, turn, deadline, single }));
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Moment> {
        self.heap.peek().map(|Reverse(entry)| entry.due)
    }

    /// The next one that is due.
    pub(super) fn pop_due(&mut self, now: Moment) -> Option<Parcel> {
        if self.next()? > now {
            return None;
        }
        let Reverse(Entry { deadline, single, .. }) = self.heap.pop()?;
        let mut parcel = Parcel::alone(&single);
        parcel.deadline = deadline;
        Some(parcel)
    }
}
