use std::sync::Arc;

use super::sharded::{Hashed, Sharded, hash_of};

/// Stands for a field path within one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct PathId(pub(super) u32);

impl PathId {
    /// The name of a custom kind is looked up as if it were a field of the payload.
    pub(super) const CUSTOM_KIND: Self = Self(u32::MAX);
}

/// The field paths that some rules ask for, as a tree of names.
#[derive(Debug, Clone, Default)]
pub(super) struct Paths(Arc<Sharded<Child>>);

/// One name in an object.
#[derive(Debug, Clone)]
pub(super) struct Child {
    name: Box<str>,
    /// Set if a scalar that stands right here is asked for.
    pub(super) path: Option<PathId>,
    /// How many rules ask for `path`.
    uses: usize,
    /// What is asked for inside, should an object stand here.
    pub(super) below: Paths,
}

impl Hashed for Child {
    fn hash(&self) -> u64 {
        hash_of(self.name.as_bytes())
    }
}

impl Paths {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn child(&self, name: &[u8]) -> Option<&Child> {
        self.0.find(hash_of(name), |child| child.name.as_bytes() == name)
    }

    /// One more rule asks for the path of these names.
    pub(super) fn add(&mut self, names: &[Box<str>], path: PathId) {
        self.change(names, &mut |child| {
            child.path = Some(path);
            child.uses += 1;
        });
    }

    /// One rule less asks for it.
    pub(super) fn remove(&mut self, names: &[Box<str>]) {
        self.change(names, &mut |child| {
            child.uses -= 1;
            if child.uses == 0 {
                child.path = None;
            }
        });
    }

    fn change(&mut self, names: &[Box<str>], change: &mut impl FnMut(&mut Child)) {
        let Some((name, deeper)) = names.split_first() else {
            return;
        };
        let mut child = self.child(name.as_bytes()).cloned().unwrap_or_else(|| Child {
            name: name.clone(),
            path: None,
            uses: 0,
            below: Self::default(),
        });
        if deeper.is_empty() {
            change(&mut child);
        } else {
            child.below.change(deeper, change);
        }
        let level = Arc::make_mut(&mut self.0);
        if child.uses == 0 && child.below.is_empty() {
            level.remove(child.hash(), |old| old.name == child.name);
        } else {
            level.put(child, |old| old.name == *name);
        }
    }
}
