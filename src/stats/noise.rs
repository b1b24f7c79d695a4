//! Noise for the tests of estimates.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// Nearly normal, mean 0 and deviation 1: the sum of twelve uniform numbers less six.
pub(super) fn noise(draw: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| f64::from(draw.next_u32()) / f64::from(u32::MAX)).sum::<f64>() - 6.0
}
