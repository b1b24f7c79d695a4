//! Which ids were seen before. See [`WindowPolicy`].

use std::collections::VecDeque;

use rustc_hash::FxHashSet;

use super::clock::Moment;
use crate::event::EventId;
use crate::routing::WindowPolicy;

/// The ids of the events that were accepted last.
#[derive(Debug)]
pub struct Window {
    policy: WindowPolicy,
    seen: FxHashSet<EventId>,
    /// The same ids with the moment from which they do not count any more, oldest first.
    order: VecDeque<(EventId, Moment)>,
}

impl Window {
    /// Nothing seen yet.
    pub fn new(policy: WindowPolicy) -> Self {
        Self { policy, seen: FxHashSet::default(), order: VecDeque::new() }
    }

    /// Lets go of the ids that are too old.
    #[inline]
    pub fn prune(&mut self, now: Moment) {
        while let Some(&(id, until)) = self.order.front() {
            if now < until {
                return;
            }
            self.order.pop_front();
            self.seen.remove(&id);
        }
    }

    /// Whether this id is new among those that were not pruned; it counts as seen from now on.
    #[inline]
    pub fn insert(&mut self, id: EventId, now: Moment) -> bool {
        if self.policy.entries == 0 {
            return true;
        }
        if !self.seen.insert(id) {
            return false;
        }
        self.order.push_back((id, now.after(self.policy.time)));
        if self.order.len() > self.policy.entries
            && let Some((oldest, _)) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }

    /// [`Window::prune`] and [`Window::insert`] in one.
    pub fn is_new(&mut self, id: EventId, now: Moment) -> bool {
        self.prune(now);
        self.insert(id, now)
    }

    /// This id does not count as seen after all. Looks from the youngest on, since it was just inserted.
    pub fn forget(&mut self, id: EventId) {
        if self.seen.remove(&id)
            && let Some(at) = self.order.iter().rposition(|(seen, _)| *seen == id)
        {
            self.order.remove(at);
        }
    }

    /// How many ids count as seen.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn window(entries: usize, nanos: u64) -> Window {
        Window::new(WindowPolicy { entries, time: Duration::from_nanos(nanos) })
    }

    fn insert(window: &mut Window, id: u128, now: u64) -> bool {
        window.prune(Moment(now));
        window.insert(EventId(id), Moment(now))
    }

    #[test]
    fn the_last_entries_count_and_no_more() {
        let mut window = window(3, 1_000);
        assert!((1..=3).all(|id| insert(&mut window, id, 0)));
        assert!(!insert(&mut window, 1, 0)); // the third last
        assert!(insert(&mut window, 4, 0)); // now 2, 3, 4: a duplicate did not make 1 younger
        assert!(insert(&mut window, 1, 0)); // now 3, 4, 1
        assert!(!insert(&mut window, 3, 0));
        assert!(insert(&mut window, 2, 0));
        assert_eq!((window.len(), window.seen.len()), (3, 3));
    }

    #[test]
    fn each_counts_for_its_time_to_the_nanosecond() {
        let mut window = window(10, 100);
        assert!(insert(&mut window, 1, 5));
        assert!(!insert(&mut window, 1, 104));
        assert!(insert(&mut window, 1, 105));
        window.prune(Moment(1_000));
        assert!(window.is_empty() && window.seen.is_empty());
    }

    #[test]
    fn what_is_forgotten_is_new_again_and_takes_no_place() {
        let mut window = window(2, 100);
        insert(&mut window, 1, 0);
        insert(&mut window, 2, 0);
        window.forget(EventId(2));
        window.forget(EventId(9));
        assert!(insert(&mut window, 3, 0));
        assert!(!insert(&mut window, 1, 0));
        assert!(insert(&mut window, 2, 0));
        assert_eq!(window.len(), 2);
    }

    #[test]
    fn without_entries_everything_is_new() {
        let mut window = window(0, 100);
        assert!(insert(&mut window, 1, 0) && insert(&mut window, 1, 0));
        assert!(window.is_empty());
    }
}
