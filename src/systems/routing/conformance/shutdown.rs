use std::sync::Arc;
use std::time::Duration;

use super::fault::{Fault, Verdict, same};
use super::stage::{Stage, refused};
use super::witness::{Gate, Gated, Journal};
use super::{Capability, Case, LIMIT};
use crate::event::Event;
use crate::routing::{EventSystem, Ledger, OnFull, ServiceSpec, SystemError};

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "shutdown drains",
            promise: "A shutdown serves all that was accepted before, and tells the final ledger each time.",
            needs: &[Capability::Rules],
            check: |stage| Box::pin(drains(stage)),
        },
        Case {
            name: "closed is closed",
            promise: "After a shutdown, publishing and registering say that the system is closed.",
            needs: &[],
            check: |stage| Box::pin(closed(stage)),
        },
        Case {
            name: "shutdown has a deadline",
            promise: "What is not done after the grace is given up, counted as abandoned, for good.",
            needs: &[Capability::Rules],
            check: |stage| Box::pin(deadline(stage)),
        },
    ]
}

const EVENTS: u64 = 10;

/// [`EVENTS`] for a service that is held at the gate.
async fn furnish<S: EventSystem>(stage: &mut Stage<S>, gate: &Gate) -> Verdict {
    let journal = stage.journal("a");
    stage.serve("a", Gated(gate.clone(), journal)).await?;
    stage.everything_to(&["a"]).await?;
    let events: Vec<Event> = (0..EVENTS).map(|_| stage.event()).collect();
    stage.publish_batch(events).await?;
    gate.approached(1).await;
    Ok(())
}

async fn drains<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let gate = Gate::default();
    furnish(&mut stage, &gate).await?;
    let system = stage.system.clone();
    // As patient as the case: the drain has to end because all is done.
    let draining = tokio::spawn(async move { system.shutdown(LIMIT).await });
    tokio::task::yield_now().await;
    gate.open();
    let ledger = draining.await.map_err(|panic| Fault::new(panic.to_string()))??;
    let expected = Ledger { accepted: EVENTS, acknowledged: EVENTS, ..Ledger::default() };
    same("final ledger", expected, ledger)?;
    same("final ledger, told again", expected, stage.system.shutdown(LIMIT).await?)?;
    same("ledger after the shutdown", expected, stage.system.ledger().await?)?;
    same("deliveries", stage.deliveries(), stage.journal("a").ids().len() as u64)
}

async fn closed<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a"]).await?;
    let ledger = stage.system.shutdown(LIMIT).await?;
    same("final ledger", Ledger::default(), ledger)?;
    let is_closed = |error: &SystemError| matches!(error, SystemError::Closed);
    let event = Arc::new(stage.event());
    let system = &stage.system;
    let published = system.publish(event.clone(), OnFull::Wait).await;
    refused("publishing", "Closed", &published, is_closed)?;
    let batch = system.publish_batch(&[event], OnFull::Refuse).await;
    refused("publishing a batch", "Closed", &batch, is_closed)?;
    let registered = system.register(ServiceSpec::new("b"), Journal::default()).await;
    refused("registering", "Closed", &registered, is_closed)?;
    stage.system.quiesce().await?;
    Ok(())
}

async fn deadline<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let gate = Gate::default();
    furnish(&mut stage, &gate).await?;
    let ledger = stage.system.shutdown(Duration::from_millis(20)).await?;
    let expected = Ledger { accepted: EVENTS, abandoned: EVENTS, ..Ledger::default() };
    same("final ledger", expected, ledger)?;
    gate.open();
    for _ in 0..100 {
        tokio::task::yield_now().await; // whoever still wants to handle events now has its chance
    }
    same("final ledger, later", expected, stage.system.shutdown(LIMIT).await?)
}
