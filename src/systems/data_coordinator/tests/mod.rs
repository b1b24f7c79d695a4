mod differential;
mod endings;
mod steps;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, Weak};

use super::{DEFAULT_SERVICES, DataCoordinator};
use crate::event::{Category, Event, EventId, EventKind, Name, Payload, Target, Timestamp};
use crate::routing::{
    Batch, BatchOutcome, EventSystem, Filter, Gauge, GroupSpec, Handler, Holds, Ledger, OnFull, Oracle,
    Publication, Refusal, Rule, ServiceSpec, SystemError,
};

/// Who got which event, of all services together in the order of serving.
#[derive(Debug, Clone, Default)]
struct Journal(Arc<Mutex<Vec<(Name, u128)>>>);

impl Journal {
    fn entries(&self) -> Vec<(Name, u128)> {
        self.0.lock().expect("not poisoned").clone()
    }

    fn services_of(&self, id: u128) -> BTreeSet<Name> {
        self.entries().into_iter().filter(|(_, event)| *event == id).map(|(service, _)| service).collect()
    }

    /// What the services got, told apart by name.
    fn lines(&self) -> Vec<String> {
        self.entries().iter().map(|(service, id)| format!("{service}{id}")).collect()
    }
}

/// Takes a turn of the scheduler for each event, then writes it down.
struct Service(Name, Journal);

impl Handler for Service {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        for event in batch.iter() {
            tokio::task::yield_now().await;
            self.1.0.lock().expect("not poisoned").push((self.0.clone(), event.id.0));
        }
        BatchOutcome::Acknowledged
    }
}

async fn add(system: &DataCoordinator, name: &str, handler: impl Handler) {
    system.register(ServiceSpec::new(name), handler).await.expect("registered");
}

async fn add_services(system: &DataCoordinator, names: &[&str]) -> Journal {
    let journal = Journal::default();
    for &name in names {
        add(system, name, Service(name.into(), journal.clone())).await;
    }
    journal
}

async fn everything_to(system: &DataCoordinator, services: &[&str]) {
    let targets = services.iter().map(|&name| Target::Service(name.into()));
    let rule = Rule::new("everything", Filter::everything(), targets);
    system.add_rule(rule).await.expect("acceptable");
}

fn event_of(id: u128, kind: EventKind) -> Event {
    Event::new(EventId(id), kind, "probe", Timestamp(0), Payload::Text("x".to_owned().into()))
}

fn event(id: u128) -> Event {
    event_of(id, EventKind::Metrics)
}

async fn publish(system: &DataCoordinator, event: Event) -> Publication {
    system.publish(Arc::new(event), OnFull::Wait).await.expect("open")
}

fn accepted(deliveries: u32) -> Publication {
    Publication::Accepted { deliveries: Some(deliveries) }
}

async fn ledger(system: &DataCoordinator) -> Ledger {
    let ledger = system.ledger().await.expect("always there");
    ledger.check().expect("balanced");
    ledger
}

#[tokio::test]
async fn the_default_configuration_serves_its_four_services_as_the_oracle_says() {
    let system = DataCoordinator::default();
    let journal = add_services(&system, &DEFAULT_SERVICES).await;
    let mut oracle = Oracle::default();
    DEFAULT_SERVICES.iter().for_each(|&service| oracle.register(&service.into()));
    for rule in DataCoordinator::default_rules() {
        system.add_rule(rule.clone()).await.expect("acceptable");
        oracle.add_rule(rule);
    }
    for (kind, id) in EventKind::BUILT_IN.into_iter().zip(1..) {
        let event = event_of(id, kind);
        let expected = oracle.publish(&event).expect("accepted");
        assert_eq!(publish(&system, event).await.deliveries(), Some(expected.len() as u32));
    }
    system.quiesce().await.expect("quiet");
    let names = |names: &[&str]| names.iter().map(|&name| Name::from(name)).collect::<BTreeSet<_>>();
    for (kind, id) in EventKind::BUILT_IN.into_iter().zip(1..) {
        let expected = match (kind.category(), &kind) {
            (Category::Filesystem, _) => names(&["event", "file", "sync"]),
            (Category::Database, EventKind::RecordRead) => names(&["event", "database"]),
            (Category::Database, _) => names(&["event", "database", "sync"]),
            _ => names(&["event"]),
        };
        assert_eq!(journal.services_of(id), expected, "{kind}");
    }
}

#[tokio::test]
async fn targets_are_served_one_after_the_other_and_events_too() {
    let system = DataCoordinator::default();
    let journal = add_services(&system, &["a", "b"]).await;
    everything_to(&system, &["a", "b"]).await;
    publish(&system, event(1)).await;
    publish(&system, event(2)).await;
    system.quiesce().await.expect("quiet");
    assert_eq!(journal.lines(), ["a1", "b1", "a2", "b2"]);
}

#[tokio::test]
async fn every_accepted_event_passes_the_legacy_channel_once() {
    let system = DataCoordinator::default();
    add_services(&system, &["a", "b"]).await;
    everything_to(&system, &["a", "b"]).await;
    for (id, kind) in [(1, "system.metrics"), (2, "note.tagged"), (3, "note.moved"), (4, "system.metrics")] {
        publish(&system, event_of(id, Name::from(kind).into())).await;
    }
    system.remove_rule(&"everything".into()).await.expect("known");
    publish(&system, event_of(5, EventKind::Webhook)).await;
    publish(&system, event(0)).await;
    system.quiesce().await.expect("quiet");
    let counts: Vec<_> = system.legacy_counts().into_iter().collect();
    let expected = [("custom", 2), ("external.webhook", 1), ("system.metrics", 2)];
    assert_eq!(counts, expected.map(|(kind, count)| (kind.to_owned(), count)));
}

#[tokio::test]
async fn what_is_scheduled_or_malformed_is_refused_in_this_order() {
    let system = DataCoordinator::default();
    let scheduled = Event { scheduled_at: Some(Timestamp(5)), ..event(1) };
    assert_eq!(publish(&system, scheduled).await, Publication::refused(Refusal::Scheduled));
    let malformed = Event { scheduled_at: Some(Timestamp(5)), source: "".into(), ..event(1) };
    let Publication::Refused(why) = publish(&system, malformed).await else { panic!("it is malformed") };
    assert_eq!(why.to_string(), "source: empty");
    assert_eq!(system.statistics().await.expect("there").refused_events, 2);
}

/// Passes events on, and changes the rules while it is at it.
struct Meddler(Weak<DataCoordinator>);

impl Handler for Meddler {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        let system = self.0.upgrade().expect("the test holds it");
        for seen in batch.iter().filter(|seen| seen.id.0 < 10) {
            let rule = seen.id.0.to_string();
            let filter = Filter::Source(rule.as_str().into());
            let to_log = Rule::new(rule.as_str(), filter, [Target::Service("log".into())]);
            system.add_rule(to_log).await.expect("acceptable");
            let next = Event { source: rule.as_str().into(), ..event(seen.id.0 + 1) };
            assert_eq!(publish(&system, next).await, accepted(2));
            system.remove_rule(&rule.into()).await.expect("known");
        }
        BatchOutcome::Acknowledged
    }
}

#[tokio::test]
async fn handlers_publish_and_change_rules_without_waiting_for_themselves() {
    let system = Arc::new(DataCoordinator::default());
    let journal = add_services(&system, &["log"]).await;
    add(&system, "meddler", Meddler(Arc::downgrade(&system))).await;
    everything_to(&system, &["meddler"]).await;
    publish(&system, event(1)).await;
    system.quiesce().await.expect("quiet");
    assert_eq!(journal.lines(), (2..=10).map(|id| format!("log{id}")).collect::<Vec<_>>());
    assert_eq!(ledger(&system).await.acknowledged, 1 + 2 * 9);
}

#[tokio::test]
async fn services_that_come_and_go_leave_their_counts_behind() {
    let system = DataCoordinator::default();
    for id in 1..=50 {
        let journal = add_services(&system, &["guest"]).await;
        let to_guest = Event { targets: [Target::Service("guest".into())].into(), ..event(id) };
        assert_eq!(publish(&system, to_guest).await, accepted(1));
        system.unregister(&"guest".into()).await.expect("known");
        if id % 5 == 0 {
            system.quiesce().await.expect("quiet");
            assert_eq!(journal.lines(), [format!("guest{id}")]);
        }
        assert!(system.shared.read().leaving() <= 5, "those that are done are let go");
    }
    assert!(matches!(
        system.unregister(&"guest".into()).await,
        Err(SystemError::Unknown { what: "service", .. })
    ));
    assert_eq!(ledger(&system).await, Ledger { accepted: 50, acknowledged: 50, ..Ledger::default() });
    assert!(system.statistics().await.expect("there").services.is_empty());
}

#[tokio::test]
async fn no_turn_passes_while_nobody_of_the_group_is_there() {
    let system = DataCoordinator::default();
    let journal = add_services(&system, &["a", "b"]).await;
    let group = GroupSpec::round_robin("g", ["a", "b"].map(Name::from));
    system.define_group(group).await.expect("acceptable");
    let to_group = |id| Event { targets: [Target::Group("g".into())].into(), ..event(id) };
    assert_eq!(publish(&system, to_group(1)).await, accepted(1));
    for name in ["a", "b"] {
        system.unregister(&name.into()).await.expect("known");
    }
    assert_eq!(publish(&system, to_group(2)).await, accepted(0));
    for name in ["b", "a"] {
        add(&system, name, Service(name.into(), journal.clone())).await;
    }
    assert_eq!(publish(&system, to_group(3)).await, accepted(1));
    system.quiesce().await.expect("quiet");
    assert_eq!(journal.lines(), ["a1", "b3"]);
}

#[tokio::test]
async fn gauges_tell_what_is_in_the_channel_and_what_was_registered() {
    let system = DataCoordinator::default();
    add_services(&system, &["a", "b"]).await;
    everything_to(&system, &["a", "b"]).await;
    for id in 1..=3 {
        publish(&system, event(id)).await;
    }
    let gauges = async || system.gauges().await.expect("told");
    let of = |gauges: &[Gauge], name: &str| {
        gauges.iter().find(|gauge| gauge.structure == name).map(|gauge| gauge.len).expect("it is told")
    };
    let told = gauges().await;
    let names =
        ["jobs in the channel or in hand", "legacy channel", "deliveries for `a`", "services", "rules"];
    assert_eq!(names.map(|name| of(&told, name)), [3, 0, 3, 2, 1]);
    system.quiesce().await.expect("quiet");
    let told = gauges().await;
    assert_eq!(names.map(|name| of(&told, name)), [0, 0, 0, 2, 1]);
    assert!(told.iter().all(|gauge| gauge.holds != Holds::Passing || gauge.len == 0), "{told:?}");
}
