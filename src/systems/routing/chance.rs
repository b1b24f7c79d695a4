//! Chance that is decided by a number: of the same seed, the n-th draw is the same, whoever asks and when.
//!
//! A generator with a state (ChaCha8 elsewhere in this project) would need a lock or a cell where many
//! publishers draw at once, and its draws would depend on who came first. Shares of a group and jitter of a
//! wait need no more than draws that are spread evenly.

/// The `n`-th draw, from 0, of SplitMix64 seeded with `seed` (Steele, Lea, Flood: *Fast Splittable
/// Pseudorandom Number Generators*, OOPSLA 2014; the variant of `java.util.SplittableRandom`).
#[inline]
pub const fn splitmix64(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A draw as a fraction, from 0 to below 1, in steps of 2⁻⁵³.
#[inline]
pub const fn fraction(draw: u64) -> f64 {
    (draw >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published first outputs for seed 1234567 (Rosetta Code, *Pseudo-random numbers/Splitmix64*).
    #[test]
    fn draws_are_those_of_the_published_generator() {
        let published = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        assert!((0..).map(|n| splitmix64(1_234_567, n)).zip(published).all(|(draw, known)| draw == known));
    }

    #[test]
    fn a_fraction_stays_below_one() {
        assert_eq!((fraction(0), fraction(1 << 63)), (0.0, 0.5));
        assert!(fraction(u64::MAX) < 1.0);
    }
}
