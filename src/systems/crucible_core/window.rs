//! Which ids were seen before. See [`WindowPolicy`].

use super::clock::Moment;
use crate::event::EventId;
use crate::routing::WindowPolicy;

/// The ids of the events that were accepted last.
///
/// A ring of entries, and chains through it of those whose ids have the same hash, youngest first. An
/// entry is alive while its number lies in `oldest..next`; whatever follows a dead one in a chain is older and
/// dead too. So nothing is ever taken out: letting the oldest go is adding one, and an insertion costs a look
/// at the one chain and writing one entry.
#[derive(Debug)]
pub struct Window {
    policy: WindowPolicy,
    /// The number of the youngest entry of each chain, plus one; 0: none.
    chains: Vec<u64>,
    /// The entry of number `n` is at `n` modulo its length, a power of two of at least the entries.
    ring: Vec<Entry>,
    oldest: u64,
    next: u64,
    /// Until when the ids count that are inserted now.
    until: Moment,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    id: EventId,
    /// It does not count any more from this moment on.
    until: Moment,
    /// The next older entry of its chain, plus one; 0: none.
    older: u64,
}

impl Window {
    /// Ids that a window remembers at most: 670 MB of them.
    pub const MOST: usize = 1 << 24;

    /// Nothing seen yet. Takes its memory with the first id.
    pub fn new(policy: WindowPolicy) -> Self {
        Self { policy, chains: Vec::new(), ring: Vec::new(), oldest: 0, next: 0, until: Moment::NEVER }
    }

    #[inline]
    fn entry(&mut self, number: u64) -> &mut Entry {
        let at = number & (self.ring.len() as u64 - 1);
        #[allow(clippy::cast_possible_truncation)] // below the length of the ring
        &mut self.ring[at as usize]
    }

    /// The place of the id's chain.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // the two halves of the id; a number below that of the chains
    fn chain(&self, id: EventId) -> usize {
        // The upper bits of a product with an odd constant without structure depend on all bits of the id.
        let folded = (id.0 as u64) ^ ((id.0 >> 64) as u64).rotate_left(32);
        let hash = folded.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (hash >> 32) as usize & (self.chains.len() - 1)
    }

    /// It is now `now`: lets go of the ids that are too old.
    #[inline]
    pub fn prune(&mut self, now: Moment) {
        self.until = now.after(self.policy.time);
        while self.oldest < self.next && self.entry(self.oldest).until <= now {
            self.oldest += 1;
        }
    }

    /// Whether this id is new among those that were not pruned; it counts as seen from the moment on that
    /// [`Window::prune`] was told last, which comes before it.
    #[inline(always)]
    pub fn insert(&mut self, id: EventId) -> bool {
        if self.ring.is_empty() && !self.make_room() {
            return true;
        }
        let chain = self.chain(id);
        let first = self.chains[chain];
        let mut at = first;
        while at > self.oldest {
            let entry = self.entry(at - 1);
            if entry.id == id {
                return false;
            }
            at = entry.older;
        }
        self.push(chain, Entry { id, until: self.until, older: first });
        true
    }

    /// Whether this id counts as seen among those that were not pruned.
    pub fn contains(&mut self, id: EventId) -> bool {
        if self.ring.is_empty() {
            return false;
        }
        let mut at = self.chains[self.chain(id)];
        while at > self.oldest {
            let entry = self.entry(at - 1);
            if entry.id == id {
                return true;
            }
            at = entry.older;
        }
        false
    }

    #[inline]
    fn push(&mut self, chain: usize, entry: Entry) {
        if self.len() >= self.policy.entries {
            self.oldest += 1;
        }
        *self.entry(self.next) = entry;
        self.next += 1;
        self.chains[chain] = self.next;
    }

    /// Whether it is to have any.
    #[cold]
    fn make_room(&mut self) -> bool {
        if self.policy.entries == 0 {
            return false;
        }
        let nothing = Entry { id: EventId::NIL, until: Moment(0), older: 0 };
        self.ring = vec![nothing; self.policy.entries.next_power_of_two()];
        // Half of the chains are empty, and most of the others have one living entry.
        self.chains = vec![0; (2 * self.policy.entries).next_power_of_two()];
        true
    }

    /// [`Window::prune`] and [`Window::insert`] in one.
    pub fn is_new(&mut self, id: EventId, now: Moment) -> bool {
        self.prune(now);
        self.insert(id)
    }

    /// This id does not count as seen after all. Takes the younger ones out and puts them back, since it was just
    /// inserted.
    pub fn forget(&mut self, id: EventId) {
        let numbers = self.oldest..self.next;
        let Some(number) = numbers.rev().find(|&number| self.entry(number).id == id) else {
            return;
        };
        let mut younger = Vec::new();
        while self.next > number {
            self.next -= 1;
            let entry = *self.entry(self.next);
            let chain = self.chain(entry.id);
            self.chains[chain] = entry.older;
            younger.push((chain, entry));
        }
        younger.pop();
        while let Some((chain, entry)) = younger.pop() {
            let older = self.chains[chain];
            self.push(chain, Entry { older, ..entry });
        }
    }

    /// How many ids count as seen.
    pub fn len(&self) -> usize {
        #[allow(clippy::cast_possible_truncation)] // no more than the ring is long
        let len = (self.next - self.oldest) as usize;
        len
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.oldest == self.next
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
        window.insert(EventId(id))
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
        assert_eq!(window.len(), 3);
    }

    #[test]
    fn each_counts_for_its_time_to_the_nanosecond() {
        let mut window = window(10, 100);
        assert!(insert(&mut window, 1, 5));
        assert!(!insert(&mut window, 1, 104));
        assert!(insert(&mut window, 1, 105));
        window.prune(Moment(1_000));
        assert!(window.is_empty());
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

    /// Against a list that is searched from end to end, with ids that meet in chains and are forgotten.
    #[test]
    fn it_remembers_what_a_plain_list_remembers() {
        let (mut window, mut plain) = (window(5, 40), Vec::<(u128, u64)>::new());
        for step in 0..20_000_u64 {
            let draw = crate::routing::chance::splitmix64(1, step);
            let (id, now) = (u128::from(draw % 13) << (draw % 3 * 40), step * 3);
            plain.retain(|(_, at)| now < at + 40);
            if draw >> 60 == 0 {
                plain.retain(|(seen, _)| *seen != id);
                window.forget(EventId(id));
                continue;
            }
            let new = plain.iter().all(|(seen, _)| *seen != id);
            window.prune(Moment(now));
            assert_eq!(window.contains(EventId(id)), !new, "step {step}");
            assert_eq!(insert(&mut window, id, now), new, "step {step}");
            if new {
                plain.push((id, now));
                plain.drain(..plain.len().saturating_sub(5));
            }
            assert_eq!(window.len(), plain.len(), "step {step}");
        }
    }
}
