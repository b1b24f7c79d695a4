use super::fault::{Verdict, same};
use super::stage::{Stage, refused, service};
use super::witness::{Gate, Gated, Journal};
use super::{Capability, Case};
use crate::event::Event;
use crate::routing::{EventSystem, ServiceSpec, SystemError};

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "bad registrations",
            promise: "A name that is taken, empty, too long or unknown is refused and changes nothing.",
            needs: &[],
            check: |stage| Box::pin(bad_registrations(stage)),
        },
        Case {
            name: "a service leaves",
            promise: "A service that left gets nothing new, but all that was accepted for it before.",
            needs: &[Capability::Rules],
            check: |stage| Box::pin(leaves(stage)),
        },
        Case {
            name: "a service returns",
            promise: "Rules that outlived their service count again for whoever registers under its name.",
            needs: &[Capability::Rules],
            check: |stage| Box::pin(returns(stage)),
        },
    ]
}

async fn bad_registrations<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a"]).await?;
    let system = &stage.system;
    let again = system.register(ServiceSpec::new("a"), Journal::default()).await;
    refused(
        "a name that is taken",
        "Exists",
        &again,
        |error| matches!(error, SystemError::Exists { what: "service", name } if name.as_str() == "a"),
    )?;
    for (what, name) in [("an empty name", String::new()), ("a name of 256 bytes", "n".repeat(256))] {
        let answer = system.register(ServiceSpec::new(name), Journal::default()).await;
        refused(what, "Name", &answer, |error| matches!(error, SystemError::Name(_)))?;
    }
    let unknown = system.unregister(&"x".into()).await;
    refused(
        "a service that is not there",
        "Unknown",
        &unknown,
        |error| matches!(error, SystemError::Unknown { what: "service", name } if name.as_str() == "x"),
    )?;
    let services = system.statistics().await?.services;
    let names: Vec<_> = services.iter().map(|service| service.name.as_str()).collect();
    same("registered services", vec!["a"], names)
}

async fn leaves<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a"]).await?;
    let (gate, journal) = (Gate::default(), stage.journal("slow"));
    stage.serve("slow", Gated(gate.clone(), journal.clone())).await?;
    stage.everything_to(&["a", "slow"]).await?;
    let before: Vec<Event> = (0..5).map(|_| stage.event()).collect();
    stage.publish_batch(before).await?;
    gate.approached(1).await;
    stage.dismiss("slow").await?;
    for _ in 0..5 {
        let after = stage.event();
        stage.publish(after).await?;
    }
    gate.open();
    stage.settled().await?;
    same("events of the service that left", 5, journal.ids().len())
}

async fn returns<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let gate = Gate::default();
    let old = Journal::default();
    stage.services(&["a"]).await?;
    stage.serve("b", Gated(gate.clone(), old.clone())).await?;
    stage.everything_to(&["a", "b"]).await?;
    let first = stage.event();
    stage.publish(first.clone()).await?;
    gate.approached(1).await;
    let second = stage.event();
    stage.publish(second.clone()).await?;
    stage.dismiss("b").await?;
    let missed = stage.event();
    stage.publish(missed).await?;

    let new = Journal::default();
    stage.serve("b", new.clone()).await?;
    let third = stage.event();
    stage.publish(third.clone()).await?;
    gate.open();
    stage.settled().await?;
    let mut ids = old.ids();
    ids.sort_unstable();
    same("events of the old handler", vec![first.id, second.id], ids)?;
    same("events of the new handler", vec![third.id], new.ids())?;
    let answer = stage.system.preview(&third).await?;
    same("preview after the return", vec![service("a"), service("b")], answer)
}
