//! Who wants what: the rules of the scenarios.
//!
//! One list, of which a scenario takes the first so many: the two of light already hold filters of
//! every kind. A payload field is always asked for together with the kind or category whose payloads
//! have it, as whoever writes such a rule knows where the field stands.
//!
//! The list is weighed so that deliveries per event come near 1.5, 2.3, 10 and 30. A light event that
//! matches at all has two or three receivers, so 1.5 leaves a quarter or more of them without any; of
//! medium about a tenth, of heavy a fiftieth and of stress none go unmatched.

use std::iter;

use crucible_events::event::Category::{Database, External, Filesystem, Mcp, Service, System};
use crucible_events::event::EventKind::{
    ApiCall, ConfigurationChange, FileCreated, FileDeleted, FileModified, FileMoved, HealthCheck,
    Notification, RecordCreated, RecordDeleted, RecordRead, RecordUpdated, ResourceRequest, StatusChange,
    ToolCall, Webhook,
};
use crucible_events::event::Priority::{Critical, High, Normal};
use crucible_events::event::{Scalar, Target};
use crucible_events::routing::Filter::{All, Any, Category, Kind, MinPriority};
use crucible_events::routing::{Filter, Rule, ServiceSpec};

use super::{Routing, Scenario, own_sources, rule_table};

/// Of the rules of a table, which are the same for every seed of the events.
const TABLE_SEED: u64 = 1;

/// The services and rules of a scenario.
pub(super) fn of(scenario: &Scenario) -> (Vec<ServiceSpec>, Vec<Rule>) {
    let services = services(scenario.services());
    let rules = match scenario.routing() {
        Routing::Subscriptions => rules(scenario.rules(), scenario.targets_per_rule(), &services),
        Routing::Broadcast => vec![everything_to(&services)],
        Routing::OwnSources => own_sources::rules(&services),
        Routing::Table => rule_table(scenario.rules(), true, TABLE_SEED),
    };
    (services, rules)
}

/// `service-000`, `service-001` and so on: their order is that of their names up to a thousand.
pub(super) fn services(count: usize) -> Vec<ServiceSpec> {
    (0..count).map(|number| ServiceSpec::new(format!("service-{number:03}"))).collect()
}

/// One rule that every event matches, with all services as its targets.
fn everything_to(services: &[ServiceSpec]) -> Rule {
    let targets = services.iter().map(|service| Target::Service(service.name.clone()));
    Rule::new("everything", Filter::everything(), targets)
}

/// The first `count` rules of the list, which begins again when it ends, each with `targets` services.
fn rules(count: usize, targets: usize, services: &[ServiceSpec]) -> Vec<Rule> {
    let list = subscriptions();
    let mut spread = Spread::over(services);
    let rule = |position: usize| {
        let (name, filter) = &list[position % list.len()];
        let mut rule = Rule::new(id(name, position / list.len()), filter.clone(), spread.take(targets));
        rule.last = *name == QUIET_HEARTBEATS;
        rule.priority = priority(position, rule.last);
        rule
    };
    (0..count).map(rule).collect()
}

/// Heartbeats that nobody waits for end here, before other rules are looked at.
const QUIET_HEARTBEATS: &str = "quiet-heartbeats";

/// The order of priorities is not that in which rules are added; a last rule comes first.
fn priority(position: usize, last: bool) -> i32 {
    let [low, middle, high, first] = [0, 1, 2, 10];
    match (last, position % 3) {
        (true, _) => first,
        (false, 0) => middle,
        (false, 1) => high,
        (false, _) => low,
    }
}

fn id(name: &str, round: usize) -> String {
    match round {
        0 => name.to_owned(),
        _ => format!("{name}-{}", round + 1),
    }
}

/// Hands out services so that none is named twice before all are named once. Each round has its own
/// stride, so that two rules that share a target do not share them all.
struct Spread<'a> {
    services: &'a [ServiceSpec],
    taken: usize,
}

impl<'a> Spread<'a> {
    fn over(services: &'a [ServiceSpec]) -> Self {
        Self { services, taken: 0 }
    }

    /// `count` different ones, at most as many as there are.
    fn take(&mut self, count: usize) -> Vec<Target> {
        let mut targets = Vec::with_capacity(count);
        while targets.len() < count {
            let target = self.next();
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        targets
    }

    fn next(&mut self) -> Target {
        let count = self.services.len();
        let (round, step) = (self.taken / count, self.taken % count);
        self.taken += 1;
        Target::Service(self.services[step * stride(round, count) % count].name.clone())
    }
}

/// The smallest number from `2 · round + 1` on that shares no divisor with `count`, so that its
/// multiples visit every service.
fn stride(round: usize, count: usize) -> usize {
    let divisor = |mut a: usize, mut b: usize| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    iter::successors(Some(2 * round + 1), |stride| Some(stride + 1))
        .find(|&stride| divisor(stride, count) == 1)
        .expect("a multiple of the count plus one shares no divisor with it")
}

fn source(name: &str) -> Filter {
    Filter::Source(name.into())
}

fn field(path: &str, equals: impl Into<Scalar>) -> Filter {
    Filter::field(path.parse().expect("the paths below begin with / and hold no ~"), equals)
}

fn not(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}

fn both(one: Filter, other: Filter) -> Filter {
    All(vec![one, other])
}

fn either(one: Filter, other: Filter) -> Filter {
    Any(vec![one, other])
}

/// Name and filter of each.
fn subscriptions() -> Vec<(&'static str, Filter)> {
    let mut list = everyday();
    list.extend(departments());
    list.extend(specialists());
    list
}

/// The first two are light's, the five are medium's.
fn everyday() -> Vec<(&'static str, Filter)> {
    let writes = both(Category(Database), not(Kind(RecordRead)));
    let urgent = both(MinPriority(High), not(Category(Filesystem)));
    let searches = both(Kind(ToolCall), field("/tool", "search_notes"));
    let outside = Any(vec![source("api-gateway"), Kind(Notification), urgent, searches]);
    let notes = both(Category(Database), field("/table", "notes"));
    vec![
        ("index-changes", either(Category(Filesystem), writes)),
        ("relay-outside", outside),
        ("watch-services", either(Category(Service), Category(System))),
        ("alert", MinPriority(High)),
        ("note-views", either(notes, Kind(ResourceRequest))),
    ]
}

/// With these, heavy's twenty.
fn departments() -> Vec<(&'static str, Filter)> {
    let edited = either(Kind(FileCreated), Kind(FileModified));
    let written = vec![Kind(RecordCreated), Kind(RecordUpdated), Kind(RecordDeleted)];
    let stored_or_outside = vec![Category(Filesystem), Category(Database), Category(External)];
    let created = both(Kind(ToolCall), field("/tool", "create_note"));
    let degraded = vec![Kind(StatusChange), source("supervisor"), field("/to", "degraded")];
    vec![
        (QUIET_HEARTBEATS, both(Kind(HealthCheck), not(MinPriority(Normal)))),
        ("first-vault", source("vault-watcher-1")),
        ("embed-text", both(edited, not(MinPriority(High)))),
        ("audit-writes", Any(written)),
        ("projects", both(Category(Filesystem), field("/folder", "projects"))),
        ("inner-life", not(Any(stored_or_outside))),
        ("replicate", either(source("postgres-primary"), source("vault-watcher-1"))),
        ("preview", Kind(FileModified)),
        ("mcp-writes", either(created, Kind(ResourceRequest))),
        ("spare-time", not(MinPriority(Normal))),
        ("integrations", both(Category(External), not(source("edge-gateway")))),
        ("page-someone", MinPriority(Critical)),
        ("degraded", All(degraded)),
        ("database-log", Category(Database)),
        ("file-log", Category(Filesystem)),
    ]
}

/// With these, the fifty of stress.
fn specialists() -> Vec<(&'static str, Filter)> {
    let stored = either(Category(Filesystem), Category(Database));
    let local = both(Category(Filesystem), not(source("sync-agent")));
    let routing = both(Kind(ConfigurationChange), field("/section", "routing"));
    vec![
        ("mirror", not(Kind(RecordRead))),
        ("external-log", Category(External)),
        ("graph", both(Category(Database), field("/table", "links"))),
        ("local-store", source("sqlite-notes")),
        ("on-call", MinPriority(High)),
        ("tidy-links", either(Kind(FileMoved), Kind(FileDeleted))),
        ("offer-sync", local),
        ("server-errors", both(Kind(ApiCall), field("/status", 500))),
        ("operations", either(Category(Mcp), Category(Service))),
        ("interrupt", both(Kind(Notification), field("/urgent", true))),
        ("api-quota", Kind(ApiCall)),
        ("not-files", not(Category(Filesystem))),
        ("mcp-sessions", source("mcp-gateway")),
        ("warehouse", both(MinPriority(Normal), Category(Database))),
        ("sick", both(Kind(HealthCheck), field("/healthy", false))),
        ("capacity", either(source("vault-watcher-2"), source("postgres-primary"))),
        ("history", Kind(RecordUpdated)),
        ("journal", both(Category(Filesystem), field("/folder", "daily"))),
        ("dashboards", both(Category(System), not(Kind(ConfigurationChange)))),
        ("mcp-log", Category(Mcp)),
        ("vault-tools", both(Kind(ToolCall), field("/arguments/scope", "vault"))),
        ("inbound", either(Kind(Webhook), Kind(Notification))),
        ("metrics-store", source("metrics-collector")),
        ("search-feed", both(stored.clone(), MinPriority(Normal))),
        ("uptime", Kind(HealthCheck)),
        ("commits", both(Kind(Webhook), field("/provider", "github"))),
        ("everything-else", not(stored)),
        ("incident-log", MinPriority(Critical)),
        ("reconfigure", either(routing, Kind(StatusChange))),
        ("backup", Category(Database)),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crucible_events::event::Limits;

    fn rules_of(scenario: &Scenario) -> Vec<Rule> {
        rules(scenario.rules(), scenario.targets_per_rule(), &services(scenario.services()))
    }

    #[test]
    fn rules_are_sound_and_name_every_service() {
        for scenario in Scenario::ALL {
            let rules = rules_of(&scenario);
            assert_eq!(rules.len(), scenario.rules());
            for rule in &rules {
                assert_eq!(rule.check(&Limits::default()), Ok(()));
                let targets: BTreeSet<_> = rule.targets.iter().collect();
                assert_eq!(targets.len(), scenario.targets_per_rule(), "{}", rule.id);
            }
            let distinct =
                |field: fn(&Rule) -> String| rules.iter().map(field).collect::<BTreeSet<_>>().len();
            assert_eq!(distinct(|rule| rule.id.to_string()), rules.len());
            assert_eq!(distinct(|rule| format!("{:?}", BTreeSet::from_iter(&rule.targets))), rules.len());
            let named: BTreeSet<_> = rules.iter().flat_map(|rule| &rule.targets).collect();
            assert_eq!(named.len(), scenario.services(), "{scenario}");
        }
    }

    #[test]
    fn every_scenario_has_filters_of_every_kind() {
        for scenario in Scenario::ALL {
            let text = format!("{:?}", rules_of(&scenario));
            for kind in ["Kind(", "Category(", "MinPriority(", "Source(", "Field {", "All(", "Any(", "Not("] {
                assert!(text.contains(kind), "{scenario}: no {kind}");
            }
        }
    }

    #[test]
    fn a_list_that_begins_again_has_new_names() {
        let rules = rules(120, 3, &services(7));
        let ids: BTreeSet<_> = rules.iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(ids.len(), 120);
        assert!(ids.contains("alert") && ids.contains("alert-2") && ids.contains("alert-3"));
        let named: BTreeSet<_> = rules.iter().flat_map(|rule| &rule.targets).collect();
        assert_eq!(named.len(), 7);
    }
}
