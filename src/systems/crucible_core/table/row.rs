use std::sync::Arc;

use super::condition::{CELLS, Cells, has};
use super::index::ConditionalIndex;
use super::sharded::{Hashed, hash_of};
use crate::event::Name;

/// Position of a rule in the order in which rules are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order {
    /// Minus the rule's priority: the smallest comes first.
    pub(super) rank: i64,
    /// Of equal priority, the oldest comes first.
    pub(super) age: u64,
}

/// What is left of a rule once its filter was compiled. Services and groups are numbers given by
/// whoever uses the table; each list is sorted and has each number once.
#[derive(Debug, PartialEq, Eq)]
pub struct CompiledRule {
    pub(super) order: Order,
    pub(super) last: bool,
    /// Services that it names.
    pub services: Box<[u32]>,
    /// Groups that it names.
    pub groups: Box<[u32]>,
    /// The sources that its filter names: for events of these it stands in their rows, not here.
    pub(super) sources: Box<[Name]>,
}

/// Where events of one kind and priority go if no rule that depends on the payload matches.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) services: Box<[u32]>,
    pub(super) groups: Box<[u32]>,
    /// Rules after this one are not looked at.
    pub(super) end: Option<Order>,
    /// The rules that lead to the above, in order; left out where the whole is never cut short by a
    /// rule that depends on the payload.
    pub(super) rules: Box<[Arc<CompiledRule>]>,
}

impl Cell {
    /// From the rules that match here whatever the payload, in order.
    pub(super) fn build(rules: &[&Arc<CompiledRule>], may_be_cut: bool) -> Self {
        let last = rules.iter().position(|rule| rule.last);
        let counted = &rules[..last.map_or(rules.len(), |last| last + 1)];
        let all_of = |numbers: fn(&CompiledRule) -> &[u32]| {
            let mut all = Vec::with_capacity(counted.iter().map(|rule| numbers(rule).len()).sum());
            counted.iter().for_each(|rule| all.extend_from_slice(numbers(rule)));
            sorted(all).into()
        };
        Self {
            services: all_of(|rule| &rule.services),
            groups: all_of(|rule| &rule.groups),
            end: last.map(|last| rules[last].order),
            rules: if may_be_cut { counted.iter().copied().cloned().collect() } else { Box::default() },
        }
    }
}

pub(super) fn sorted(mut numbers: Vec<u32>) -> Vec<u32> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Where events of a source go that no rule names.
#[derive(Debug, Clone)]
pub(super) struct CommonRow {
    pub(super) cells: Box<[Arc<Cell>]>,
    pub(super) conditional: ConditionalIndex,
}

impl Default for CommonRow {
    fn default() -> Self {
        Self { cells: vec![Arc::default(); CELLS].into(), conditional: ConditionalIndex::default() }
    }
}

/// Where events of one source go, as far as that differs from the common row.
#[derive(Debug, Clone)]
pub(super) struct SourceRow {
    pub(super) source: Name,
    /// For each cell its position in `cells`, or [`COMMON`].
    own: [u8; CELLS],
    cells: Arc<[Arc<Cell>]>,
    pub(super) conditional: ConditionalIndex,
}

/// A cell that is as in the common row: a position beyond all.
const COMMON: u8 = u8::MAX;

impl SourceRow {
    pub(super) fn new(source: Name) -> Self {
        let conditional = ConditionalIndex::default();
        Self { source, own: [COMMON; CELLS], cells: Arc::default(), conditional }
    }

    #[inline]
    pub(super) fn cell(&self, cell: usize) -> Option<&Arc<Cell>> {
        self.cells.get(usize::from(self.own[cell]))
    }

    /// How many cells differ from the common row.
    pub(super) fn own_cells(&self) -> usize {
        self.cells.len()
    }

    /// Whether any of these cells differs from the common row.
    pub(super) fn owns(&self, cells: Cells) -> bool {
        self.own.iter().enumerate().any(|(cell, &at)| at != COMMON && has(cells, cell))
    }

    /// Sets the cells of `changed`; `None`: as in the common row.
    pub(super) fn set(&mut self, changed: Cells, mut new: impl FnMut(usize) -> Option<Arc<Cell>>) {
        let mut own = [COMMON; CELLS];
        let mut cells: Vec<Arc<Cell>> = Vec::new();
        for (cell, at) in own.iter_mut().enumerate() {
            let kept = if has(changed, cell) { new(cell) } else { self.cell(cell).cloned() };
            if let Some(kept) = kept {
                *at = u8::try_from(cells.len()).expect("fewer cells than 255");
                cells.push(kept);
            }
        }
        self.own = own;
        self.cells = cells.into();
    }
}

impl Hashed for Arc<SourceRow> {
    fn hash(&self) -> u64 {
        hash_of(self.source.as_bytes())
    }
}
