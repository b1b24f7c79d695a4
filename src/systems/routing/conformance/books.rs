use super::fault::{Verdict, same};
use super::stage::Stage;
use super::{Capability, Case};
use crate::event::Event;
use crate::routing::{EventSystem, ServiceStatistics, Statistics};

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "statistics",
            promise: "Statistics say what was published, refused and handled, service by service.",
            needs: &[Capability::Rules],
            check: |stage| Box::pin(statistics(stage)),
        },
        Case {
            name: "a fresh system",
            promise: "A system that did nothing is quiet and counts nothing.",
            needs: &[],
            check: |stage| Box::pin(fresh(stage)),
        },
    ]
}

async fn statistics<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["b", "c", "a"]).await?;
    stage.by_source(&["a", "b"]).await?;
    for (source, count) in [("a", 7), ("b", 4), ("nobody", 3)] {
        for _ in 0..count {
            let event = stage.event_from(source);
            stage.publish(event).await?;
        }
    }
    for _ in 0..2 {
        let malformed = Event { source: "".into(), ..stage.event() };
        stage.publish(malformed).await?;
    }
    stage.settled().await?;
    let service =
        |name: &str, acknowledged| ServiceStatistics { acknowledged, ..ServiceStatistics::new(name) };
    let expected = Statistics {
        accepted_events: 14,
        unmatched_events: 3,
        refused_events: 2,
        rules: 2,
        services: vec![service("a", 7), service("b", 4), service("c", 0)],
        ..Statistics::default()
    };
    // A system that remembers ids may remember these.
    let counted = Statistics { remembered_ids: 0, ..stage.system.statistics().await? };
    same("statistics", expected, counted)
}

async fn fresh<S: EventSystem>(stage: Stage<S>) -> Verdict {
    stage.settled().await?;
    let counted = stage.system.statistics().await?;
    same("events counted", (0, 0), (counted.accepted_events, counted.refused_events))
}
