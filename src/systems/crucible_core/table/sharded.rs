use std::hash::Hasher;
use std::sync::Arc;

use hashbrown::HashTable;
use rustc_hash::FxHasher;

/// A hash table that is cheap to clone and to change afterwards: both share all shards but the one
/// that was changed.
///
/// Looking up costs the same at any size. A change clones one shard of about [`SHARD_LEN`] entries
/// and a pointer per shard. `imbl`'s trie would do as well for changes, but its look-ups grow with
/// depth.
#[derive(Debug, Clone)]
pub(super) struct Sharded<T> {
    /// A power of two of them.
    shards: Vec<Arc<HashTable<T>>>,
    len: usize,
}

/// What can be found by its own hash.
pub(super) trait Hashed {
    /// The same for equal keys.
    fn hash(&self) -> u64;
}

/// Entries per shard at most, on average. At 10,000 entries a change then copies some 64 entries
/// and 256 pointers.
const SHARD_LEN: usize = 64;

impl<T> Default for Sharded<T> {
    fn default() -> Self {
        Self { shards: vec![Arc::default()], len: 0 }
    }
}

impl<T: Clone + Hashed> Sharded<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }

    pub(super) fn find(&self, hash: u64, is_it: impl FnMut(&T) -> bool) -> Option<&T> {
        self.shards[self.shard(hash)].find(hash, is_it)
    }

    /// Puts `value` in the place of the entry that `is_it`, or adds it.
    pub(super) fn put(&mut self, value: T, is_it: impl FnMut(&T) -> bool) {
        let hash = value.hash();
        let shard = self.shard(hash);
        let table = Arc::make_mut(&mut self.shards[shard]);
        match table.find_mut(hash, is_it) {
            Some(old) => *old = value,
            None => {
                table.insert_unique(hash, value, T::hash);
                self.len += 1;
                self.grow();
            }
        }
    }

    /// Takes out the entry that `is_it`, if there is one.
    pub(super) fn remove(&mut self, hash: u64, is_it: impl FnMut(&T) -> bool) {
        let shard = self.shard(hash);
        if let Ok(entry) = Arc::make_mut(&mut self.shards[shard]).find_entry(hash, is_it) {
            entry.remove();
            self.len -= 1;
        }
    }

    /// Bits from the middle: the table within a shard uses those at both ends.
    fn shard(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.shards.len() - 1)
    }

    fn grow(&mut self) {
        if self.len <= SHARD_LEN * self.shards.len() {
            return;
        }
        let mut grown = Self { shards: vec![Arc::default(); self.shards.len() * 2], len: self.len };
        for value in self.shards.iter().flat_map(|table| table.iter()) {
            let hash = value.hash();
            let shard = grown.shard(hash);
            Arc::make_mut(&mut grown.shards[shard]).insert_unique(hash, value.clone(), T::hash);
        }
        *self = grown;
    }
}

/// A fixed seed: counts repeat. Names come from configuration, not from adversaries.
#[inline]
pub(super) fn hash_of(key: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(key);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Pair(u32, u32);

    impl Hashed for Pair {
        fn hash(&self) -> u64 {
            hash_of(&self.0.to_le_bytes())
        }
    }

    fn get(map: &Sharded<Pair>, key: u32) -> Option<u32> {
        map.find(hash_of(&key.to_le_bytes()), |pair| pair.0 == key).map(|pair| pair.1)
    }

    #[test]
    fn it_holds_what_was_put_and_a_clone_stays_as_it_was() {
        let mut map = Sharded::default();
        for key in 0..5_000 {
            map.put(Pair(key, key), |pair| pair.0 == key);
        }
        let before = map.clone();
        for key in 0..5_000_u32 {
            match key % 3 {
                0 => map.remove(hash_of(&key.to_le_bytes()), |pair| pair.0 == key),
                1 => map.put(Pair(key, 7), |pair| pair.0 == key),
                _ => {}
            }
        }
        map.remove(hash_of(&9_999_u32.to_le_bytes()), |pair| pair.0 == 9_999);
        for key in 0..5_000 {
            assert_eq!(get(&before, key), Some(key));
            assert_eq!(get(&map, key), [None, Some(7), Some(key)][key as usize % 3]);
        }
        assert_eq!((before.len(), map.len()), (5_000, 3_333));
        assert_eq!(get(&map, 5_000), None);
    }

    #[test]
    fn a_change_copies_one_shard() {
        let mut map = Sharded::default();
        for key in 0..10_000 {
            map.put(Pair(key, key), |pair| pair.0 == key);
        }
        let before = map.clone();
        map.put(Pair(77, 0), |pair| pair.0 == 77);
        let shared = before.shards.iter().zip(&map.shards).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
        assert_eq!(shared, map.shards.len() - 1);
    }
}
