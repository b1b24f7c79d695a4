use std::sync::Arc;

use super::fault::{Verdict, same};
use super::schedules::LATER;
use super::stage::{Stage, group, refused, round_robin, service};
use super::{Capability, Case};
use crate::event::{Event, EventId, EventKind, Limits, Payload, Target, Timestamp};
use crate::routing::{EventSystem, GroupSpec, LetterId, OnFull, Publication, Refusal, Strategy, SystemError};

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "malformed events",
            promise: "A malformed or oversized event is refused with what is wrong and where.",
            needs: &[],
            check: |stage| Box::pin(malformed(stage)),
        },
        Case {
            name: "unknown targets",
            promise: "An explicit target that is not known refuses the event, for its known targets too.",
            needs: &[Capability::ExplicitTargets],
            check: |stage| Box::pin(unknown_targets(stage)),
        },
        Case {
            name: "scheduled events",
            promise: "An event for later waits, or is refused by a system that cannot deliver later.",
            needs: &[],
            check: |stage| Box::pin(scheduled(stage)),
        },
        Case {
            name: "says what it lacks",
            promise: "What is not offered is refused as not offered, never ignored.",
            needs: &[],
            check: |stage| Box::pin(lacking(stage)),
        },
    ]
}

type Change = fn(&mut Event);

/// One fault each, so that every system finds the same one.
const FAULTS: [Change; 14] = [
    |event| event.id = EventId::NIL,
    |event| event.source = "".into(),
    |event| event.source = "s".repeat(256).into(),
    |event| event.kind = EventKind::Custom("".into()),
    |event| event.kind = EventKind::Custom("system.metrics".into()),
    |event| event.payload = Payload::Binary(vec![0; Limits::default().payload_bytes + 1].into()),
    |event| event.targets = vec![service("a"); 1025].into(),
    |event| event.targets = [service("")].into(),
    |event| event.metadata = Some(Arc::new((0..65).map(|n| (n.to_string(), String::new())).collect())),
    |event| event.metadata = Some(Arc::new([(String::new(), "x".to_owned())].into())),
    |event| event.metadata = Some(Arc::new([("k".to_owned(), "x".repeat(64 * 1024))].into())),
    |event| event.scheduled_at = Some(Timestamp(0)),
    |event| (event.retry_count, event.retry_limit) = (2, 1),
    |event| event.correlation_id = Some(EventId::NIL),
];

async fn malformed<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a"]).await?;
    if stage.offers(Capability::Rules) {
        stage.everything_to(&["a"]).await?;
    }
    for fault in FAULTS {
        let mut event = stage.event();
        fault(&mut event);
        stage.publish(event.clone()).await?;
        stage.publish_batch(vec![event]).await?;
    }
    let largest = Payload::Binary(vec![0; Limits::default().payload_bytes].into());
    let sound = Event { payload: largest, ..stage.event() };
    stage.publish(sound).await?;
    stage.settled().await?;
    let refused = stage.system.statistics().await?.refused_events;
    same("refused events in the statistics", 2 * FAULTS.len() as u64, refused)
}

async fn unknown_targets<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a", "b"]).await?;
    stage.dismiss("b").await?;
    let cases: [Vec<Target>; 4] = [
        vec![service("x")],
        vec![service("a"), service("x")],
        vec![service("b")],
        vec![service("a"), service("a ")],
    ];
    for targets in cases {
        let event = Event { targets: targets.into(), ..stage.event() };
        stage.publish(event).await?;
    }
    if stage.offers(Capability::Groups) {
        let event = Event { targets: [group("a")].into(), ..stage.event() };
        stage.publish(event).await?;
    }
    stage.settled().await
}

async fn scheduled<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a"]).await?;
    if stage.offers(Capability::Rules) {
        stage.everything_to(&["a"]).await?;
    }
    // A past moment is one, too.
    let moments = [Timestamp(u64::MAX), Timestamp(1), stage.moment(LATER)];
    for moment in moments {
        let event = stage.event_at(moment);
        if stage.offers(Capability::Scheduling) {
            stage.publish(event).await?;
        } else {
            let publication = stage.system.publish(Arc::new(event), OnFull::Wait).await?;
            same("publication", Publication::refused(Refusal::Scheduled), publication)?;
        }
    }
    if stage.offers(Capability::Scheduling) && stage.offers(Capability::Rules) {
        same("waiting in the ledger", 2, stage.system.ledger().await?.waiting)?;
    }
    let counted = stage.system.statistics().await?;
    let refused = if stage.offers(Capability::Scheduling) { 0 } else { moments.len() as u64 };
    same("accepted and refused in the statistics", (3 - refused, refused), {
        (counted.accepted_events, counted.refused_events)
    })
}

async fn lacking<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a"]).await?;
    if !stage.offers(Capability::Groups) {
        let shape = "NotOffered(groups)";
        let fits = |error: &SystemError| matches!(error, SystemError::NotOffered(Capability::Groups));
        let defined = stage.system.define_group(round_robin("g", &["a"])).await;
        refused("defining a group", shape, &defined, fits)?;
        let removed = stage.system.remove_group(&"g".into()).await;
        refused("removing a group", shape, &removed, fits)?;
    }
    if stage.offers(Capability::Groups) && !stage.offers(Capability::Balancing) {
        lacks_balancing(&stage).await?;
    }
    if !stage.offers(Capability::DeadLetters) {
        lacks_dead_letters(&stage).await?;
    }
    if !stage.offers(Capability::ExplicitTargets) {
        let event = Event { targets: [service("a")].into(), ..stage.event() };
        let publication = stage.system.publish(Arc::new(event), OnFull::Wait).await?;
        let expected = Publication::refused(Refusal::NotOffered(Capability::ExplicitTargets));
        same("publication of an event with explicit targets", expected, publication)?;
    }
    if !stage.offers(Capability::Rules) {
        let event = stage.event();
        let fits = |error: &SystemError| matches!(error, SystemError::NotOffered(Capability::Rules));
        refused("a preview", "NotOffered(rules)", &stage.system.preview(&event).await, fits)?;
    }
    stage.settled().await
}

async fn lacks_balancing<S: EventSystem>(stage: &Stage<S>) -> Verdict {
    use Strategy::{HealthBased, LeastConnections, PriorityBased, WeightedRandom};
    let fits = |error: &SystemError| matches!(error, SystemError::NotOffered(Capability::Balancing));
    for strategy in [LeastConnections, WeightedRandom { seed: 1 }, HealthBased, PriorityBased] {
        let answer = stage.system.define_group(GroupSpec::new("g", strategy, ["a"])).await;
        refused(strategy.as_str(), "NotOffered(balancing)", &answer, fits)?;
    }
    Ok(())
}

async fn lacks_dead_letters<S: EventSystem>(stage: &Stage<S>) -> Verdict {
    let shape = "NotOffered(dead letters)";
    let fits = |error: &SystemError| matches!(error, SystemError::NotOffered(Capability::DeadLetters));
    refused("listing dead letters", shape, &stage.system.dead_letters().await, fits)?;
    refused("a replay", shape, &stage.system.replay(LetterId(0), OnFull::Wait).await, fits)?;
    refused("a purge", shape, &stage.system.purge(LetterId(0)).await, fits)
}
