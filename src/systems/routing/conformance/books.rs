use super::fault::{Verdict, ensure, same};
use super::stage::Stage;
use super::witness::Failing;
use super::{Capability, Case};
use crate::event::Event;
use crate::routing::{EventSystem, Ledger, ServiceStatistics, Statistics};

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
        Case {
            name: "terms tell what is offered",
            promise: "A system says in figures what it promises, for each capability that has figures.",
            needs: &[],
            check: |stage| Box::pin(terms_tell(stage)),
        },
        Case {
            name: "the books agree",
            promise: "What the statistics count of the services adds up to the ledger, whatever happened.",
            needs: &[Capability::Rules],
            check: |stage| Box::pin(books_agree(stage)),
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
    let counted = stage.system.statistics().await?;
    same("bytes held, where they are counted", 0, counted.held_bytes.unwrap_or(0))?;
    // A system that remembers ids may remember these.
    let counted = Statistics { remembered_ids: 0, held_bytes: None, letter_bytes: 0, ..counted };
    same("statistics", expected, counted)
}

async fn fresh<S: EventSystem>(stage: Stage<S>) -> Verdict {
    stage.settled().await?;
    let counted = stage.system.statistics().await?;
    same("events counted", (0, 0), (counted.accepted_events, counted.refused_events))
}

async fn terms_tell<S: EventSystem>(stage: Stage<S>) -> Verdict {
    let terms = stage.system.terms();
    let told = [
        (Capability::BackPressure, terms.mailbox_capacity.is_some()),
        (Capability::ConcurrencyLimit, terms.concurrent_deliveries.is_some()),
        (Capability::EventTimeouts, terms.event_timeout.is_some()),
        (Capability::HandlerTimeouts, terms.handler_timeout.is_some()),
        (Capability::Deduplication, terms.window.is_some()),
        (Capability::Retries, terms.retry.is_some()),
        (Capability::CircuitBreakers, terms.breaker.is_some()),
        (Capability::DeadLetters, terms.dead_letters.is_some()),
        (Capability::ByteBudget, terms.byte_budget.is_some()),
    ];
    for (capability, told) in told {
        ensure(told || !stage.offers(capability), format_args!("the terms tell what {capability} means"))?;
    }
    Ok(())
}

async fn books_agree<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.serve("failing", Failing(|event| event.id.0.is_multiple_of(2))).await?;
    stage.serve("recovering", Failing(|event| event.retry_count == 0)).await?;
    stage.services(&["well"]).await?;
    stage.everything_to(&["failing", "recovering", "well"]).await?;
    for _ in 0..3 {
        let batch = (0..4).map(|_| Event { retry_limit: 2, ..stage.event() }).collect();
        stage.publish_batch(batch).await?;
    }
    let ledger = stage.quiet().await?;
    same("accepted in the ledger", 36, ledger.accepted)?;
    let services = stage.system.statistics().await?.services;
    let sum = |count: fn(&ServiceStatistics) -> u64| services.iter().map(count).sum::<u64>();
    let counted = Ledger {
        accepted: 36,
        acknowledged: sum(|service| service.acknowledged),
        failed: sum(|service| service.failed),
        dead_lettered: sum(|service| service.dead_lettered),
        expired: sum(|service| service.expired),
        ..Ledger::default()
    };
    same("ledger and sums of the statistics", ledger, counted)?;
    if stage.offers(Capability::DeadLetters) {
        let kept = stage.system.statistics().await?;
        let letters = kept.dead_letters as u64 + kept.lost_letters;
        same("dead letters kept and lost", ledger.dead_lettered, letters)?;
    }
    Ok(())
}
