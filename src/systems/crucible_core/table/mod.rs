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
        let own = row.and_then(|row| row.cell(at));
        let cell = own.unwrap_or(&self.common.cells[at]);
        let by_payload =
            self.common.conditional.concerns(at) || row.is_some_and(|row| row.conditional.concerns(at));
        if by_payload {
            let hits = self.hits(event, at, row, cell.end);
            if !hits.is_empty() {
                return scratch.merge(cell, &hits);
            }
        }
        Route { services: &cell.services, groups: &cell.groups }
    }

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
        let in_time = |rule: &CompiledRule| end.is_none_or(|end| rule.order < end);
        if self.common.conditional.concerns(at) {
            self.common.conditional.matching(event, at, |rule| {
                if in_time(rule) && !rule.sources.contains(&event.source) {
                    hits.push(rule);
                }
            });
        }
        if let Some(row) = row.filter(|row| row.conditional.concerns(at)) {
            row.conditional.matching(event, at, |rule| {
                if in_time(rule) {
                    hits.push(rule);
                }
            });
        }
        hits
    }
}

impl Scratch {
    fn merge<'t>(&'t mut self, cell: &Cell, hits: &Hits<'_>) -> Route<'t> {
        self.services.clear();
        self.groups.clear();
        let end = hits.iter().filter(|rule| rule.last).map(|rule| rule.order).min();
        match end {
            None => {
                self.services.extend_from_slice(&cell.services);
                self.groups.extend_from_slice(&cell.groups);
            }
            Some(end) => {
                cell.rules.iter().take_while(|rule| rule.order < end).for_each(|rule| self.take(rule));
            }
        }
        for rule in hits.iter().filter(|rule| end.is_none_or(|end| rule.order <= end)) {
            self.take(rule);
        }
        self.services.sort_unstable();
        self.services.dedup();
        self.groups.sort_unstable();
        self.groups.dedup();
        Route { services: &self.services, groups: &self.groups }
    }

    fn take(&mut self, rule: &CompiledRule) {
        self.services.extend_from_slice(&rule.services);
        self.groups.extend_from_slice(&rule.groups);
    }
}
