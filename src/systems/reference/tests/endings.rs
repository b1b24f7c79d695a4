use std::future::pending;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::{BOTH, Recorder, accepted, add, event, events, ledger, let_workers_run, plan, recorders};
use crate::event::{Event, EventId};
use crate::reference::{BATCH, Reference};
use crate::routing::{
    Batch, BatchOutcome, EventSystem, Failure, Handler, Ledger, OnFull, ServiceSpec, SystemError,
};

/// Acknowledges its first batch, fails one of its second, and never finishes the third.
#[derive(Default)]
struct Tiring(Mutex<usize>);

impl Handler for Tiring {
    async fn handle(&self, _: Batch<'_>) -> BatchOutcome {
        let number = {
            let mut calls = self.0.lock().expect("not poisoned");
            *calls += 1;
            *calls
        };
        match number {
            1 => BatchOutcome::Acknowledged,
            2 => BatchOutcome::Failed(vec![Failure { position: 0, reason: "tired".to_owned() }]),
            _ => pending().await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_done_before_the_deadline_counts_and_the_rest_is_abandoned() {
    for make in BOTH {
        let system = make(plan(&[&[0]]), 1_000);
        add(&system, "tiring", Tiring::default()).await;
        system.publish_batch(&events(1..=200), OnFull::Wait).await.expect("open");
        let_workers_run().await;
        system.publish(event(201), OnFull::Wait).await.expect("open");
        let last = system.shutdown(Duration::from_secs(1)).await.expect("told");
        let done = 2 * BATCH as u64;
        let expected = Ledger {
            accepted: 201,
            acknowledged: done - 1,
            failed: 1,
            abandoned: 201 - done,
            ..Ledger::default()
        };
        assert_eq!(last, expected);
        assert_eq!(system.shutdown(Duration::ZERO).await.expect("told"), expected);
        let late = system.publish(event(202), OnFull::Wait).await;
        assert!(matches!(late, Err(SystemError::Closed)));
        let late = system.register(ServiceSpec::new("late"), Recorder::default()).await;
        assert!(matches!(late, Err(SystemError::Closed)));
        system.quiesce().await.expect("quiet");
    }
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_waits_is_freed_by_shutdown() {
    for make in BOTH {
        let system = Arc::new(make(plan(&[&[0]]), 1));
        add(&system, "stuck", Recorder::behind(&Arc::new(Semaphore::new(0)))).await;
        let publisher = system.clone();
        let batch = events(1..=4);
        let waiting = tokio::spawn(async move { publisher.publish_batch(&batch, OnFull::Wait).await });
        let_workers_run().await;
        let last = system.shutdown(Duration::from_secs(1)).await.expect("told");
        let told = waiting.await.expect("no panic").expect("open when it began");
        assert_eq!(told, [accepted(1), accepted(1), accepted(0), accepted(0)]);
        assert_eq!(last, Ledger { accepted: 2, abandoned: 2, ..Ledger::default() });
    }
}

/// Kernels run without the time driver: a shutdown at rest must not ask for it.
#[test]
fn at_rest_nothing_needs_a_timer_and_nothing_is_held() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("needs nothing");
    for make in BOTH {
        runtime.block_on(async {
            let system = make(plan(&[&[0, 1]]), 100);
            recorders(&system, 2).await;
            let batch = events(1..=90);
            let single = event(91);
            let held: Vec<Weak<Event>> = batch.iter().chain([&single]).map(Arc::downgrade).collect();
            system.publish_batch(&batch, OnFull::Wait).await.expect("open");
            system.publish(single, OnFull::Wait).await.expect("open");
            drop(batch);
            system.quiesce().await.expect("quiet");
            assert_eq!(held.iter().filter(|event| event.strong_count() > 0).count(), 0);
            system.shutdown(Duration::ZERO).await.expect("told");
            assert_eq!(ledger(&system).await.acknowledged, 2 * 91);
        });
    }
}

struct Panicking;

impl Handler for Panicking {
    async fn handle(&self, _: Batch<'_>) -> BatchOutcome {
        panic!("on purpose");
    }
}

#[tokio::test]
async fn a_handler_that_panics_leaves_the_ledger_balanced_and_the_others_alone() {
    for make in BOTH {
        let system = make(plan(&[&[0, 1]]), 10);
        add(&system, "panicking", Panicking).await;
        let other = Recorder::default();
        add(&system, "other", other.clone()).await;
        system.publish(event(1), OnFull::Wait).await.expect("open");
        system.quiesce().await.expect("quiet");
        assert_eq!(system.publish(event(2), OnFull::Wait).await.expect("open"), accepted(1));
        system.quiesce().await.expect("quiet");
        assert_eq!(other.ids(), [1, 2]);
        let expected = Ledger { accepted: 3, acknowledged: 2, abandoned: 1, ..Ledger::default() };
        assert_eq!(ledger(&system).await, expected);
    }
}

#[tokio::test]
async fn a_publisher_that_waits_is_freed_when_the_service_leaves() {
    for make in BOTH {
        let system = Arc::new(make(plan(&[&[0]]), 1));
        let gate = Arc::new(Semaphore::new(0));
        let leaving = Recorder::behind(&gate);
        add(&system, "leaving", leaving.clone()).await;
        let publisher = system.clone();
        let batch = events(1..=3);
        let waiting = tokio::spawn(async move { publisher.publish_batch(&batch, OnFull::Wait).await });
        let_workers_run().await;
        system.unregister(&"leaving".into()).await.expect("known");
        let told = waiting.await.expect("no panic").expect("open");
        assert_eq!(told, [accepted(1), accepted(1), accepted(0)]);
        gate.add_permits(2);
        system.quiesce().await.expect("quiet");
        assert_eq!(leaving.ids(), [1, 2]);
    }
}

/// Works for a while, then passes its event on.
struct Slow(Weak<Reference>);

impl Handler for Slow {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        let_workers_run().await;
        let system = self.0.upgrade().expect("the test holds it");
        for event in batch.iter().filter(|event| event.id.0 < 10) {
            let next = Event { id: EventId(event.id.0 + 1), ..event.clone() };
            system.publish(Arc::new(next), OnFull::Wait).await.expect("open");
        }
        BatchOutcome::Acknowledged
    }
}

/// The service that is looked at last publishes to the one that was looked at first.
#[tokio::test]
async fn quiet_covers_what_comes_back_to_a_service_that_was_idle() {
    for make in BOTH {
        let system = Arc::new(make(plan(&[&[1], &[0]]), 10));
        for name in ["first", "last"] {
            add(&system, name, Slow(Arc::downgrade(&system))).await;
        }
        system.publish(event(1), OnFull::Wait).await.expect("open");
        system.quiesce().await.expect("quiet");
        assert_eq!(ledger(&system).await, Ledger { accepted: 10, acknowledged: 10, ..Ledger::default() });
    }
}
