use std::sync::Arc;

use super::fault::{Verdict, same};
use super::stage::{Stage, refused, service};
use super::{Capability, Case, Fault};
use crate::event::{Event, EventId, Priority};
use crate::routing::{EventSystem, Filter, InvalidFilter, InvalidRule, OnFull, Rule, SystemError};

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "rules change at once",
            promise: "A rule counts for every event published after it was added, for none after its removal.",
            needs: &[Capability::Rules],
            check: |stage| Box::pin(change_at_once(stage)),
        },
        Case {
            name: "changes disturb nobody",
            promise: "While rules come and go, events that they do not concern are routed as ever.",
            needs: &[Capability::Rules],
            check: |stage| Box::pin(disturb_nobody(stage)),
        },
        Case {
            name: "bad rules",
            promise: "A rule that exists already, leads nowhere or is malformed is refused and changes nothing.",
            needs: &[Capability::Rules],
            check: |stage| Box::pin(bad_rules(stage)),
        },
    ]
}

/// Nothing waits for quiet between a change and the next event.
async fn change_at_once<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a", "b", "c"]).await?;
    let rules = [
        Rule::new("a", Filter::everything(), [service("a")]),
        Rule { priority: 7, ..Rule::new("b", Filter::MinPriority(Priority::High), [service("b")]) },
        Rule { priority: 3, last: true, ..Rule::new("c", Filter::Source("sync".into()), [service("c")]) },
    ];
    for round in 0..60_usize {
        for (number, rule) in rules.iter().enumerate() {
            // Each rule half as often as the one before, so that all combinations occur.
            let period = 4 << number;
            if round % period == period / 4 {
                stage.rule(rule.clone()).await?;
            } else if round % period == 3 * period / 4 {
                stage.drop_rule(&rule.id).await?;
            }
        }
        let batch = (0..5).map(|_| stage.event()).collect();
        stage.publish_batch(batch).await?;
        let single = stage.event();
        stage.publish(single).await?;
    }
    stage.settled().await
}

/// Ids of the background, apart from those of the stage.
const BACKGROUND: u128 = 1 << 64;

async fn disturb_nobody<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a", "b"]).await?;
    stage.by_source(&["a", "b"]).await?;
    let events: Vec<Event> =
        (1..=500).map(|n| Event { id: EventId(BACKGROUND + n), ..stage.event_from("a") }).collect();
    for event in &events {
        let told = stage.foretell(event).map(|told| told.receivers.len());
        same("the oracle's deliveries", Ok(1), told)?;
    }
    let system = stage.system.clone();
    let background = tokio::spawn(async move {
        for event in events {
            system.publish(Arc::new(event), OnFull::Wait).await?;
            tokio::task::yield_now().await;
        }
        Ok::<(), SystemError>(())
    });
    for _ in 0..100 {
        let rule =
            Rule { priority: 1, last: true, ..Rule::new("x", Filter::Source("b".into()), [service("a")]) };
        stage.rule(rule).await?;
        tokio::task::yield_now().await;
        let event = stage.event_from("b");
        stage.publish(event).await?;
        stage.drop_rule("x").await?;
    }
    background.await.map_err(|panic| Fault::new(panic.to_string()))??;
    stage.settled().await
}

fn deep() -> Filter {
    (0..Filter::MAX_DEPTH).fold(Filter::everything(), |inner, _| Filter::Not(Box::new(inner)))
}

async fn bad_rules<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a", "b"]).await?;
    stage.everything_to(&["a"]).await?;
    let everything = Filter::everything;
    let system = &stage.system;

    let again = system.add_rule(Rule::new("everything", everything(), [service("b")])).await;
    refused(
        "a rule whose id is taken",
        "Exists",
        &again,
        |error| matches!(error, SystemError::Exists { what: "rule", name } if name.as_str() == "everything"),
    )?;
    let nowhere = system.add_rule(Rule::new("1", everything(), [service("b"), service("x")])).await;
    refused(
        "a rule with an unknown target",
        "UnknownTarget",
        &nowhere,
        |error| matches!(error, SystemError::Rule(InvalidRule::UnknownTarget { target, .. }) if *target == service("x")),
    )?;
    let empty = system.add_rule(Rule::new("2", everything(), [])).await;
    refused("a rule without targets", "NoTargets", &empty, |error| {
        matches!(error, SystemError::Rule(InvalidRule::NoTargets { .. }))
    })?;
    let nameless = system.add_rule(Rule::new("", everything(), [service("b")])).await;
    refused("a rule without id", "Invalid", &nameless, |error| {
        matches!(error, SystemError::Rule(InvalidRule::Invalid { .. }))
    })?;
    let too_deep = system.add_rule(Rule::new("3", deep(), [service("b")])).await;
    refused("a filter nested too deep", "TooDeep", &too_deep, |error| {
        matches!(error, SystemError::Rule(InvalidRule::Filter { source: InvalidFilter::TooDeep, .. }))
    })?;
    let unknown = system.remove_rule(&"1".into()).await;
    refused(
        "removing a rule that is not there",
        "Unknown",
        &unknown,
        |error| matches!(error, SystemError::Unknown { what: "rule", name } if name.as_str() == "1"),
    )?;

    same("rules in force", 1, system.statistics().await?.rules)?;
    let event = stage.event();
    stage.publish(event).await?;
    stage.settled().await
}
