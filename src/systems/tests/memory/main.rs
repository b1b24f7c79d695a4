//! The byte budget is a bound on memory: however many services an event fans out to, and whatever becomes of its
//! deliveries, it is held once, and a delivery that waits costs its entry in a mailbox.
//!
//! Counted by an allocator, so this binary has one test.

use std::alloc::System;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cap::Cap;
use crucible_events::crucible_core::{Config, CrucibleCore};
use crucible_events::event::{Event, EventId, EventKind, Payload, Target, Timestamp};
use crucible_events::routing::{
    Batch, BatchOutcome, BreakerPolicy, EventSystem, Failure, Filter, Handler, OnFull, RetryPolicy, Rule,
    ServiceSpec, WindowPolicy,
};

#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

const EVENTS: u64 = 1_000;

/// Of a delivery's entries in the lists of a mailbox, which keep their room: what arrived, the last batch, what is due
/// later, what waits its turn, some 45 bytes each. A copy of the event is 200 bytes more.
const ENTRY: u64 = 200;

/// Of the boxes around an event, for each byte of an event without much of a payload.
const WRAPPING: u64 = 2;

/// Nothing succeeds.
struct Ill;

impl Handler for Ill {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        let failure = |position| Failure { position, reason: String::new() };
        BatchOutcome::Failed((0..batch.len()).map(failure).collect())
    }
}

fn event(id: u64) -> Arc<Event> {
    let payload = Payload::Binary(Bytes::from(vec![0; 64]));
    let event = Event::new(EventId(id.into()), EventKind::Metrics, "source", Timestamp(0), payload);
    Arc::new(Event { retry_limit: 9, ..event })
}

/// How many services fail, and how much later it is looked at.
struct Case {
    services: u64,
    /// Whether events are published one by one.
    singly: bool,
    /// 0: they wait for their moment. Else it has come, and they wait for their breaker, which lets one by.
    later: Duration,
}

/// Bytes of the heap that all this has taken, and those that are held.
async fn grown(case: &Case) -> (u64, u64) {
    let wait = Duration::from_secs(10);
    let system = CrucibleCore::new(Config {
        byte_budget: Some(1 << 30),
        window: WindowPolicy { entries: 0, ..WindowPolicy::default() },
        // All that waits is handed over at once, and fails together.
        batch: 2 * EVENTS as usize,
        mailbox_capacity: 2 * EVENTS as usize,
        concurrent_deliveries: 1 << 24,
        retry: RetryPolicy { first: wait, longest: wait, jitter: 0.0, ..RetryPolicy::default() },
        breaker: BreakerPolicy { threshold: EVENTS as u32, open_for: 2 * wait, probes: 1 },
        ..Config::default()
    })
    .expect("settings that work");
    let names: Vec<String> = (0..case.services).map(|number| format!("service {number}")).collect();
    for name in &names {
        system.register(ServiceSpec::new(&**name), Ill).await.expect("a new service");
    }
    let all = names.iter().map(|name| Target::Service((&**name).into()));
    system.add_rule(Rule::new("all", Filter::All(Vec::new()), all)).await.expect("a new rule");
    tokio::task::yield_now().await;
    let before = HEAP.allocated() as u64;
    let batch: Vec<_> = (1..=EVENTS).map(event).collect();
    for events in batch.chunks(if case.singly { 1 } else { batch.len() }) {
        system.publish_batch(events, OnFull::Refuse).await.expect("it is open");
    }
    drop(batch);
    let deliveries = EVENTS * case.services;
    while system.statistics().await.expect("open").services.iter().map(|told| told.waiting).sum::<u64>()
        < deliveries
    {
        tokio::task::yield_now().await;
    }
    if !case.later.is_zero() {
        tokio::time::sleep(case.later).await;
        let services = system.statistics().await.expect("open").services;
        let due: u64 = services.iter().map(|told| told.queued).sum();
        assert_eq!(due, deliveries - case.services, "all but the probes wait to be handed over");
    }
    let grown = HEAP.allocated() as u64 - before;
    let held = system.statistics().await.expect("open").held_bytes.expect("it has a budget");
    assert_eq!(held, EVENTS * event(1).held_bytes());
    (grown, held)
}

#[test]
fn memory_grows_with_what_is_held_and_not_with_copies() {
    let (waiting, due) = (Duration::ZERO, Duration::from_secs(25));
    for services in [1, 10, 100] {
        for (singly, later) in [(false, waiting), (true, waiting), (false, due), (true, due)] {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            let case = Case { services, singly, later };
            let (grown, held) = runtime.expect("a runtime").block_on(grown(&case));
            let most = WRAPPING * held + ENTRY * EVENTS * services;
            let what = format!(
                "{services} services, singly: {singly}, {later:?} later: {grown} bytes for {held} held"
            );
            println!("{what}, at most {most}");
            assert!(grown <= most, "{what}, at most {most}");
        }
    }
}
