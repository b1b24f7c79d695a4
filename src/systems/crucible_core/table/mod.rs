//! Rules, compiled: where an event goes is looked up instead of searched for.
//!
//! A [`Table`] is read without locks and replaced as a whole; two versions of it share all that did
//! not change. It has a row of cells (kind × priority) for events whose source no rule names, and
//! for each source that is named a row of the cells that differ. A cell holds the targets of its
//! matching rules, sorted, each once. Rules that ask for something in the payload are found by what
//! stands there. [`Rulebook`] keeps the rules and changes the table.

mod condition;
mod index;
mod paths;
mod row;
mod rulebook;
mod scan;
mod sharded;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use smallvec::SmallVec;

pub use row::CompiledRule;
pub use rulebook::Rulebook;

use self::condition::cell;
use self::row::{Cell, CommonRow, Order, SourceRow};
use self::sharded::{Sharded, hash_of};
use crate::event::Event;

/// See the [module](self).
#[derive(Debug, Clone, Default)]
pub struct Table {
    common: Arc<CommonRow>,
    sources: Sharded<Arc<SourceRow>>,
}

/// Where an event goes: numbers of services and groups, sorted, each once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route<'t> {
    /// Services.
    pub services: &'t [u32],
    /// Groups.
    pub groups: &'t [u32],
}

/// Room for a route that no cell holds as it is.
#[derive(Debug, Default)]
pub struct Scratch {
    services: SmallVec<[u32; 32]>,
    groups: SmallVec<[u32; 8]>,
}

/// Rules that matched by payload; more than a few are rare.
type Hits<'t> = SmallVec<[&'t CompiledRule; 8]>;

impl Table {
    /// Where the rules send this event. Its explicit targets are not looked at.
    pub fn route<'t>(&'t self, event: &Event, scratch: &'t mut Scratch) -> Route<'t> {
        let at = cell(&event.kind, event.priority);
        let row = self.row(&event.source);
        let cell = row.and_then(|row| row.cell(at)).unwrap_or(&self.common.cells[at]);
        if self.asks_payload(at, row) {
            let hits = self.hits(event, at, row, cell.end);
            if !hits.is_empty() {
                return scratch.merge(cell, &hits);
            }
        }
        Route { services: &cell.services, groups: &cell.groups }
    }

    /// The same where receivers are gathered in a set: calls `services` with lists in which each is once, some
    /// in more than one list; returns the groups, sorted, each once.
    #[inline]
    pub fn visit<'t>(
        &'t self,
        event: &Event,
        scratch: &'t mut Scratch,
        mut services: impl FnMut(&[u32]),
    ) -> &'t [u32] {
        let at = cell(&event.kind, event.priority);
        let row = self.row(&event.source);
        let cell = row.and_then(|row| row.cell(at)).unwrap_or(&self.common.cells[at]);
        let asks_payload = self.asks_payload(at, row);
        if asks_payload && self.may_end_the_search(row) {
            let hits = self.hits(event, at, row, cell.end);
            return scratch.visit(cell, &hits, services);
        }
        services(&cell.services);
        if !asks_payload {
            return &cell.groups;
        }
        scratch.groups.clear();
        self.each_hit(event, at, row, cell.end, |rule| {
            services(&rule.services);
            if !rule.groups.is_empty() {
                scratch.groups.extend_from_slice(&rule.groups);
            }
        });
        if scratch.groups.is_empty() { &cell.groups } else { scratch.with_groups(&cell.groups) }
    }

    /// Whether a rule that depends on the payload may end the search, so that all that match must be known
    /// before one counts.
    fn may_end_the_search(&self, row: Option<&SourceRow>) -> bool {
        self.common.conditional.has_last() || row.is_some_and(|row| row.conditional.has_last())
    }

    /// Whether a rule that depends on the payload may match.
    #[inline]
    fn asks_payload(&self, at: usize, row: Option<&SourceRow>) -> bool {
        self.common.conditional.concerns(at) || row.is_some_and(|row| row.conditional.concerns(at))
    }

    #[inline(always)]
    fn row(&self, source: &str) -> Option<&SourceRow> {
        if self.sources.is_empty() {
            return None;
        }
        let hash = hash_of(source.as_bytes());
        self.sources.find(hash, |row| *row.source == *source).map(|row| &**row)
    }

    /// The rules that match by payload and come before `end`.
    fn hits<'t>(
        &'t self,
        event: &Event,
        at: usize,
        row: Option<&'t SourceRow>,
        end: Option<Order>,
    ) -> Hits<'t> {
        let mut hits = Hits::new();
        self.each_hit(event, at, row, end, |rule| hits.push(rule));
        hits
    }

    #[inline]
    fn each_hit<'t>(
        &'t self,
        event: &Event,
        at: usize,
        row: Option<&'t SourceRow>,
        end: Option<Order>,
        mut hit: impl FnMut(&'t CompiledRule),
    ) {
        let in_time = |rule: &CompiledRule| end.is_none_or(|end| rule.order < end);
        if self.common.conditional.concerns(at) {
            self.common.conditional.matching(event, at, |rule| {
                if in_time(rule) && !rule.sources.contains(&event.source) {
                    hit(rule);
                }
            });
        }
        if let Some(row) = row.filter(|row| row.conditional.concerns(at)) {
            row.conditional.matching(event, at, |rule| {
                if in_time(rule) {
                    hit(rule);
                }
            });
        }
    }
}

impl Scratch {
    /// How many numbers it keeps of the last route.
    pub(super) fn len(&self) -> usize {
        self.services.len() + self.groups.len()
    }

    fn merge<'t>(&'t mut self, cell: &Cell, hits: &Hits<'_>) -> Route<'t> {
        let mut services = std::mem::take(&mut self.services);
        services.clear();
        self.visit(cell, hits, |more| services.extend_from_slice(more));
        services.sort_unstable();
        services.dedup();
        self.services = services;
        Route { services: &self.services, groups: &self.groups }
    }

    /// Calls `services` with those that count, and returns their groups, sorted, each once.
    fn visit(&mut self, cell: &Cell, hits: &Hits<'_>, mut services: impl FnMut(&[u32])) -> &[u32] {
        self.groups.clear();
        let mut take = |more: &[u32], groups: &[u32]| {
            services(more);
            if !groups.is_empty() {
                self.groups.extend_from_slice(groups);
            }
        };
        let end = hits.iter().filter(|rule| rule.last).map(|rule| rule.order).min();
        match end {
            None => take(&cell.services, &cell.groups),
            Some(end) => {
                let in_time = cell.rules.iter().take_while(|rule| rule.order < end);
                in_time.for_each(|rule| take(&rule.services, &rule.groups));
            }
        }
        let in_time = hits.iter().filter(|rule| end.is_none_or(|end| rule.order <= end));
        in_time.for_each(|rule| take(&rule.services, &rule.groups));
        self.with_groups(&[])
    }

    /// Those that were gathered and these, sorted, each once.
    fn with_groups(&mut self, groups: &[u32]) -> &[u32] {
        self.groups.extend_from_slice(groups);
        self.groups.sort_unstable();
        self.groups.dedup();
        &self.groups
    }
}
