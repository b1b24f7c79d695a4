use std::sync::{Arc, Weak};

use super::fault::{Fault, Verdict, ensure, same};
use super::stage::Stage;
use super::witness::{Gate, Gated, Journal};
use super::{Capability, Case};
use crate::event::{Event, EventId, Priority};
use crate::routing::{Batch, BatchOutcome, EventSystem, Handler, OnFull};

const NEEDS: &[Capability] = &[Capability::Rules, Capability::Priorities];

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "the urgent overtake",
            promise: "Where events wait, Critical goes before High, Normal and Low.",
            needs: NEEDS,
            check: |stage| Box::pin(overtake(stage)),
        },
        Case {
            name: "nobody starves",
            promise: "A Low event is served within 10,000 deliveries, however many Critical ones press.",
            needs: NEEDS,
            check: |stage| Box::pin(nobody_starves(stage)),
        },
    ]
}

/// A service that is busy, so that whatever follows waits.
async fn busy<S: EventSystem, H: Handler>(stage: &mut Stage<S>, gate: &Gate, handler: H) -> Verdict {
    stage.serve("a", Gated(gate.clone(), handler)).await?;
    stage.everything_to(&["a"]).await?;
    let first = Event { priority: Priority::Normal, ..stage.event() };
    stage.publish(first).await?;
    gate.approached(1).await;
    Ok(())
}

async fn overtake<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let (gate, journal) = (Gate::default(), stage.journal("a"));
    busy(&mut stage, &gate, journal.clone()).await?;
    // Few enough for any queue; the urgent last.
    let mut waiting = Vec::new();
    for priority in [Priority::Low, Priority::Low, Priority::Normal, Priority::High, Priority::Critical] {
        let event = Event { priority, ..stage.event() };
        waiting.push((priority, event.id));
        stage.publish(event).await?;
    }
    gate.open();
    stage.settled().await?;
    waiting.sort_unstable();
    let in_order: Vec<EventId> = waiting.into_iter().map(|(_, id)| id).collect();
    same("order of service", in_order, journal.ids().split_off(1))
}

/// The most deliveries that a Low event may wait for: generous to any policy (strict lanes with an
/// exception, weights, ageing), and a bound all the same.
const PATIENCE: usize = 10_000;
/// Critical events that are under way at any time.
const CROWD: usize = 8;

/// Publishes a Critical event to itself for every one that it gets, until a Low one was served or
/// the flood has lasted for twice the patience.
struct Flood<S> {
    system: Weak<S>,
    journal: Journal,
}

impl<S: EventSystem> Handler for Flood<S> {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        let outcome = self.journal.handle(batch).await;
        let over = self.journal.ids().len() > 2 * PATIENCE;
        let Some(system) = self.system.upgrade().filter(|_| !over) else {
            return outcome;
        };
        for event in batch.iter().filter(|event| event.priority == Priority::Critical) {
            let id = EventId(event.id.0 + (1 << 64));
            let next = Arc::new(Event { id, ..event.clone() });
            // A flood that its own queue turns away ends: seen by the check of its length.
            let _ = system.publish(next, OnFull::Refuse).await;
        }
        outcome
    }
}

async fn nobody_starves<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let (gate, journal) = (Gate::default(), Journal::default());
    let flood = Flood { system: Arc::downgrade(&stage.system), journal: journal.clone() };
    busy(&mut stage, &gate, flood).await?;
    let low = Event { priority: Priority::Low, ..stage.event() };
    let id = low.id;
    for _ in 0..CROWD {
        let event = Event { priority: Priority::Critical, ..stage.event() };
        stage.publish(event).await?;
    }
    stage.publish(low).await?;
    gate.open();
    stage.system.quiesce().await?;
    let served = journal.ids();
    ensure(served.len() > 2 * PATIENCE, "the flood lasts, with room for eight events in the queue")?;
    let waited = served.iter().position(|&served| served == id);
    let waited = waited.ok_or_else(|| Fault::new("the Low event was never served"))?;
    ensure(waited <= PATIENCE, format_args!("Low waits for {PATIENCE} deliveries at most (it was {waited})"))
}
