use std::sync::Arc;

use crucible_events::event::{Event, EventId};

use super::Workload;

/// The events of a workload once more, under ids that no other edition has: a system may refuse an
/// event whose id it has seen. All else, and with it who gets what, is the same in every edition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edition(pub u64);

/// The multiplier of PCG's 128-bit generator (O'Neill 2014): odd, and without structure.
const MULTIPLIER: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;

impl Edition {
    /// The id that an event of the workload has in this edition.
    ///
    /// The edition is added to the upper half, and each step after that can be undone: ids of two
    /// editions are the same only if those in the workload agree in their lower halves, and those of
    /// a generated workload, 62 random bits, do not. The steps leave zero alone, and the lower half of
    /// a generated id is not zero: no edition has the nil id. They are there for the sake of those
    /// who hash ids: without them the ids of all editions would share their lower halves.
    #[inline]
    pub fn id(self, in_workload: EventId) -> EventId {
        let moved = in_workload.0.wrapping_add(u128::from(self.0) << 64);
        let mixed = (moved ^ moved >> 64).wrapping_mul(MULTIPLIER);
        EventId(mixed ^ mixed >> 64)
    }

    /// An event of the workload in this edition; what it refers to is of the same edition.
    pub fn of(self, in_workload: &Event) -> Event {
        let mut event = in_workload.clone();
        self.stamp(&mut event, in_workload);
        event
    }

    fn stamp(self, event: &mut Event, in_workload: &Event) {
        event.id = self.id(in_workload.id);
        event.correlation_id = in_workload.correlation_id.map(|id| self.id(id));
        event.causation_id = in_workload.causation_id.map(|id| self.id(id));
    }
}

/// The events of a workload, to be published again and again: edition 0 first, then one after the
/// other.
#[derive(Debug)]
pub struct Editions {
    in_workload: Vec<Arc<Event>>,
    events: Vec<Arc<Event>>,
    current: Edition,
}

impl Editions {
    /// Edition 0. The events are copies, payloads and names are shared with the workload.
    pub fn of(workload: &Workload) -> Self {
        let current = Edition(0);
        let events = workload.events.iter().map(|event| Arc::new(current.of(event))).collect();
        Self { in_workload: workload.events.clone(), events, current }
    }

    /// The current edition.
    pub fn events(&self) -> &[Arc<Event>] {
        &self.events
    }

    /// On to the next edition. It takes the place of the current one, without an allocation: at a
    /// quiet moment nobody else holds an event. One that is held all the same is left as it is, and
    /// a copy of it goes on.
    pub fn advance(&mut self) {
        self.current.0 += 1;
        for (event, in_workload) in self.events.iter_mut().zip(&self.in_workload) {
            self.current.stamp(Arc::make_mut(event), in_workload);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::workload::Scenario;

    fn light() -> Workload {
        Workload::generate(&Scenario::LIGHT, 42)
    }

    #[test]
    fn ids_are_the_same_on_every_machine() {
        let id = EventId(0x0011_2233_4455_4677_8899_aabb_ccdd_eeff);
        let found = [0, 1, 2, u64::MAX].map(|edition| Edition(edition).id(id).to_string());
        // Computed apart, in Python.
        assert_eq!(
            found,
            [
                "9f32a1529ea4cb84bf435be07d8cd72c",
                "bf5793b21eab642463bb88fc5df04247",
                "df7c86119eb1fcc5461abdf83d3fccdb",
                "7f0daef31e9e32e31cfa74e49c6b200e",
            ]
        );
    }

    #[test]
    fn no_two_editions_share_an_id_and_none_is_nil() {
        let few = Scenario::HEAVY.with_payload_bytes(64).expect("enough");
        let events = Workload::generate(&few, 42).events;
        let lower_halves: BTreeSet<u64> = events.iter().map(|event| lower(event.id)).collect();
        assert_eq!(lower_halves.len(), events.len(), "or `Edition::id` proves nothing");
        assert!(!lower_halves.contains(&0));
        let editions = (0..10).chain([1 << 32, u64::MAX - 1, u64::MAX]).map(Edition);
        let mut ids: Vec<EventId> =
            editions.flat_map(|edition| events.iter().map(move |event| edition.id(event.id))).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((ids.len(), ids[0] == EventId::NIL), (all, false));
    }

    /// From one edition to the next some half of the bits change, in each half of the id.
    #[test]
    fn both_halves_of_an_id_look_random_from_edition_to_edition() {
        let events = light().events;
        let (mut upper_bits, mut lower_bits) = (0, 0);
        for edition in 0..100 {
            for event in &events {
                let [before, after] = [edition, edition + 1].map(|edition| Edition(edition).id(event.id).0);
                upper_bits += (lower(EventId((before ^ after) >> 64))).count_ones();
                lower_bits += lower(EventId(before ^ after)).count_ones();
            }
        }
        for bits in [upper_bits, lower_bits] {
            assert!((30 * 10_000..34 * 10_000).contains(&bits), "{bits} of 640,000");
        }
    }

    #[allow(clippy::cast_possible_truncation)] // the lower half is meant
    fn lower(id: EventId) -> u64 {
        id.0 as u64
    }

    #[test]
    fn an_edition_differs_in_ids_alone_and_refers_to_itself() {
        let workload = light();
        let mut editions = Editions::of(&workload);
        for _ in 0..3 {
            let mut seen = BTreeSet::new();
            for (event, in_workload) in editions.events().iter().zip(&workload.events) {
                assert!(seen.insert(event.id));
                assert_eq!(event.correlation_id.is_some(), in_workload.correlation_id.is_some());
                assert!(
                    [event.correlation_id, event.causation_id].iter().flatten().all(|id| seen.contains(id))
                );
                let (id, correlation_id, causation_id) =
                    (in_workload.id, in_workload.correlation_id, in_workload.causation_id);
                assert_eq!(Event { id, correlation_id, causation_id, ..(**event).clone() }, **in_workload);
            }
            editions.advance();
        }
    }

    #[test]
    fn the_next_edition_takes_the_place_of_the_one_before_unless_that_is_held() {
        let mut editions = Editions::of(&light());
        let (places, held) = (places(&editions), editions.events()[7].clone());
        let id = held.id;
        editions.advance();
        assert_eq!(held.id, id, "who holds an event sees no change");
        let moved: Vec<usize> =
            (0..100).filter(|&at| Arc::as_ptr(&editions.events()[at]) as usize != places[at]).collect();
        assert_eq!(moved, [7]);
        assert_eq!(editions.events()[7].id, Edition(1).id(editions.in_workload[7].id));
    }

    fn places(editions: &Editions) -> Vec<usize> {
        editions.events().iter().map(|event| Arc::as_ptr(event) as usize).collect()
    }
}
