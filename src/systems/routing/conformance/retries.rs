use std::collections::BTreeMap;
use std::time::Duration;

use super::actor::{Act, Actor, Try};
use super::clock::{is_virtual, takes};
use super::fault::{Verdict, ensure, same};
use super::stage::Stage;
use super::{Capability, Case};
use crate::event::{Event, EventId, Priority};
use crate::routing::{EventSystem, RetryPolicy};

const NEEDS: &[Capability] = &[Capability::Rules, Capability::Retries];

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "a failure is tried again",
            promise: "A failed delivery comes again, the same but for its number of retries, until it is done.",
            needs: NEEDS,
            check: |stage| Box::pin(again(stage)),
        },
        Case {
            name: "only what failed",
            promise: "Of a batch only the events that failed are tried again.",
            needs: NEEDS,
            check: |stage| Box::pin(only_what_failed(stage)),
        },
        Case {
            name: "as often as it may",
            promise: "A delivery that always fails is tried again up to the event's limit, and given up then.",
            needs: NEEDS,
            check: |stage| Box::pin(as_often_as_it_may(stage)),
        },
        Case {
            name: "waits between tries",
            promise: "Before each retry a delivery waits as long as the terms say, no less and no more.",
            needs: NEEDS,
            check: |stage| Box::pin(waits(stage)),
        },
        Case {
            name: "a retry holds up nobody",
            promise: "While a delivery waits for its retry, its service gets other events.",
            needs: NEEDS,
            check: |stage| Box::pin(holds_up_nobody(stage)),
        },
    ]
}

async fn again<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let actor = Actor::new(|event| if event.retry_count < 2 { Act::Fail } else { Act::Acknowledge });
    stage.serve("a", actor.clone()).await?;
    stage.services(&["b"]).await?;
    stage.everything_to(&["a", "b"]).await?;
    let event = Event { retry_limit: 3, ..stage.event() };
    stage.publish(event.clone()).await?;
    let ledger = stage.quiet().await?;
    let expected: Vec<Event> = (0..3).map(|retry_count| Event { retry_count, ..event.clone() }).collect();
    same("tries", expected, actor.events())?;
    same("events of the other service", vec![event], stage.journal("b").events())?;
    same("accepted and acknowledged in the ledger", (2, 2), (ledger.accepted, ledger.acknowledged))?;
    let counted = stage.counted("a").await?;
    same("retried and acknowledged in the statistics", (2, 1), (counted.retried, counted.acknowledged))
}

async fn only_what_failed<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    const fn fails(event: &Event) -> bool {
        event.id.0.is_multiple_of(3)
    }
    let actor = Actor::new(|event| match event.retry_count {
        0 if fails(event) => Act::Fail,
        _ => Act::Acknowledge,
    });
    stage.serve("a", actor.clone()).await?;
    stage.everything_to(&["a"]).await?;
    let events: Vec<Event> =
        (0..12).map(|_| Event { priority: Priority::Normal, retry_limit: 3, ..stage.event() }).collect();
    stage.publish_batch(events.clone()).await?;
    let ledger = stage.quiet().await?;
    let mut tries: BTreeMap<EventId, Vec<u16>> = BTreeMap::new();
    for event in actor.events() {
        tries.entry(event.id).or_default().push(event.retry_count);
    }
    let expected = |event: &Event| (event.id, if fails(event) { vec![0, 1] } else { vec![0] });
    same("tries by event", events.iter().map(expected).collect(), tries)?;
    same("accepted and acknowledged in the ledger", (12, 12), (ledger.accepted, ledger.acknowledged))
}

/// Retries that were had before, and the limit; a service for each, so that no breaker counts them together.
const LIMITS: [(&str, u16, u16); 5] =
    [("none", 0, 0), ("one", 0, 1), ("three", 0, 3), ("two of three", 1, 3), ("none of three", 3, 3)];

async fn as_often_as_it_may<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let actors = LIMITS.map(|(name, ..)| (name, Actor::new(|_| Act::Fail)));
    for (name, actor) in &actors {
        stage.serve(name, actor.clone()).await?;
    }
    stage.by_source(&LIMITS.map(|(name, ..)| name)).await?;
    for (name, retry_count, retry_limit) in LIMITS {
        let event = Event { retry_count, retry_limit, ..stage.event_from(name) };
        stage.publish(event).await?;
    }
    let ledger = stage.quiet().await?;
    for ((name, had, limit), (_, actor)) in LIMITS.into_iter().zip(&actors) {
        let counts: Vec<u16> = actor.events().iter().map(|event| event.retry_count).collect();
        same(format_args!("tries of `{name}`"), (had..=limit).collect(), counts)?;
        let counted = stage.counted(name).await?;
        let given_up = counted.failed + counted.dead_lettered;
        same(
            format_args!("retried and given up of `{name}`"),
            (u64::from(limit - had), 1),
            (counted.retried, given_up),
        )?;
    }
    same("given up in the ledger", LIMITS.len() as u64, ledger.failed + ledger.dead_lettered)
}

const SERVICES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// The longest wait before the retry that follows so many failures, and the shortest.
fn wait(policy: &RetryPolicy, failures: u16) -> (Duration, Duration) {
    let doublings = u32::from(failures.saturating_sub(1)).min(31);
    let most = policy.first.saturating_mul(1 << doublings).min(policy.longest);
    (most.mul_f64(1.0 - policy.jitter), most)
}

async fn waits<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let policy = stage.term(Capability::Retries, |terms| terms.retry)?;
    let threshold = stage.system.terms().breaker.map_or(u32::MAX, |breaker| breaker.threshold);
    let actors = SERVICES.map(|_| Actor::new(|_| Act::Fail));
    for (name, actor) in SERVICES.into_iter().zip(&actors) {
        stage.serve(name, actor.clone()).await?;
    }
    stage.everything_to(&SERVICES).await?;
    let event = Event { retry_limit: 3, ..stage.event() };
    stage.publish(event).await?;
    stage.quiet().await?;
    for actor in &actors {
        let tries = actor.tries();
        same("tries", 4, tries.len())?;
        for pair in tries.windows(2) {
            let failures = pair[1].event.retry_count;
            let (least, mut most) = wait(&policy, failures);
            if u32::from(failures) >= threshold {
                most = Duration::MAX; // by then it is the breaker that holds it back
            }
            takes("the wait before a retry", least, most, gap(pair))?;
        }
    }
    let firsts: Vec<Duration> = actors.iter().map(|actor| gap(&actor.tries()[..2])).collect();
    // As whole milliseconds at least eight differ; all are the same by chance once in 8⁷ times.
    let (least, most) = wait(&policy, 1);
    let differ = most - least < Duration::from_millis(8) || firsts.iter().any(|wait| *wait != firsts[0]);
    ensure(differ, "deliveries that failed together do not come back together")
}

/// From the end of a try to the beginning of the next.
pub(super) fn gap(pair: &[Try]) -> Duration {
    let [before, after] = pair else { return Duration::ZERO };
    before.ended.map_or(Duration::ZERO, |ended| after.begun.duration_since(ended))
}

async fn holds_up_nobody<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let actor = Actor::new(|event| match (event.id.0, event.retry_count) {
        (1, 0) => Act::Fail,
        _ => Act::Acknowledge,
    });
    stage.serve("a", actor.clone()).await?;
    stage.everything_to(&["a"]).await?;
    // Its id is 1.
    let first = Event { priority: Priority::Normal, retry_limit: 1, ..stage.event() };
    stage.publish(first.clone()).await?;
    actor.reached(1).await;
    let mut expected = vec![first.id];
    for _ in 0..3 {
        let event = Event { priority: Priority::Normal, ..stage.event() };
        expected.push(event.id);
        stage.publish(event).await?;
    }
    stage.quiet().await?;
    expected.push(first.id);
    let mut got = actor.ids();
    // By the real clock the retry's moment may have come meanwhile; and a breaker may hold all back.
    if !is_virtual() || stage.system.terms().breaker.is_some_and(|breaker| breaker.threshold < 2) {
        got.sort_unstable();
        expected.sort_unstable();
    }
    same("events of the service", expected, got)
}
