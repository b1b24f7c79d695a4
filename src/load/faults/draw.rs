use crucible_events::event::EventId;

/// The draws of one fault for one service: a number for every event and attempt, whatever was drawn
/// before.
///
/// A chain of SplitMix64 (Steele, Lea, Flood 2014): each word is xored into the state, and the next state
/// is what SplitMix64 puts out first when it is seeded with that. The words are seed, number of the fault,
/// bytes of the service's name, lower half of the event's id, upper half, attempt.
///
/// Not ChaCha8, which all other draws of the suite come from, since these are made in handlers, whose time
/// is the service's: keyed with the same words, ChaCha8 takes 58 ns a draw, this 4 ns, and a whole delivery
/// of the faster system 25 to 60 ns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draws(u64);

impl Draws {
    pub(crate) fn new(seed: u64, fault: usize, service: &str) -> Self {
        let state = absorb(absorb(0, seed), fault as u64);
        Self(service.bytes().fold(state, |state, byte| absorb(state, byte.into())))
    }

    /// From 0 to below 1, in steps of 2⁻⁵³.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // the two halves of the id
    pub(crate) fn of(self, event: EventId, attempt: u16) -> f64 {
        let state = absorb(absorb(self.0, event.0 as u64), (event.0 >> 64) as u64);
        (absorb(state, attempt.into()) >> 11) as f64 * f64::EPSILON / 2.0
    }
}

#[inline]
fn absorb(state: u64, word: u64) -> u64 {
    let mut z = (state ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_begins_as_splitmix64_does() {
        // First output for seed 0, as its authors' code gives it.
        assert_eq!(absorb(0, 0), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn draws_are_the_same_on_every_machine() {
        let draws = Draws::new(42, 1, "search");
        let id = EventId(0x0011_2233_4455_4677_8899_aabb_ccdd_eeff);
        // Computed apart, in Python.
        assert_eq!([0, 1].map(|attempt| draws.of(id, attempt)), [0.15345885339446597, 0.5031610673759432]);
    }

    #[test]
    fn every_word_counts() {
        let id = EventId(1 << 64 | 1);
        let draws = [
            Draws::new(1, 1, "a").of(id, 1),
            Draws::new(2, 1, "a").of(id, 1),
            Draws::new(1, 2, "a").of(id, 1),
            Draws::new(1, 1, "b").of(id, 1),
            Draws::new(1, 1, "a").of(EventId(1 << 64 | 2), 1),
            Draws::new(1, 1, "a").of(EventId(2 << 64 | 1), 1),
            Draws::new(1, 1, "a").of(id, 2),
        ];
        for (place, draw) in draws.iter().enumerate() {
            assert!((0.0..1.0).contains(draw));
            assert!(!draws[..place].contains(draw), "{place}: {draws:?}");
        }
    }

    #[test]
    fn the_largest_draw_is_below_one() {
        assert!((u64::MAX >> 11) as f64 * f64::EPSILON / 2.0 < 1.0);
    }
}
