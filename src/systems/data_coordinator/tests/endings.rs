use std::future::pending;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::{accepted, add, add_services, event, everything_to, ledger, publish};
use crate::data_coordinator::DataCoordinator;
use crate::event::Event;
use crate::routing::{
    Batch, BatchOutcome, EventSystem, Failure, Handler, Ledger, OnFull, ServiceSpec, SystemError,
};

/// Never done with event 3.
struct Stuck;

impl Handler for Stuck {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        if batch.iter().any(|event| event.id.0 == 3) {
            pending::<()>().await;
        }
        BatchOutcome::Failed(vec![Failure { position: 0, reason: "never content".to_owned() }])
    }
}

async fn let_the_loop_run() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

fn is_closed<T>(result: &Result<T, SystemError>) -> bool {
    matches!(result, Err(SystemError::Closed))
}

#[tokio::test(start_paused = true)]
async fn a_stuck_handler_costs_what_waits_behind_it_and_nothing_else() {
    let system = DataCoordinator::default();
    add_services(&system, &["before", "after"]).await;
    add(&system, "stuck", Stuck).await;
    everything_to(&system, &["before", "stuck", "after"]).await;
    let held: Vec<Weak<Event>> = {
        let events: Vec<Arc<Event>> = (1..=10).map(|id| Arc::new(event(id))).collect();
        system.publish_batch(&events, OnFull::Wait).await.expect("open");
        events.iter().map(Arc::downgrade).collect()
    };
    let_the_loop_run().await;
    assert_eq!(ledger(&system).await.queued, 2 + 7 * 3);
    let last = system.shutdown(Duration::from_secs(5)).await.expect("told");
    let expected = Ledger {
        accepted: 30,
        acknowledged: 2 * 2 + 1,
        failed: 2,
        abandoned: 2 + 7 * 3,
        ..Ledger::default()
    };
    assert_eq!(last, expected);
    assert_eq!(system.shutdown(Duration::ZERO).await.expect("told"), expected);
    assert_eq!(held.iter().filter(|event| event.strong_count() > 0).count(), 0);
    assert!(is_closed(&system.publish(Arc::new(event(11)), OnFull::Wait).await));
    assert!(is_closed(&system.register(ServiceSpec::new("late"), Stuck).await));
    assert!(is_closed(&system.remove_rule(&"everything".into()).await));
    system.quiesce().await.expect("quiet");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_serves_what_was_accepted() {
    let system = DataCoordinator::default();
    let journal = add_services(&system, &["a", "b"]).await;
    everything_to(&system, &["a", "b"]).await;
    for id in 1..=20 {
        publish(&system, event(id)).await;
    }
    let last = system.shutdown(Duration::from_secs(5)).await.expect("told");
    assert_eq!(last, Ledger { accepted: 40, acknowledged: 40, ..Ledger::default() });
    assert_eq!(journal.lines().len(), 40);
}

/// Kernels run without the time driver: a shutdown at rest must not ask for it.
#[test]
fn at_rest_nothing_needs_a_timer_and_nothing_is_held() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("needs nothing");
    runtime.block_on(async {
        let system = DataCoordinator::default();
        add_services(&system, &["a", "b"]).await;
        everything_to(&system, &["a", "b"]).await;
        let held: Vec<Weak<Event>> = {
            let events: Vec<Arc<Event>> = (1..=100).map(|id| Arc::new(event(id))).collect();
            system.publish_batch(&events, OnFull::Wait).await.expect("open");
            events.iter().map(Arc::downgrade).collect()
        };
        system.quiesce().await.expect("quiet");
        assert_eq!(held.iter().filter(|event| event.strong_count() > 0).count(), 0);
        system.shutdown(Duration::ZERO).await.expect("told");
        assert_eq!(ledger(&system).await.acknowledged, 200);
    });
}

#[tokio::test]
async fn a_dropped_system_still_serves_what_was_accepted() {
    let system = DataCoordinator::default();
    let journal = add_services(&system, &["a"]).await;
    everything_to(&system, &["a"]).await;
    for id in 1..=3 {
        publish(&system, event(id)).await;
    }
    let shared = system.shared.clone();
    drop(system);
    shared.end_of_loop().await;
    assert_eq!(journal.lines(), ["a1", "a2", "a3"]);
}

struct Panicking;

impl Handler for Panicking {
    async fn handle(&self, _: Batch<'_>) -> BatchOutcome {
        panic!("on purpose");
    }
}

#[tokio::test]
async fn when_the_loop_is_gone_the_system_is_closed_and_its_ledger_balances() {
    let system = DataCoordinator::default();
    add_services(&system, &["a"]).await;
    add(&system, "panicking", Panicking).await;
    everything_to(&system, &["a", "panicking"]).await;
    for id in 1..=3 {
        assert_eq!(publish(&system, event(id)).await, accepted(2));
    }
    system.quiesce().await.expect("quiet");
    assert!(is_closed(&system.publish(Arc::new(event(4)), OnFull::Wait).await));
    let expected = Ledger { accepted: 6, acknowledged: 1, abandoned: 5, ..Ledger::default() };
    assert_eq!(ledger(&system).await, expected);
    assert_eq!(system.shutdown(Duration::ZERO).await.expect("told"), expected);
}

#[test]
fn a_runtime_that_is_dropped_leaves_the_ledger_balanced() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("needs nothing");
    let system = runtime.block_on(async {
        let system = DataCoordinator::default();
        add_services(&system, &["a"]).await;
        everything_to(&system, &["a"]).await;
        publish(&system, event(1)).await;
        system
    });
    drop(runtime);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("needs nothing");
    let expected = Ledger { accepted: 1, abandoned: 1, ..Ledger::default() };
    assert_eq!(runtime.block_on(ledger(&system)), expected);
}
