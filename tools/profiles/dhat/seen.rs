use std::collections::HashMap;
use std::hash::BuildHasher;

use rustc_hash::{FxBuildHasher, FxHashMap};

/// Finds what was seen before by its content, which lies elsewhere: only a hash and a number are held for each.
#[derive(Debug, Default)]
pub(super) struct Seen(FxHashMap<u64, u32>);

impl Seen {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self(HashMap::with_capacity_and_hasher(capacity, FxBuildHasher))
    }

    /// The number under which `content` was seen before, or none, and from now on it is `next`.
    pub(super) fn find_or_remember(
        &mut self,
        content: impl std::hash::Hash,
        next: u32,
        is_same: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let mut hash = FxBuildHasher.hash_one(content);
        // Different contents of one hash take the hashes that follow.
        while let Some(&number) = self.0.get(&hash) {
            if is_same(number) {
                return Some(number);
            }
            hash = hash.wrapping_add(1);
        }
        self.0.insert(hash, next);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Colliding;

    impl std::hash::Hash for Colliding {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            state.write_u64(7);
        }
    }

    #[test]
    fn contents_of_one_hash_are_told_apart() {
        let mut seen = Seen::default();
        assert_eq!(seen.find_or_remember(Colliding, 0, |_| false), None);
        assert_eq!(seen.find_or_remember(Colliding, 1, |_| false), None);
        assert_eq!(seen.find_or_remember(Colliding, 2, |number| number == 1), Some(1));
        assert_eq!(seen.find_or_remember(Colliding, 2, |number| number == 0), Some(0));
    }
}
