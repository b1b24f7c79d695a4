use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use super::{Config, CrucibleCore};
use crate::event::{Event, EventId, EventKind, Name, Payload, Priority, Target, Timestamp};
use crate::routing::{
    Batch, BatchOutcome, DeathCause, EventSystem, Filter, GroupSpec, Handler, Ledger, Member, OnFull,
    Publication, Rule, ServiceSpec, Strategy,
};

type Seen = Arc<Mutex<Vec<u128>>>;

/// Writes down ids; waits for `gate` before each batch if it has one.
struct Recorder {
    seen: Seen,
    gate: Option<Arc<Notify>>,
}

impl Handler for Recorder {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        if let Some(gate) = &self.gate {
            gate.notified().await;
        }
        self.seen.lock().expect("not poisoned").extend(batch.iter().map(|event| event.id.0));
        BatchOutcome::Acknowledged
    }
}

fn event(id: u128, priority: Priority, to: &[&str]) -> Arc<Event> {
    let payload = Payload::Text("x".to_owned().into());
    let mut event = Event::new(EventId(id), EventKind::Metrics, "probe", Timestamp(0), payload);
    event.priority = priority;
    event.targets = to.iter().map(|&name| Target::Service(name.into())).collect();
    Arc::new(event)
}

async fn add(core: &CrucibleCore, name: &str, gate: Option<Arc<Notify>>) -> Seen {
    let seen = Seen::default();
    let handler = Recorder { seen: seen.clone(), gate };
    core.register(ServiceSpec::new(name), handler).await.expect("registered");
    seen
}

fn small() -> CrucibleCore {
    CrucibleCore::new(Config { mailbox_capacity: 2, batch: 16, ..Config::default() }).expect("it works")
}

async fn publish(core: &CrucibleCore, event: Arc<Event>, on_full: OnFull) -> Publication {
    core.publish(event, on_full).await.expect("open")
}

fn accepted(deliveries: u32) -> Publication {
    Publication::Accepted { deliveries: Some(deliveries) }
}

#[tokio::test]
async fn a_flood_of_one_priority_leaves_places_for_the_others() {
    let core = CrucibleCore::default();
    let seen = add(&core, "a", None).await;
    let flood = (0..200).map(|id| event(id + 1, Priority::Critical, &["a"]));
    let others = [Priority::Low, Priority::Normal, Priority::High];
    let others = others.iter().enumerate().map(|(i, &p)| event(1001 + i as u128, p, &["a"]));
    let events: Vec<_> = others.chain(flood).collect();
    core.publish_batch(&events, OnFull::Wait).await.expect("open");
    core.quiesce().await.expect("quiet");
    // The publisher never yielded, so all waited together: 61 critical ones, then one of each other.
    let seen = seen.lock().expect("not poisoned");
    assert_eq!(seen[60..65], [61, 1003, 1002, 1001, 62]);
}

#[tokio::test]
async fn a_full_mailbox_turns_away_only_its_own() {
    let core = small();
    let gate = Arc::new(Notify::new());
    let slow = add(&core, "slow", Some(gate.clone())).await;
    let fast = add(&core, "fast", None).await;
    let events: Vec<_> = (1..=5).map(|id| event(id, Priority::Normal, &["slow", "fast"])).collect();
    // One by one, so that `fast` gets its turn; the first goes to hand, the next two fill the mailbox.
    for event in &events[..3] {
        assert_eq!(publish(&core, event.clone(), OnFull::Refuse).await, accepted(2));
        tokio::task::yield_now().await;
    }
    let turned_away = Publication::BackPressure { deliveries: 1, full: 1 };
    assert_eq!(publish(&core, events[3].clone(), OnFull::Refuse).await, turned_away);
    let batch = core.publish_batch(&events[4..], OnFull::Refuse).await.expect("open");
    assert_eq!(batch, [turned_away]);
    for _ in 0..2 {
        gate.notify_one();
        tokio::task::yield_now().await;
    }
    core.quiesce().await.expect("quiet");
    assert_eq!(*slow.lock().expect("not poisoned"), [1, 2, 3]);
    assert_eq!(*fast.lock().expect("not poisoned"), [1, 2, 3, 4, 5]);
    assert_eq!(core.statistics().await.expect("counted").turned_away, 2);
}

#[tokio::test]
async fn who_waits_for_room_is_told_when_the_service_leaves() {
    let core = Arc::new(small());
    let _seen = add(&core, "stuck", Some(Arc::new(Notify::new()))).await;
    let events: Vec<_> = (1..=20).map(|id| event(id, Priority::Normal, &["stuck"])).collect();
    let publisher = tokio::spawn({
        let core = core.clone();
        async move { core.publish_batch(&events, OnFull::Wait).await.expect("open") }
    });
    tokio::task::yield_now().await;
    core.unregister(&"stuck".into()).await.expect("it was there");
    let publications = publisher.await.expect("no panic");
    let deliveries: u32 = publications.iter().filter_map(Publication::deliveries).sum();
    let ledger = core.ledger().await.expect("counted");
    assert_eq!(u64::from(deliveries), ledger.accepted);
    assert!(deliveries < 20);
}

#[tokio::test]
async fn giving_up_a_publish_half_way_loses_no_count() {
    let core = small();
    let gate = Arc::new(Notify::new());
    let _seen = add(&core, "slow", Some(gate.clone())).await;
    let events: Vec<_> = (1..=40).map(|id| event(id, Priority::Normal, &["slow"])).collect();
    tokio::select! {
        biased;
        _ = core.publish_batch(&events, OnFull::Wait) => panic!("there is no room for 40"),
        () = tokio::task::yield_now() => {}
    }
    for _ in 0..40 {
        gate.notify_one();
        tokio::task::yield_now().await;
    }
    core.quiesce().await.expect("quiet");
    let ledger = core.ledger().await.expect("counted");
    assert_eq!((ledger.check(), ledger.queued), (Ok(()), 0));
    assert_eq!(Arc::strong_count(&events[30]), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_served_in_time_is_abandoned_and_counted() {
    let core = small();
    let _stuck = add(&core, "stuck", Some(Arc::new(Notify::new()))).await;
    let _fine = add(&core, "fine", None).await;
    for id in 1..=2 {
        publish(&core, event(id, Priority::Normal, &["stuck", "fine"]), OnFull::Wait).await;
    }
    let ledger = core.shutdown(Duration::from_secs(5)).await.expect("shut down");
    assert_eq!(ledger, Ledger { accepted: 4, acknowledged: 2, abandoned: 2, ..Ledger::default() });
    assert_eq!(core.shutdown(Duration::ZERO).await.expect("again"), ledger);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_is_tried_again_and_harms_nobody() {
    struct Panics;
    impl Handler for Panics {
        async fn handle(&self, _: Batch<'_>) -> BatchOutcome {
            panic!("as the test wants it")
        }
    }
    let core = CrucibleCore::default();
    core.register(ServiceSpec::new("bad"), Panics).await.expect("registered");
    let fine = add(&core, "fine", None).await;
    publish(&core, event(1, Priority::Normal, &["bad", "fine"]), OnFull::Wait).await;
    core.quiesce().await.expect("quiet");
    assert_eq!(*fine.lock().expect("not poisoned"), [1]);
    let ledger = core.ledger().await.expect("counted");
    assert_eq!(ledger, Ledger { accepted: 2, acknowledged: 1, dead_lettered: 1, ..Ledger::default() });
    let letters = core.dead_letters().await.expect("offered");
    assert_eq!(letters[0].cause, DeathCause::Panicked("as the test wants it".to_owned()));
    assert_eq!(letters[0].event.retry_count, 3);
    assert_eq!(core.statistics().await.expect("counted").services[0].panics, 4);
}

#[tokio::test]
async fn names_that_nobody_mentions_any_more_leave_nothing_behind() {
    let core = CrucibleCore::default();
    for round in 0..100 {
        let name = format!("service-{round}");
        add(&core, &name, None).await;
        let rule = Rule::new(&*name, Filter::everything(), [Target::Service((&*name).into())]);
        core.add_rule(rule).await.expect("added");
        publish(&core, event(round + 1, Priority::Normal, &[&name]), OnFull::Wait).await;
        core.quiesce().await.expect("quiet");
        core.unregister(&Name::from(&*name)).await.expect("it was there");
        core.remove_rule(&Name::from(&*name)).await.expect("it was there");
        tokio::task::yield_now().await;
    }
    assert_eq!(core.ledger().await.expect("counted").acknowledged, 100);
    assert_eq!(core.control().services().len(), 0);
    assert_eq!(core.control().directory().slots(), 1);
}

/// Else which member a group takes would depend on what is looked at first, rules or groups.
#[tokio::test]
async fn an_events_own_deliveries_weigh_nothing_when_its_group_chooses() {
    let core = CrucibleCore::default();
    for name in ["a", "b"] {
        add(&core, name, None).await;
    }
    core.define_group(GroupSpec::new("g", Strategy::LeastConnections, ["a", "b"])).await.expect("defined");
    let to_both = Event {
        targets: [Target::Service("a".into()), Target::Group("g".into())].into(),
        ..Event::clone(&event(1, Priority::Normal, &[]))
    };
    // Both are idle: the first member, which gets it anyway.
    assert_eq!(publish(&core, Arc::new(to_both.clone()), OnFull::Wait).await, accepted(1));
    core.quiesce().await.expect("quiet");
    // In a batch the events before it do weigh.
    let next = |id| Arc::new(Event { id: EventId(id), ..to_both.clone() });
    let batch = core.publish_batch(&[next(2), next(3)], OnFull::Wait).await.expect("open");
    assert_eq!(batch, [accepted(1), accepted(2)]);
}

/// One target leaves while it is waited for, the group has nobody: nobody got it, so it may come again.
#[tokio::test(start_paused = true)]
async fn who_waited_in_vain_is_not_seen() {
    let core = Arc::new(small());
    for name in ["idle", "leaving"] {
        add(&core, name, None).await;
    }
    add(&core, "full", Some(Arc::new(Notify::new()))).await;
    let members = [Member::new("idle").with_weight(0), Member::new("leaving")];
    let nobody = GroupSpec::new("nobody", Strategy::WeightedRandom { seed: 1 }, members);
    core.define_group(nobody).await.expect("defined");
    core.unregister(&"leaving".into()).await.expect("it was there");
    publish(&core, event(1, Priority::Normal, &["full"]), OnFull::Wait).await;
    tokio::task::yield_now().await; // the handler has it
    for id in 2..=3 {
        publish(&core, event(id, Priority::Normal, &["full"]), OnFull::Wait).await;
    }
    let targets = [Target::Service("full".into()), Target::Group("nobody".into())];
    let to_both = |id| {
        Arc::new(Event { targets: targets.clone().into(), ..Event::clone(&event(id, Priority::Normal, &[])) })
    };
    let (one, many, alone, among) = (core.clone(), core.clone(), to_both(4), to_both(5));
    let single = tokio::spawn(async move { publish(&one, alone, OnFull::Wait).await });
    let batch = tokio::spawn(async move { many.publish_batch(&[among], OnFull::Wait).await });
    tokio::task::yield_now().await; // both wait for room
    core.unregister(&"full".into()).await.expect("it was there");
    let turned_away = Publication::BackPressure { deliveries: 0, full: 1 };
    assert_eq!(single.await.expect("no panic"), turned_away);
    assert_eq!(batch.await.expect("no panic").expect("open"), [turned_away]);
    for id in 4..=5 {
        assert_eq!(publish(&core, event(id, Priority::Normal, &["idle"]), OnFull::Wait).await, accepted(1));
    }
}

async fn gauges(core: &CrucibleCore) -> Vec<(String, u64)> {
    let gauges = core.gauges().await.expect("told").into_iter();
    gauges.filter(|gauge| gauge.len > 0).map(|gauge| (gauge.structure.into_owned(), gauge.len)).collect()
}

#[tokio::test(start_paused = true)]
async fn gauges_tell_where_everything_is() {
    let core = Arc::new(small());
    let gate = Arc::new(Notify::new());
    let _seen = add(&core, "a", Some(gate.clone())).await;
    let later = Timestamp(core.now().0 + 1_000_000_000);
    let later = Event { scheduled_at: Some(later), ..Event::clone(&event(1, Priority::Normal, &["a"])) };
    publish(&core, event(2, Priority::Normal, &["a"]), OnFull::Wait).await;
    tokio::task::yield_now().await; // the handler has it
    publish(&core, Arc::new(later), OnFull::Wait).await;
    core.publish_batch(&[event(3, Priority::Normal, &["a"])], OnFull::Wait).await.expect("open");
    let waiting = core.clone();
    let publisher =
        tokio::spawn(
            async move { publish(&waiting, event(4, Priority::Normal, &["a"]), OnFull::Wait).await },
        );
    let quiet = core.clone();
    let quiet = tokio::spawn(async move { quiet.quiesce().await });
    tokio::task::yield_now().await;
    let of_mailbox = |what: &str, len| (format!("mailbox of `a`: {what}"), len);
    let held = [
        of_mailbox("parcels that arrived", 1),
        of_mailbox("deliveries due later", 1),
        of_mailbox("deliveries in hand", 1),
        of_mailbox("publishers that wait for room", 1),
        of_mailbox("calls that wait for quiet", 1),
    ];
    let told = gauges(&core).await;
    assert!(held.iter().all(|held| told.contains(held)), "{told:?}");
    assert!(told.contains(&("ids in the window".to_owned(), 4)), "{told:?}");
    for _ in 0..4 {
        gate.notify_one();
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    publisher.await.expect("no panic");
    quiet.await.expect("no panic").expect("quiet");
    let told = gauges(&core).await;
    assert!(!told.iter().any(|(structure, _)| structure.starts_with("mailbox")), "{told:?}");
    core.unregister(&"a".into()).await.expect("it was there");
    tokio::task::yield_now().await;
    let told = gauges(&core).await;
    let kept = ["ids in the window", "idle desks", "idle desks: places for services", "places for services"];
    let left: Vec<_> = told.iter().filter(|(structure, _)| !kept.contains(&&**structure)).collect();
    assert_eq!(left, [&("numbers of services".to_owned(), 1)], "a number that is free");
}
