//! Where does an event go? The search alone, with tables of growing size that give the same answers.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use crucible_events::crucible_core::table::{Rulebook, Scratch, Table};
use crucible_events::event::{Event, Limits, Name, Target};
use crucible_events::routing::{EventSystem, Oracle, Rule};

use super::route::runtime;
use super::rule_change::with_rules;
use super::{Prepared, Work};
use crate::sut::data_coordinator;
use crate::workload::{core_first, match_probes, rule_table, table_services};

const SEED: u64 = 42;

/// As many events as are published at once elsewhere.
const EVENTS: usize = 64;

/// Looks events up in CrucibleCore's compiled table.
pub(super) fn core(rules: usize, with_payload_fields: bool) -> Prepared {
    let rules = rule_table(rules, with_payload_fields, SEED);
    let probes = match_probes(EVENTS, SEED);
    let numbers = numbers();
    let expected = expected(&rules, &probes, &numbers);
    let table = table(&rules, &numbers);
    let mut scratch = Scratch::default();
    let run = move || {
        let mut work = Work { events: probes.len() as u64, ..NONE };
        for event in &probes {
            let route = table.route(black_box(event), &mut scratch);
            route.services.iter().for_each(|&number| note(&mut work, event, number));
        }
        work
    };
    Prepared::new(run, expected)
}

/// Asks DataCoordinator for the targets of events: its search is no part that stands alone, so the list
/// of targets that it makes for each event is in it, as it is when an event is published.
pub(super) fn coordinator(rules: usize, with_payload_fields: bool) -> Prepared {
    let rules = rule_table(rules, with_payload_fields, SEED);
    let probes = match_probes(EVENTS, SEED);
    let numbers = numbers();
    let expected = expected(&rules, &probes, &numbers);
    let runtime = runtime();
    let system = runtime.block_on(with_rules(data_coordinator, &rules));
    let run = move || {
        let mut work = Work { events: probes.len() as u64, ..NONE };
        for event in &probes {
            let targets = runtime.block_on(system.preview(black_box(event))).unwrap_or_default();
            targets.iter().for_each(|target| note(&mut work, event, numbers[target.name()]));
        }
        work
    };
    Prepared::new(run, expected).with_warm_up(EVENTS as u64)
}

const NONE: Work = Work { events: 0, deliveries: 0, bytes: 0, checksum: 0 };

fn note(work: &mut Work, event: &Event, number: u32) {
    work.deliveries += 1;
    work.checksum = work.checksum.wrapping_add(id_weight(event).rotate_left(number));
}

/// What an event adds to a checksum.
#[inline]
pub(super) fn id_weight(event: &Event) -> u64 {
    #[allow(clippy::cast_possible_truncation)] // the lower half
    let id = event.id.0 as u64;
    id.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The services of every table, in the order of their names.
pub(super) fn numbers() -> BTreeMap<Name, u32> {
    table_services().into_iter().map(|service| service.name).zip(0..).collect()
}

fn table(rules: &[Rule], numbers: &BTreeMap<Name, u32>) -> Table {
    let mut rulebook = Rulebook::default();
    for rule in core_first(rules) {
        let services = rule.targets.iter().map(|target| numbers[target.name()]).collect();
        rulebook.add(rule, services, Vec::new());
    }
    rulebook.table()
}

/// What the oracle says, told per event and service.
fn expected(rules: &[Rule], probes: &[Arc<Event>], numbers: &BTreeMap<Name, u32>) -> Work {
    let mut oracle = Oracle::new(Limits::default());
    numbers.keys().for_each(|service| oracle.register(service));
    // In the oracle's order: put in between, each would move thousands.
    let mut rules: Vec<&Rule> = rules.iter().collect();
    rules.sort_by_key(|rule| Reverse(rule.priority));
    rules.into_iter().for_each(|rule| oracle.add_rule(rule.clone()));
    let mut work = Work { events: probes.len() as u64, ..NONE };
    for event in probes {
        for target in oracle.preview(event) {
            let Target::Service(name) = target else { panic!("these rules name services only") };
            note(&mut work, event, numbers[&name]);
        }
    }
    work
}
