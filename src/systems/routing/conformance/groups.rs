use std::sync::Arc;

use super::fault::{Verdict, same};
use super::stage::{Stage, assorted, group, refused, round_robin, service};
use super::{Capability, Case, Fault};
use crate::event::Event;
use crate::routing::{EventSystem, Filter, OnFull, Rule, SystemError};

const NEEDS: &[Capability] = &[Capability::Rules, Capability::Groups];

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "round robin",
            promise: "The n-th event of a group goes to member n mod m of those that are registered.",
            needs: NEEDS,
            check: |stage| Box::pin(round_robin_order(stage)),
        },
        Case {
            name: "nobody in the group",
            promise: "Without registered members an event of a group is accepted and counts for no round.",
            needs: NEEDS,
            check: |stage| Box::pin(nobody(stage)),
        },
        Case {
            name: "group and member",
            promise: "A service named beside its own group gets an event once.",
            needs: NEEDS,
            check: |stage| Box::pin(group_and_member(stage)),
        },
        Case {
            name: "a group ends",
            promise: "Rules that outlive their group lead nowhere, until it is defined anew.",
            needs: NEEDS,
            check: |stage| Box::pin(ends(stage)),
        },
        Case {
            name: "rounds are exact",
            promise: "With publishers at the same time, members' shares of a group differ by one at most.",
            needs: NEEDS,
            check: |stage| Box::pin(rounds_are_exact(stage)),
        },
        Case {
            name: "bad groups",
            promise: "A group that exists, is empty, names a member twice or an unknown one is refused.",
            needs: NEEDS,
            check: |stage| Box::pin(bad_groups(stage)),
        },
    ]
}

async fn furnish<S: EventSystem>(stage: &mut Stage<S>) -> Verdict {
    stage.services(&["a", "b", "c"]).await?;
    stage.group("g", &["c", "a", "b"]).await?;
    stage.rule(Rule::new("g", Filter::everything(), [group("g")])).await
}

async fn publish<S: EventSystem>(stage: &mut Stage<S>, count: usize) -> Verdict {
    for _ in 0..count {
        let event = stage.event();
        stage.publish(event).await?;
    }
    Ok(())
}

async fn round_robin_order<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    furnish(&mut stage).await?;
    publish(&mut stage, 4).await?;
    let batch = (0..5).map(|_| stage.event()).collect();
    stage.publish_batch(batch).await?;
    let event = stage.event();
    let told = stage.system.preview(&event).await?;
    same("preview", vec![group("g")], told)?;
    stage.publish(event).await?;
    stage.dismiss("a").await?;
    publish(&mut stage, 4).await?;
    let journal = stage.journal("a");
    stage.serve("a", journal).await?;
    publish(&mut stage, 7).await?;
    stage.settled().await
}

async fn nobody<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    furnish(&mut stage).await?;
    publish(&mut stage, 1).await?;
    for name in ["a", "b", "c"] {
        stage.dismiss(name).await?;
    }
    publish(&mut stage, 2).await?;
    stage.services(&["a", "b", "c"]).await?;
    publish(&mut stage, 1).await?;
    stage.settled().await
}

/// When the group's turn falls on a service that gets the event anyway, the round advances still.
async fn group_and_member<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    furnish(&mut stage).await?;
    stage.rule(Rule::new("a", Filter::everything(), [service("a")])).await?;
    stage.group("h", &["a", "b"]).await?;
    stage.rule(Rule::new("h", Filter::everything(), [group("h")])).await?;
    publish(&mut stage, 12).await?;
    stage.settled().await
}

async fn ends<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    furnish(&mut stage).await?;
    publish(&mut stage, 2).await?;
    stage.drop_group("g").await?;
    publish(&mut stage, 2).await?;
    stage.group("g", &["b", "c"]).await?;
    publish(&mut stage, 3).await?;
    stage.settled().await
}

async fn rounds_are_exact<S: EventSystem>(stage: Stage<S>) -> Verdict {
    const PUBLISHERS: u128 = 4;
    const EACH: u128 = 60;
    let mut stage = stage;
    furnish(&mut stage).await?;
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let system = stage.system.clone();
            tokio::spawn(async move {
                for n in 1..=EACH {
                    let event = Arc::new(assorted(publisher * EACH + n));
                    system.publish(event, OnFull::Wait).await?;
                    tokio::task::yield_now().await;
                }
                Ok::<(), SystemError>(())
            })
        })
        .collect();
    for publisher in publishers {
        publisher.await.map_err(|panic| Fault::new(panic.to_string()))??;
    }
    stage.system.quiesce().await?;
    let shares = ["a", "b", "c"].map(|name| stage.journal(name).ids().len());
    same("members' shares", [80, 80, 80], shares)
}

async fn bad_groups<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    furnish(&mut stage).await?;
    let system = &stage.system;
    let again = system.define_group(round_robin("g", &["a"])).await;
    refused(
        "a group whose name is taken",
        "Exists",
        &again,
        |error| matches!(error, SystemError::Exists { what: "group", name } if name.as_str() == "g"),
    )?;
    for (what, members) in [("an empty group", &[][..]), ("a member twice", &["a", "b", "a"])] {
        let answer = system.define_group(round_robin("h", members)).await;
        refused(what, "Group", &answer, |error| matches!(error, SystemError::Group { .. }))?;
    }
    let nameless = system.define_group(round_robin("", &["a"])).await;
    refused("a group without name", "Name", &nameless, |error| matches!(error, SystemError::Name(_)))?;
    let unknown = system.define_group(round_robin("h", &["a", "x"])).await;
    refused(
        "an unknown member",
        "Unknown",
        &unknown,
        |error| matches!(error, SystemError::Unknown { what: "service", name } if name.as_str() == "x"),
    )?;
    let absent = system.remove_group(&"h".into()).await;
    refused(
        "removing a group that is not there",
        "Unknown",
        &absent,
        |error| matches!(error, SystemError::Unknown { what: "group", name } if name.as_str() == "h"),
    )?;
    // A service and a group may share a name.
    stage.group("a", &["b"]).await?;
    let event = stage.event();
    stage.publish(event).await?;
    if stage.offers(Capability::ExplicitTargets) {
        let event = Event { targets: [group("a"), service("a")].into(), ..stage.event() };
        stage.publish(event).await?;
    }
    stage.settled().await
}
