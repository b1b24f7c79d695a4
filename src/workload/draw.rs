use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Draws that are the same on every machine: ChaCha8 by name, integers only.
///
/// Bounded draws are made here, not by the `rand` crate, whose way of making them has changed between
/// releases. Multiply-and-shift favours some values by less than n/2³², which no workload can show.
#[derive(Debug, Clone)]
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    /// Streams of one seed are independent: what one consumes does not move another.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// From 0 to `bound` − 1; `bound` is not 0.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let product = u64::from(self.0.next_u32()) * u64::from(bound);
        u32::try_from(product >> 32).expect("a product of two 32-bit numbers, shifted by 32")
    }

    pub(super) fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    pub(super) fn u128(&mut self) -> u128 {
        u128::from(self.u64()) << 64 | u128::from(self.u64())
    }

    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// One of them, each as likely; `choices` is not empty.
    pub(super) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.position(choices.len())]
    }

    /// One of them, as likely as its weight; the weights are not all 0.
    pub(super) fn weighted<'a, T>(&mut self, choices: &'a [(T, u32)]) -> &'a T {
        let total = choices.iter().map(|(_, weight)| weight).sum();
        let mut left = self.below(total);
        for (choice, weight) in choices {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return choice,
            }
        }
        unreachable!("a draw below the sum of the weights falls into one of them")
    }

    /// Fisher and Yates, from the end.
    pub(super) fn shuffle<T>(&mut self, deck: &mut [T]) {
        for last in (1..deck.len()).rev() {
            deck.swap(last, self.position(last + 1));
        }
    }

    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    fn position(&mut self, len: usize) -> usize {
        let bound = u32::try_from(len).expect("lists of choices are short");
        usize::try_from(self.below(bound)).expect("below a length")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_fixed_and_independent() {
        let first = |seed, stream| Draw::new(seed, stream).u64();
        assert_eq!(first(42, 0), first(42, 0));
        assert_ne!(first(42, 0), first(42, 1));
        assert_ne!(first(42, 0), first(43, 0));
    }

    #[test]
    fn weights_are_kept_and_zero_is_never_drawn() {
        let mut draw = Draw::new(1, 0);
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            counts[*draw.weighted(&[(0, 1), (1, 0), (2, 3)])] += 1;
        }
        assert!((2_300..2_700).contains(&counts[0]), "{counts:?}");
        assert_eq!(counts[1], 0);
    }

    #[test]
    fn a_shuffle_keeps_every_card() {
        let mut deck: Vec<u32> = (0..100).collect();
        Draw::new(1, 0).shuffle(&mut deck);
        assert_ne!(deck[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        deck.sort_unstable();
        assert_eq!(deck, (0..100).collect::<Vec<_>>());
    }
}
