//! A rule goes and another comes, in tables of growing size.

use crucible_events::event::EventKind;
use crucible_events::routing::{BatchOutcome, EventSystem, Filter, Handler, Rule};

use super::route::runtime;
use super::{Prepared, Work};
use crate::workload::{Scenario, Workload, core_first, rule_table, table_services};

const SEED: u64 = 42;

/// The rule that changes: the same one in tables of every size.
#[derive(Clone, Copy)]
pub(super) enum Changed {
    /// One for events of a source that it names.
    OneSource,
    /// One for events of a kind, whatever their source: it matters for all sources that rules name.
    EverySource,
}

/// Takes one rule out of a system that has `rules` of them, and puts it back.
pub(super) fn prepare<S: EventSystem>(make: fn(&Workload) -> S, rules: usize, changed: Changed) -> Prepared {
    let rules = rule_table(rules, true, SEED);
    let wanted = |rule: &&Rule| match changed {
        Changed::OneSource => rule.filter == Filter::Source("postgres-primary".into()),
        Changed::EverySource => rule.filter == Filter::Kind(EventKind::FileModified),
    };
    let changed = rules.iter().find(wanted).expect("in the core of every table").clone();
    let runtime = runtime();
    let system = runtime.block_on(async { with_rules(make, &rules).await });
    let expected = Work { events: 2, deliveries: rules.len() as u64, bytes: 0, checksum: 1 };
    let run = move || {
        runtime.block_on(async {
            let removed = system.remove_rule(&changed.id).await.is_ok();
            let added = system.add_rule(changed.clone()).await.is_ok();
            let statistics = system.statistics().await;
            Work {
                events: u64::from(removed) + u64::from(added),
                deliveries: statistics.map_or(0, |statistics| statistics.rules as u64),
                bytes: 0,
                // A second one of this name would be refused.
                checksum: u64::from(system.add_rule(changed.clone()).await.is_err()),
            }
        })
    };
    Prepared::new(run, expected).with_warm_up(WARM_UP_CHANGES)
}

/// Enough for every table to have its final size.
const WARM_UP_CHANGES: u64 = 4;

struct Idle;

impl Handler for Idle {
    async fn handle(&self, _: crucible_events::routing::Batch<'_>) -> BatchOutcome {
        BatchOutcome::Acknowledged
    }
}

/// A system with the services of the tables and these rules.
pub(super) async fn with_rules<S: EventSystem>(make: fn(&Workload) -> S, rules: &[Rule]) -> S {
    let none = Scenario::LIGHT.with_events(1).expect("one event");
    let system = make(&Workload::generate(&none, SEED));
    for service in table_services() {
        system.register(service, Idle).await.expect("a new system accepts services");
    }
    for rule in core_first(rules) {
        system.add_rule(rule.clone()).await.expect("generated rules are acceptable");
    }
    system
}
