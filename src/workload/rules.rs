//! Tables of rules for measuring a match: however many rules, the answers stay the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use crucible_events::event::Category::{Database, External, Filesystem, Service, System};
use crucible_events::event::EventKind::{ApiCall, FileModified, RecordRead, ResourceRequest, ToolCall};
use crucible_events::event::{Event, EventKind, Name, Priority, Scalar, Target};
use crucible_events::routing::Filter::{All, Any, Category, Kind, MinPriority, Source};
use crucible_events::routing::{Filter, Rule, ServiceSpec};

use super::draw::Draw;
use super::generator::Generator;
use super::subscriptions;

/// Rules of every table that match the probes; all others concern other sources or values.
pub const CORE_RULES: usize = 10;

/// Services that the rules of a table name.
pub(super) const TABLE_SERVICES: usize = 50;

/// Services that one rule of a table names at most.
pub(super) const TABLE_TARGETS: usize = 3;

/// Payload of a probe, in bytes: that of the medium scenario.
const PROBE_BYTES: usize = 1_024;

/// The services that every table's rules name.
pub fn table_services() -> Vec<ServiceSpec> {
    subscriptions::services(TABLE_SERVICES)
}

/// Events to match against any table: the mix of the scenarios, with payloads of 1 KiB.
pub fn match_probes(count: usize, seed: u64) -> Vec<Arc<Event>> {
    Generator::new(PROBE_BYTES..=PROBE_BYTES, seed).take(count).map(Arc::new).collect()
}

/// `count` rules: the core, spread evenly among others that match no probe. So a probe has the same
/// targets, and a match the same result to build, in a table of 10 rules and in one of 10,000; what
/// grows is the number of sources (one for two rules), of combinations with kinds and priorities,
/// and, with payload fields, of values asked for. The paths of fields, and the kinds of events whose
/// payloads are asked for them, are the same in every table.
/// Fewer than [`CORE_RULES`] are the first ones of the core.
pub fn rule_table(count: usize, with_payload_fields: bool, seed: u64) -> Vec<Rule> {
    let services = table_services();
    let mut core = core(with_payload_fields).into_iter().enumerate();
    let mut draw = Draw::new(seed, 0);
    let stretch = (count / CORE_RULES).max(1);
    let rule = |position: usize| {
        let turn = if position.is_multiple_of(stretch) { core.next() } else { None };
        match turn {
            Some((number, filter)) => core_rule(number, filter, &services),
            None => other_rule(position, with_payload_fields, &services, &mut draw),
        }
    };
    (0..count).map(rule).collect()
}

/// What ids in the core begin with.
const CORE: &str = "core-";

/// A table's rules in the order in which they are added soonest: those of the core, some of which concern every source, before
/// thousands of others that name one, whose rows each of the core would change.
pub fn core_first(table: &[Rule]) -> impl Iterator<Item = &Rule> {
    let is_core = |rule: &&Rule| rule.id.starts_with(CORE);
    table.iter().filter(is_core).chain(table.iter().filter(move |rule| !is_core(rule)))
}

fn core_rule(number: usize, filter: Filter, services: &[ServiceSpec]) -> Rule {
    let target = |step: usize| to(&services[(number * 5 + step) % services.len()]);
    Rule::new(format!("{CORE}{number}"), filter, (0..TABLE_TARGETS).map(target))
}

fn to(service: &ServiceSpec) -> Target {
    Target::Service(service.name.clone())
}

fn core(with_payload_fields: bool) -> Vec<Filter> {
    let source = |name: &str| Source(name.into());
    let not = |filter| Filter::Not(Box::new(filter));
    let mut core = vec![
        Kind(FileModified),
        Category(External),
        MinPriority(Priority::High),
        source("postgres-primary"),
        All(vec![source("vault-watcher-1"), MinPriority(Priority::Normal)]),
        Any(vec![Category(Service), Category(System)]),
    ];
    core.extend(if with_payload_fields {
        [
            Field::Tool.equals("search_notes"),
            Field::Table.equals("links"),
            All(vec![Category(Database), Field::Table.equals("notes")]),
            All(vec![Kind(ApiCall), Field::Status.equals(200)]),
        ]
    } else {
        [
            Any(vec![Kind(ToolCall), Kind(ResourceRequest)]),
            All(vec![source("api-gateway"), Kind(ApiCall)]),
            All(vec![Category(Database), not(Kind(RecordRead))]),
            not(Any(vec![Category(Filesystem), Category(Database)])),
        ]
    });
    core
}

/// The fields that tables with payload fields ask for.
#[derive(Debug, Clone, Copy)]
enum Field {
    Table,
    Tool,
    Status,
}

impl Field {
    fn equals(self, value: impl Into<Scalar>) -> Filter {
        let path = match self {
            Self::Table => "/table",
            Self::Tool => "/tool",
            Self::Status => "/status",
        };
        Filter::field(path.parse().expect("one plain name"), value)
    }
}

fn other_rule(number: usize, with_payload_fields: bool, services: &[ServiceSpec], draw: &mut Draw) -> Rule {
    let filter = if with_payload_fields && draw.chance(50) {
        other_value(number, draw)
    } else {
        other_source(number, draw)
    };
    let targets: BTreeSet<Target> = (0..=draw.below(3)).map(|_| to(draw.pick(services))).collect();
    let mut rule = Rule::new(format!("rule-{number:05}"), filter, targets);
    rule.priority = *draw.pick(&[-1, 0, 0, 0, 1]);
    rule
}

/// A filter that needs a source which no probe has.
fn other_source(number: usize, draw: &mut Draw) -> Filter {
    let name = |number: usize| Name::from(format!("plugin-{number:05}"));
    let source = Source(name(number / 2));
    let kind = draw.pick(&EventKind::BUILT_IN).clone();
    let floor = MinPriority(*draw.pick(&Priority::ALL));
    match draw.below(6) {
        0 => source,
        1 => All(vec![source, Kind(kind)]),
        2 => All(vec![source, floor]),
        3 => All(vec![Category(kind.category()), source, floor]),
        4 => All(vec![source, Filter::Not(Box::new(Kind(kind)))]),
        _ => Any(vec![source, Source(name(number / 2 + 1))]),
    }
}

/// A filter that needs a value which no probe has.
fn other_value(number: usize, draw: &mut Draw) -> Filter {
    let table = || Field::Table.equals(&*format!("table-{number:05}"));
    let tool = || Field::Tool.equals(&*format!("tool-{number:05}"));
    // Above every status of HTTP.
    let status = || Field::Status.equals(1_000 + i64::try_from(number).expect("a table fits in memory"));
    match draw.below(5) {
        0 => table(),
        1 => tool(),
        2 => All(vec![Category(Database), table()]),
        3 => All(vec![Kind(ApiCall), status()]),
        _ => Any(vec![table(), tool()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crucible_events::event::Limits;
    use crucible_events::routing::{Lens, Oracle};

    fn answers(table: Vec<Rule>, probes: &[Arc<Event>]) -> Vec<Vec<Target>> {
        let mut oracle = Oracle::default();
        table_services().iter().for_each(|service| oracle.register(&service.name));
        table.into_iter().for_each(|rule| oracle.add_rule(rule));
        probes.iter().map(|probe| oracle.preview(probe)).collect()
    }

    #[test]
    fn a_probe_has_the_same_targets_in_tables_of_every_size() {
        let probes = match_probes(200, 7);
        for with_payload_fields in [false, true] {
            let expected = answers(rule_table(10, with_payload_fields, 1), &probes);
            let matched = expected.iter().filter(|targets| !targets.is_empty()).count();
            assert!(matched > 150, "{matched} of 200 probes have targets");
            for count in [15, 100, 1_000, 10_000] {
                let table = rule_table(count, with_payload_fields, 1);
                assert_eq!(answers(table, &probes), expected, "{count} rules");
            }
        }
    }

    #[test]
    fn every_rule_of_the_core_matches_a_probe_and_no_other_does() {
        let probes = match_probes(100, 7);
        let lenses: Vec<Lens<'_>> = probes.iter().map(|probe| Lens::new(probe)).collect();
        let tables =
            |with_payload_fields| (0..10).map(move |seed| rule_table(600, with_payload_fields, seed));
        for rule in tables(false).chain(tables(true)).flatten() {
            let matches = lenses.iter().any(|lens| rule.filter.matches(lens));
            assert_eq!(matches, rule.id.starts_with("core"), "{rule:?}");
        }
    }

    #[test]
    fn tables_are_sound_and_grow_in_sources_and_values() {
        for with_payload_fields in [false, true] {
            let table = rule_table(10_000, with_payload_fields, 1);
            assert_eq!(table, rule_table(10_000, with_payload_fields, 1));
            assert_ne!(table, rule_table(10_000, with_payload_fields, 2));
            assert!(table.iter().all(|rule| rule.check(&Limits::default()).is_ok()));
            let ids: BTreeSet<&Name> = table.iter().map(|rule| &rule.id).collect();
            assert_eq!(ids.len(), 10_000);
            let text = format!("{table:?}");
            let distinct = |prefix| {
                text.split('"').filter(|word| word.starts_with(prefix)).collect::<BTreeSet<_>>().len()
            };
            assert!(distinct("plugin-") > 3_500, "{}", distinct("plugin-"));
            assert_eq!(distinct("table-") > 2_500, with_payload_fields, "{}", distinct("table-"));
        }
    }
}
