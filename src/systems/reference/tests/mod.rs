mod endings;
mod foretold;

use std::sync::{Arc, Mutex, Weak};

use tokio::sync::Semaphore;

use super::{BATCH, Plan, Reference};
use crate::event::{Event, EventId, EventKind, Payload, Timestamp};
use crate::routing::{
    Batch, BatchOutcome, EventSystem, Handler, Holds, Ledger, OnFull, Publication, ServiceSpec, SystemError,
};

const BOTH: [fn(Plan, usize) -> Reference; 2] = [Reference::one_by_one, Reference::batched];

/// Writes down its batches; takes a permit for each if it has a gate.
#[derive(Clone, Default)]
struct Recorder {
    batches: Arc<Mutex<Vec<Vec<u128>>>>,
    gate: Option<Arc<Semaphore>>,
}

impl Recorder {
    fn behind(gate: &Arc<Semaphore>) -> Self {
        Self { gate: Some(gate.clone()), ..Self::default() }
    }

    fn batches(&self) -> Vec<Vec<u128>> {
        self.batches.lock().expect("not poisoned").clone()
    }

    fn ids(&self) -> Vec<u128> {
        self.batches().concat()
    }
}

impl Handler for Recorder {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        if let Some(gate) = &self.gate {
            gate.acquire().await.expect("never closed").forget();
        }
        let ids = batch.iter().map(|event| event.id.0).collect();
        self.batches.lock().expect("not poisoned").push(ids);
        BatchOutcome::Acknowledged
    }
}

fn plan(lists: &[&[u32]]) -> Plan {
    lists.iter().map(|&list| list.into()).collect()
}

fn event(id: u128) -> Arc<Event> {
    let payload = Payload::Text("x".to_owned().into());
    Arc::new(Event::new(EventId(id), EventKind::Metrics, "probe", Timestamp(0), payload))
}

fn events(ids: impl IntoIterator<Item = u128>) -> Vec<Arc<Event>> {
    ids.into_iter().map(event).collect()
}

async fn add<H: Handler>(system: &Reference, name: &str, handler: H) {
    system.register(ServiceSpec::new(name), handler).await.expect("registered");
}

/// Services `0`, `1`, … that write down what they get.
async fn recorders(system: &Reference, count: usize) -> Vec<Recorder> {
    let recorders: Vec<_> = (0..count).map(|_| Recorder::default()).collect();
    for (number, recorder) in recorders.iter().enumerate() {
        add(system, &number.to_string(), recorder.clone()).await;
    }
    recorders
}

fn accepted(deliveries: u32) -> Publication {
    Publication::Accepted { deliveries: Some(deliveries) }
}

fn back_pressure(deliveries: u32, full: u32) -> Publication {
    Publication::BackPressure { deliveries, full }
}

async fn ledger(system: &Reference) -> Ledger {
    let ledger = system.ledger().await.expect("always there");
    ledger.check().expect("balanced");
    ledger
}

async fn let_workers_run() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn each_event_goes_to_its_list_in_order_and_in_batches_of_at_most_64() {
    for make in BOTH {
        let system = make(plan(&[&[0, 1], &[1], &[]]), 1_000);
        let services = recorders(&system, 2).await;
        system.publish(event(1), OnFull::Wait).await.expect("open");
        let told = system.publish_batch(&events(2..=300), OnFull::Wait).await.expect("open");
        assert_eq!(told[..3], [accepted(1), accepted(0), accepted(2)]);
        system.quiesce().await.expect("quiet");
        assert_eq!(services[0].ids(), (1..=300).filter(|id| id % 3 == 1).collect::<Vec<_>>());
        assert_eq!(services[1].ids(), (1..=300).filter(|id| id % 3 > 0).collect::<Vec<_>>());
        let lengths: Vec<_> = services[1].batches().iter().map(Vec::len).collect();
        assert_eq!(lengths, [BATCH, BATCH, BATCH, 8]);
        let ledger = ledger(&system).await;
        assert_eq!(ledger, Ledger { accepted: 300, acknowledged: 300, ..Ledger::default() });
        let statistics = system.statistics().await.expect("always there");
        assert_eq!((statistics.accepted_events, statistics.unmatched_events), (300, 100));
    }
}

#[tokio::test]
async fn a_full_queue_turns_away_its_own_and_others_get_the_event() {
    for make in BOTH {
        let system = make(plan(&[&[0, 1]]), 4);
        let gate = Arc::new(Semaphore::new(0));
        let stuck = Recorder::behind(&gate);
        add(&system, "stuck", stuck.clone()).await;
        let free = Recorder::default();
        add(&system, "free", free.clone()).await;
        system.publish(event(1), OnFull::Refuse).await.expect("open");
        let_workers_run().await; // the first is in hand, four more may wait
        let told = system.publish_batch(&events(2..=5), OnFull::Refuse).await.expect("open");
        assert_eq!(told, vec![accepted(2); 4]);
        let_workers_run().await;
        let told = system.publish_batch(&events(6..=7), OnFull::Refuse).await.expect("open");
        assert_eq!(told, vec![back_pressure(1, 1); 2]);
        assert_eq!(system.statistics().await.expect("there").turned_away, 2);
        assert_eq!(ledger(&system).await.queued, 5 + 2);
        gate.add_permits(10);
        system.quiesce().await.expect("quiet");
        assert_eq!(stuck.ids(), [1, 2, 3, 4, 5]);
        assert_eq!(free.ids(), [1, 2, 3, 4, 5, 6, 7]);
    }
}

#[tokio::test]
async fn who_waits_for_room_has_served_the_others_before() {
    for make in BOTH {
        let system = Arc::new(make(plan(&[&[0, 1]]), 2));
        let gate = Arc::new(Semaphore::new(0));
        let stuck = Recorder::behind(&gate);
        add(&system, "stuck", stuck.clone()).await;
        let free = Recorder::default();
        add(&system, "free", free.clone()).await;
        system.publish(event(1), OnFull::Wait).await.expect("open");
        let_workers_run().await;
        system.publish_batch(&events([2, 3]), OnFull::Wait).await.expect("open");
        let publisher = system.clone();
        let waiting = tokio::spawn(async move { publisher.publish(event(4), OnFull::Wait).await });
        let_workers_run().await;
        assert_eq!(free.ids(), [1, 2, 3, 4]);
        assert!(!waiting.is_finished());
        gate.add_permits(10);
        assert_eq!(waiting.await.expect("no panic").expect("open"), accepted(2));
        system.quiesce().await.expect("quiet");
        assert_eq!(stuck.ids(), [1, 2, 3, 4]);
    }
}

#[tokio::test]
async fn a_number_without_a_service_is_passed_over() {
    for make in BOTH {
        let system = make(plan(&[&[0, 1, 2]]), 10);
        let services = recorders(&system, 2).await;
        assert!(matches!(
            system.register(ServiceSpec::new("1"), Recorder::default()).await,
            Err(SystemError::Exists { .. })
        ));
        let told = system.publish_batch(&events([1]), OnFull::Wait).await.expect("open");
        assert_eq!(told, [accepted(2)]);
        system.unregister(&"0".into()).await.expect("known");
        let told = system.publish_batch(&events([2]), OnFull::Wait).await.expect("open");
        assert_eq!(told, [accepted(1)]);
        assert_eq!(system.publish(event(3), OnFull::Wait).await.expect("open"), accepted(1));
        system.quiesce().await.expect("quiet");
        assert_eq!((services[0].ids(), services[1].ids()), (vec![1], vec![1, 2, 3]));
        assert_eq!(ledger(&system).await.accepted, 4);
        assert_eq!(system.statistics().await.expect("there").services.len(), 1);
    }
}

/// Publishes one event for each that it gets, until `hops` are used up.
struct Relay {
    system: Weak<Reference>,
    hops: Mutex<u32>,
}

impl Relay {
    fn new(system: &Arc<Reference>, hops: u32) -> Self {
        Self { system: Arc::downgrade(system), hops: Mutex::new(hops) }
    }

    fn hop(&self) -> bool {
        let mut hops = self.hops.lock().expect("not poisoned");
        let before = *hops;
        *hops = before.saturating_sub(1);
        before > 0
    }
}

impl Handler for Relay {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        let system = self.system.upgrade().expect("the test holds it");
        for event in batch.iter() {
            if self.hop() {
                // Both ways of publishing; neither may wait here.
                system.publish(Arc::new(event.clone()), OnFull::Wait).await.expect("open");
                let batch = [Arc::new(event.clone())];
                system.publish_batch(&batch, OnFull::Wait).await.expect("open");
            }
        }
        BatchOutcome::Acknowledged
    }
}

#[tokio::test]
async fn services_that_publish_in_a_cycle_into_full_queues_come_to_rest() {
    for make in BOTH {
        let system = Arc::new(make(plan(&[&[0, 1]]), 1));
        add(&system, "a", Relay::new(&system, 100)).await;
        add(&system, "b", Relay::new(&system, 100)).await;
        system.publish(event(1), OnFull::Wait).await.expect("open");
        system.quiesce().await.expect("quiet");
        let ledger = ledger(&system).await;
        let statistics = system.statistics().await.expect("there");
        assert_eq!(ledger.acknowledged + statistics.turned_away, 2 * (1 + 2 * 200));
        assert!(statistics.turned_away > 0, "nothing was ever full");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_publishers_lose_and_double_nothing() {
    for make in BOTH {
        let system = Arc::new(make(plan(&[&[0, 1, 2]]), 8));
        let services = recorders(&system, 3).await;
        let publishers = (0..4_u128).map(|publisher| {
            let system = system.clone();
            tokio::spawn(async move {
                let mine = events(publisher * 1_000 + 1..=publisher * 1_000 + 500);
                for chunk in mine.chunks(7) {
                    system.publish_batch(&chunk[1..], OnFull::Wait).await.expect("open");
                    system.publish(chunk[0].clone(), OnFull::Wait).await.expect("open");
                }
            })
        });
        for publisher in publishers.collect::<Vec<_>>() {
            publisher.await.expect("no panic");
        }
        system.quiesce().await.expect("quiet");
        let expected: Vec<u128> = (0..4).flat_map(|p| p * 1_000 + 1..=p * 1_000 + 500).collect();
        for service in services {
            let mut got = service.ids();
            got.sort_unstable();
            assert_eq!(got, expected);
        }
        assert_eq!(ledger(&system).await.acknowledged, 3 * 2_000);
    }
}

#[tokio::test]
async fn gauges_tell_what_waits_and_nothing_waits_at_quiet() {
    for build in BOTH {
        let system = build(plan(&[&[0]]), 8);
        let gate = Arc::new(Semaphore::new(0));
        system.register(ServiceSpec::new("a"), Recorder::behind(&gate)).await.expect("registered");
        system.publish_batch(&events(1..=3), OnFull::Wait).await.expect("open");
        let told = async || {
            let passing = system.gauges().await.expect("told").into_iter();
            passing.filter(|gauge| gauge.holds == Holds::Passing).map(|gauge| gauge.len).sum::<u64>()
        };
        assert_eq!(told().await, 3);
        gate.add_permits(3);
        system.quiesce().await.expect("quiet");
        assert_eq!(told().await, 0);
    }
}
