use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::FxHasher;
use smallvec::SmallVec;

use super::condition::{CELLS, Cells, Condition, Facts, has};
use super::paths::{PathId, Paths};
use super::row::CompiledRule;
use super::scan::{self, Found};
use super::sharded::{Hashed, Sharded};
use crate::event::{Event, EventKind, FieldPath, Payload, Scalar};

/// Finds the rules whose filter asks for what a payload holds, without looking at the others.
#[derive(Debug, Clone, Default)]
pub(super) struct ConditionalIndex {
    /// Cells in which any of its rules may match.
    cells: Cells,
    /// For each cell how many rules those are, and what they ask for: the fewer names are wanted, the
    /// sooner the scan of a payload ends.
    wanted: Arc<Wanted>,
    by_value: Sharded<Bucket>,
    /// How many of its rules end the search.
    last: u32,
    /// Rules of which no field can be named that they need: each is looked at.
    unindexed: Arc<[Candidate]>,
}

#[derive(Debug, Clone)]
struct Wanted([(u32, Paths); CELLS]);

impl Default for Wanted {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Default::default()))
    }
}

/// A rule that matches in `cells` if `condition` holds there.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) rule: Arc<CompiledRule>,
    pub(super) cells: Cells,
    pub(super) condition: Arc<Condition>,
    /// The field by which it was found is all that it asks for.
    key_is_enough: bool,
}

#[derive(Debug, Clone)]
struct Bucket {
    key: (PathId, Scalar),
    candidates: Arc<[Candidate]>,
}

impl Hashed for Bucket {
    fn hash(&self) -> u64 {
        let (path, value) = &self.key;
        match value {
            Scalar::Null => hash_value(*path, 0, &[]),
            Scalar::Bool(bit) => hash_value(*path, 1, &[u8::from(*bit)]),
            Scalar::Integer(number) => hash_value(*path, 2, &number.to_le_bytes()),
            Scalar::String(text) => hash_value(*path, 3, text.as_bytes()),
        }
    }
}

fn hash_found(path: PathId, found: &Found<'_>) -> u64 {
    match found {
        Found::Null => hash_value(path, 0, &[]),
        Found::Bool(bit) => hash_value(path, 1, &[u8::from(*bit)]),
        Found::Integer(number) => hash_value(path, 2, &number.to_le_bytes()),
        Found::String(text) => hash_value(path, 3, text),
        Found::Escaped(text) => hash_value(path, 3, scan::unescaped(text).as_bytes()),
    }
}

fn hash_value(path: PathId, tag: u32, bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    (u64::from(path.0) << 2 | u64::from(tag)).hash(&mut hasher);
    hasher.write(bytes);
    hasher.finish()
}

impl ConditionalIndex {
    /// Whether a rule of it may match in this cell.
    #[inline]
    pub(super) fn concerns(&self, cell: usize) -> bool {
        has(self.cells, cell)
    }

    /// Whether any of its rules ends the search.
    pub(super) fn has_last(&self) -> bool {
        self.last > 0
    }

    /// Calls `hit` for each rule that matches; one found by two fields is met twice.
    pub(super) fn matching<'t>(&'t self, event: &Event, cell: usize, mut hit: impl FnMut(&'t CompiledRule)) {
        let mut facts = Room::new();
        find_facts(event, &self.wanted.0[cell].1, &mut facts);
        for (path, found) in &facts {
            let bucket = self
                .by_value
                .find(hash_found(*path, found), |bucket| bucket.key.0 == *path && found.is(&bucket.key.1));
            for candidate in bucket.iter().flat_map(|bucket| bucket.candidates.iter()) {
                if candidate.matches(cell, &facts) {
                    hit(&candidate.rule);
                }
            }
        }
        for candidate in self.unindexed.iter().filter(|candidate| candidate.matches(cell, &facts)) {
            hit(&candidate.rule);
        }
    }

    /// Adds a rule; `fields` are all the paths that its filter names, each once.
    pub(super) fn add(&mut self, candidate: &Candidate, fields: &[(FieldPath, PathId)]) {
        self.last += u32::from(candidate.rule.last);
        self.change_wanted(candidate.cells, |(rules, paths)| {
            *rules += 1;
            fields.iter().for_each(|(field, path)| paths.add(field.names(), *path));
        });
        self.edit(candidate, |list, candidate| list.iter().cloned().chain([candidate]).collect());
    }

    /// Takes out what [`add`](Self::add) put in.
    pub(super) fn remove(&mut self, candidate: &Candidate, fields: &[(FieldPath, PathId)]) {
        self.last -= u32::from(candidate.rule.last);
        self.change_wanted(candidate.cells, |(rules, paths)| {
            *rules -= 1;
            fields.iter().for_each(|(field, _)| paths.remove(field.names()));
        });
        self.edit(candidate, |list, candidate| {
            let order = candidate.rule.order;
            list.iter().filter(|other| other.rule.order != order).cloned().collect()
        });
    }

    /// Replaces every list of candidates in which this one stands or is to stand.
    fn edit(&mut self, candidate: &Candidate, edit: impl Fn(&[Candidate], Candidate) -> Arc<[Candidate]>) {
        let Some((mut keys, key_is_enough)) = candidate.condition.keys(candidate.cells) else {
            self.unindexed = edit(&self.unindexed, candidate.clone());
            return;
        };
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let empty = Bucket { key, candidates: Arc::default() };
            let hash = empty.hash();
            let old = self.by_value.find(hash, |bucket| bucket.key == empty.key).unwrap_or(&empty);
            let candidates = edit(&old.candidates, Candidate { key_is_enough, ..candidate.clone() });
            if candidates.is_empty() {
                self.by_value.remove(hash, |bucket| bucket.key == empty.key);
            } else {
                let key = empty.key.clone();
                self.by_value.put(Bucket { key, candidates }, |bucket| bucket.key == empty.key);
            }
        }
    }

    /// How many rules it holds, as often as they are entered.
    pub(super) fn candidates(&self) -> usize {
        let entered = self.by_value.iter().map(|bucket| bucket.candidates.len());
        entered.sum::<usize>() + self.unindexed.len()
    }

    #[cfg(test)]
    pub(super) fn is_bare(&self) -> bool {
        let lists = self.by_value.is_empty() && self.unindexed.is_empty();
        lists
            && self.cells == 0
            && self.last == 0
            && self.wanted.0.iter().all(|(rules, paths)| *rules == 0 && paths.is_empty())
    }

    fn change_wanted(&mut self, cells: Cells, change: impl Fn(&mut (u32, Paths))) {
        let wanted = &mut Arc::make_mut(&mut self.wanted).0;
        for (cell, wanted) in wanted.iter_mut().enumerate().filter(|(cell, _)| cells >> cell & 1 == 1) {
            change(wanted);
            self.cells = self.cells & !(1 << cell) | Cells::from(wanted.0 > 0) << cell;
        }
    }
}

type Room<'a> = SmallVec<[(PathId, Found<'a>); 4]>;

/// Adds what the payload, or the kind, of this event holds of what is wanted.
#[inline]
fn find_facts<'a>(event: &'a Event, wanted: &Paths, facts: &mut Room<'a>) {
    if let EventKind::Custom(name) = &event.kind {
        facts.push((PathId::CUSTOM_KIND, Found::String(name.as_bytes())));
    }
    if let (Payload::Json(json), false) = (&event.payload, wanted.is_empty()) {
        scan::fields(json.bytes(), wanted, &mut |path, found| facts.push((path, found)));
    }
}

impl Candidate {
    pub(super) fn new(rule: Arc<CompiledRule>, cells: Cells, condition: Arc<Condition>) -> Self {
        Self { rule, cells, condition, key_is_enough: false }
    }

    fn matches(&self, cell: usize, facts: &Facts<'_>) -> bool {
        has(self.cells, cell) && (self.key_is_enough || self.condition.holds(cell, facts))
    }
}
