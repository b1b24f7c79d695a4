//! Rules read from JSON, compiled, send an event where their plain meaning does.

use std::collections::BTreeMap;

use bytes::Bytes;
use crucible_events::crucible_core::table::{Rulebook, Scratch, Table};
use crucible_events::event::{self, Event, Limits, Name, Target};
use crucible_events::routing::{GroupSpec, Oracle, Rule};

use super::bounded::within;

/// What an input led to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Rules that came into force.
    pub rules: usize,
    /// Rules that were read and then refused.
    pub refused: usize,
    /// Events that were routed.
    pub events: usize,
    /// Events that were sent to somebody.
    pub matched: usize,
}

/// Takes `data` line by line: one that is a rule comes into force; one that is an event is routed; any other ends the rule of
/// that name, if there is one. In the end all rules end.
///
/// # Panics
/// If the compiled table sends an event elsewhere than the oracle, or a rule leaves something behind.
pub fn check(data: &[u8]) -> Outcome {
    let mut pair = Pair::default();
    data.split(|&byte| byte == b'\n').for_each(|line| pair.line(line));
    pair.end();
    pair.outcome
}

/// The table beside the oracle.
#[derive(Default)]
struct Pair {
    book: Rulebook,
    oracle: Oracle,
    services: Numbers,
    groups: Numbers,
    ids: Vec<Name>,
    /// The last event, and the table that routed it.
    routed: Option<(Event, Table, Vec<Target>)>,
    outcome: Outcome,
}

/// Names in the order in which they came; a name's number is its place.
#[derive(Default)]
struct Numbers {
    by_name: BTreeMap<Name, u32>,
    names: Vec<Name>,
}

impl Numbers {
    fn number(&mut self, name: &Name, mut on_new: impl FnMut()) -> u32 {
        let next = self.names.len() as u32;
        *self.by_name.entry(name.clone()).or_insert_with(|| {
            self.names.push(name.clone());
            on_new();
            next
        })
    }
}

impl Pair {
    fn line(&mut self, line: &[u8]) {
        let limits = Limits::default();
        let (rule, verdict) = within(4096 + 64 * line.len(), || {
            let rule = serde_json::from_slice::<Rule>(line);
            let verdict = rule.as_ref().map(|rule| rule.check(&limits));
            (rule.as_ref().ok().cloned(), verdict.ok())
        });
        match (rule, verdict) {
            (Some(rule), Some(verdict)) => {
                is_read_as_it_was_written(&rule);
                match verdict {
                    Ok(()) => self.add(rule),
                    Err(error) => {
                        assert!(!error.to_string().is_empty());
                        self.outcome.refused += 1;
                    }
                }
            }
            _ => match event::decode(&Bytes::copy_from_slice(line), &limits) {
                Ok(event) => self.route(event),
                Err(_) => self.remove(line),
            },
        }
    }

    fn add(&mut self, rule: Rule) {
        if self.book.contains(&rule.id) {
            return;
        }
        let (mut services, mut groups) = (Vec::new(), Vec::new());
        for target in &rule.targets {
            match target {
                Target::Service(name) => {
                    services.push(self.services.number(name, || self.oracle.register(name)));
                }
                Target::Group(name) => groups.push(self.groups.number(name, || {
                    self.oracle.define_group(GroupSpec::round_robin(name.clone(), [name.clone()]));
                })),
            }
        }
        self.book.add(&rule, services, groups);
        self.ids.push(rule.id.clone());
        self.oracle.add_rule(rule);
        self.outcome.rules += 1;
    }

    fn remove(&mut self, id: &[u8]) {
        if let Some(position) = self.ids.iter().position(|known| known.as_bytes() == id) {
            let id = self.ids.remove(position);
            assert!(self.book.remove(&id).is_some(), "rule `{id}` was in force");
            self.oracle.remove_rule(&id);
        }
        assert_eq!(self.book.len(), self.ids.len());
    }

    /// Explicit targets are taken off: the table knows rules only.
    fn route(&mut self, event: Event) {
        let event = Event { targets: Default::default(), ..event };
        let table = self.book.table();
        let targets = self.targets(&table, &event);
        assert_eq!(targets, self.oracle.preview(&event), "{event:?}");
        self.outcome.events += 1;
        self.outcome.matched += usize::from(!targets.is_empty());
        self.routed = Some((event, table, targets));
    }

    fn targets(&self, table: &Table, event: &Event) -> Vec<Target> {
        let mut scratch = Scratch::default();
        let route = table.route(event, &mut scratch);
        let named = |names: &Numbers, number: &u32| names.names[*number as usize].clone();
        let services = route.services.iter().map(|number| Target::Service(named(&self.services, number)));
        let groups = route.groups.iter().map(|number| Target::Group(named(&self.groups, number)));
        let mut targets: Vec<Target> = services.chain(groups).collect();
        targets.sort_unstable();
        targets
    }

    /// Ends all rules: then nothing is sent to anybody, but by a table that was taken before.
    fn end(&mut self) {
        while let Some(id) = self.ids.first().cloned() {
            self.remove(id.as_bytes());
        }
        assert!(self.book.is_empty());
        if let Some((event, table, targets)) = self.routed.take() {
            assert_eq!(self.targets(&self.book.table(), &event), [], "no rule is left");
            assert_eq!(self.targets(&table, &event), targets, "a snapshot stays as it was");
        }
    }
}

fn is_read_as_it_was_written(rule: &Rule) {
    let written = serde_json::to_vec(rule).expect("every part of a rule has a text");
    let read = serde_json::from_slice(&written).unwrap_or_else(|error| panic!("{error}: {rule:?}"));
    assert_eq!(*rule, read);
}
