use std::sync::{Arc, Weak};

use super::fault::{Verdict, same};
use super::stage::Stage;
use super::witness::{Gate, Gated, Journal};
use super::{Capability, Case};
use crate::event::{Event, EventId};
use crate::routing::{Batch, BatchOutcome, EventSystem, Handler, OnFull, Publication};

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "quiet means all",
            promise: "Waiting for quiet covers what handlers publish meanwhile.",
            needs: &[Capability::Rules],
            check: |stage| Box::pin(quiet_means_all(stage)),
        },
        Case {
            name: "a full cycle",
            promise: "Services that publish to each other into full queues do not wait for each other for ever.",
            needs: &[Capability::Rules, Capability::BackPressure],
            check: |stage| Box::pin(a_full_cycle(stage)),
        },
    ]
}

/// For every event that it gets, a service that publishes one to the next, until the event's hops
/// (its retry limit, which is free for that) are used up.
struct Relay<S> {
    system: Weak<S>,
    next: &'static str,
    journal: Journal,
    turned_away: Arc<std::sync::atomic::AtomicU64>,
}

impl<S: EventSystem> Relay<S> {
    fn passed_on(&self, event: &Event) -> Option<Arc<Event>> {
        let hops = event.retry_limit.checked_sub(1)?;
        // The upper half of an id counts hops, so that every event keeps an id of its own.
        let id = EventId(event.id.0 + (1 << 64));
        let passed_on = Event { id, retry_limit: hops, source: self.next.into(), ..event.clone() };
        Some(Arc::new(passed_on))
    }
}

impl<S: EventSystem> Handler for Relay<S> {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        for event in batch.iter() {
            let (Some(system), Some(event)) = (self.system.upgrade(), self.passed_on(event)) else {
                continue;
            };
            if let Ok(Publication::BackPressure { full, .. }) = system.publish(event, OnFull::Wait).await {
                let turned_away = u64::from(full);
                self.turned_away.fetch_add(turned_away, std::sync::atomic::Ordering::Relaxed);
            }
        }
        self.journal.handle(batch).await
    }
}

fn relay<S: EventSystem>(stage: &Stage<S>, next: &'static str) -> Relay<S> {
    Relay {
        system: Arc::downgrade(&stage.system),
        next,
        journal: Journal::default(),
        turned_away: Arc::default(),
    }
}

async fn quiet_means_all<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    const HOPS: u16 = 50;
    const EVENTS: usize = 4;
    let to_b = relay(&stage, "b");
    let to_a = relay(&stage, "a");
    let journals = [to_b.journal.clone(), to_a.journal.clone()];
    stage.serve("a", to_b).await?;
    stage.serve("b", to_a).await?;
    stage.by_source(&["a", "b"]).await?;
    for _ in 0..EVENTS {
        let event = Event { retry_limit: HOPS, ..stage.event_from("a") };
        stage.publish(event).await?;
    }
    stage.system.quiesce().await?;
    let deliveries: usize = journals.iter().map(|journal| journal.ids().len()).sum();
    same("deliveries at quiet", EVENTS * (usize::from(HOPS) + 1), deliveries)?;
    let ledger = stage.system.ledger().await?;
    ledger.check()?;
    same("acknowledged in the ledger", deliveries as u64, ledger.acknowledged)
}

/// Both queues are full when both handlers begin to publish, so each would wait for the other.
async fn a_full_cycle<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let gate = Gate::default();
    let (to_b, to_a) = (relay(&stage, "b"), relay(&stage, "a"));
    let turned_away = [to_b.turned_away.clone(), to_a.turned_away.clone()];
    let journals = [to_b.journal.clone(), to_a.journal.clone()];
    stage.serve("a", Gated(gate.clone(), to_b)).await?;
    stage.serve("b", Gated(gate.clone(), to_a)).await?;
    stage.by_source(&["a", "b"]).await?;
    let mut accepted = 0;
    for (batches, name) in [(1, "a"), (2, "b")] {
        let first = Event { retry_limit: 3, ..stage.event_from(name) };
        accepted += u64::from(stage.try_publish(first).await?.is_none());
        gate.approached(batches).await;
        accepted += stage.fill(name, 3).await?;
    }
    gate.open();
    stage.system.quiesce().await?;
    let handled: usize = journals.iter().map(|journal| journal.ids().len()).sum();
    let ledger = stage.system.ledger().await?;
    ledger.check()?;
    same("acknowledged in the ledger", handled as u64, ledger.acknowledged)?;
    let lost: u64 = turned_away.iter().map(|count| count.load(std::sync::atomic::Ordering::Relaxed)).sum();
    let statistics = stage.system.statistics().await?;
    let at_the_fill = 2; // one refusal told each time that the queue was full
    same("deliveries turned away", lost + at_the_fill, statistics.turned_away)?;
    super::fault::ensure(accepted <= ledger.accepted, "what the fill was told is in the ledger")
}
