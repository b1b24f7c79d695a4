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
pub(super) struct Paths(Option<Arc<Names>>);

/// The names wanted of one object.
#[derive(Debug, Clone)]
enum Names {
    Few(Vec<Child>),
    Many(Sharded<Child>),
}

/// Up to this many names, comparing each takes less than hashing the one that was read.
const FEW: usize = 6;

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
        self.0.as_ref().map_or(0, |names| names.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn child(&self, name: &[u8]) -> Option<&Child> {
        match &**self.0.as_ref()? {
            Names::Few(children) => children.iter().find(|child| child.name.as_bytes() == name),
            Names::Many(children) => children.find(hash_of(name), |child| child.name.as_bytes() == name),
        }
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
        let Some((name, deeper)) = names.split_first() else { return };
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
        let level = Arc::make_mut(self.0.get_or_insert_with(|| Names::Few(Vec::new()).into()));
        if child.uses == 0 && child.below.is_empty() {
            level.remove(&child);
        } else {
            level.put(child);
        }
        if level.len() == 0 {
            self.0 = None;
        }
    }
}

impl Names {
    fn len(&self) -> usize {
        match self {
            Self::Few(children) => children.len(),
            Self::Many(children) => children.len(),
        }
    }

    fn put(&mut self, child: Child) {
        match self {
            Self::Few(children) => {
                match children.iter_mut().find(|old| old.name == child.name) {
                    Some(old) => *old = child,
                    None => children.push(child),
                }
                if children.len() > FEW {
                    let mut many = Sharded::default();
                    children.drain(..).for_each(|child| many.put(child, |_| false));
                    *self = Self::Many(many);
                }
            }
            Self::Many(children) => {
                let name = child.name.clone();
                children.put(child, |old| old.name == name);
            }
        }
    }

    fn remove(&mut self, child: &Child) {
        match self {
            Self::Few(children) => children.retain(|old| old.name != child.name),
            Self::Many(children) => children.remove(child.hash(), |old| old.name == child.name),
        }
    }
}
