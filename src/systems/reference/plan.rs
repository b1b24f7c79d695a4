use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Target lists, each a set of service numbers. The i-th event that is published goes to list
/// `i mod len`; an empty plan leads nowhere.
pub type Plan = Arc<[Box<[u32]>]>;

/// A plan and how far publishing has come in it.
#[derive(Debug)]
pub(super) struct Cursor {
    plan: Plan,
    published: AtomicU64,
}

impl Cursor {
    pub(super) fn new(plan: Plan) -> Self {
        Self { plan, published: AtomicU64::new(0) }
    }

    /// One more than the largest service number.
    pub(super) fn services(&self) -> usize {
        let numbers = self.plan.iter().flat_map(|targets| targets.iter());
        numbers.max().map_or(0, |&largest| largest as usize + 1)
    }

    /// The lists of the next `events` events; it is for the caller to take no more than that.
    pub(super) fn advance(&self, events: usize) -> Lists<'_> {
        let before = self.published.fetch_add(events as u64, Relaxed);
        let next = before.checked_rem(self.plan.len() as u64).unwrap_or(0);
        Lists { plan: &self.plan, next: next as usize }
    }

    /// Events published so far, and those of them whose list is empty.
    pub(super) fn counts(&self) -> (u64, u64) {
        let published = self.published.load(Relaxed);
        let lists = self.plan.len() as u64;
        let Some(rounds) = published.checked_div(lists) else {
            return (published, published);
        };
        let begun = (published % lists) as usize;
        let empty = |lists: &[Box<[u32]>]| lists.iter().filter(|targets| targets.is_empty()).count() as u64;
        (published, rounds * empty(&self.plan) + empty(&self.plan[..begun]))
    }
}

/// The lists from one place of the plan on, round and round.
#[derive(Debug, Clone)]
pub(super) struct Lists<'a> {
    plan: &'a [Box<[u32]>],
    next: usize,
}

impl<'a> Iterator for Lists<'a> {
    type Item = &'a [u32];

    fn next(&mut self) -> Option<&'a [u32]> {
        let Some(targets) = self.plan.get(self.next) else {
            return Some(&[]); // only an empty plan has nothing at `next`
        };
        self.next += 1;
        if self.next == self.plan.len() {
            self.next = 0;
        }
        Some(targets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(lists: &[&[u32]]) -> Cursor {
        Cursor::new(lists.iter().map(|&list| list.into()).collect())
    }

    #[test]
    fn lists_go_round_across_calls() {
        let cursor = cursor(&[&[0], &[1, 4], &[]]);
        assert_eq!(cursor.services(), 5);
        let take = |count| cursor.advance(count).take(count).collect::<Vec<_>>();
        assert_eq!(take(2), [&[0][..], &[1, 4]]);
        assert_eq!(take(3), [&[][..], &[0], &[1, 4]]);
        assert_eq!(cursor.counts(), (5, 1));
        assert_eq!(take(1), [&[] as &[u32]]);
        assert_eq!(cursor.counts(), (6, 2));
    }

    #[test]
    fn an_empty_plan_leads_nowhere() {
        let cursor = cursor(&[]);
        assert_eq!(cursor.services(), 0);
        assert_eq!(cursor.advance(2).take(2).collect::<Vec<_>>(), [&[] as &[u32]; 2]);
        assert_eq!(cursor.counts(), (2, 2));
    }
}
