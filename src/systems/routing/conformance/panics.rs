use std::future::Future;

use super::actor::{Act, Actor, REASON, panic_quietly};
use super::fault::{Verdict, same};
use super::stage::Stage;
use super::{Capability, Case};
use crate::event::Event;
use crate::routing::{Batch, BatchOutcome, DeathCause, EventSystem, Handler};

const NEEDS: &[Capability] = &[Capability::Rules, Capability::PanicIsolation];

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "a panic is a failure",
            promise: "A handler that panics has failed; it gets what follows, and the other services theirs.",
            needs: NEEDS,
            check: |stage| Box::pin(is_a_failure(stage)),
        },
        Case {
            name: "panics count together",
            promise: "Panics, too, are failures in a row that open a breaker.",
            needs: &[Capability::Rules, Capability::PanicIsolation, Capability::CircuitBreakers],
            check: |stage| Box::pin(count_together(stage)),
        },
    ]
}

/// Panics before there is a future to poll.
struct Hasty;

impl Handler for Hasty {
    #[allow(clippy::manual_async_fn)] // what an async function does is in its future
    fn handle(&self, _: Batch<'_>) -> impl Future<Output = BatchOutcome> + Send {
        panic_quietly();
        #[allow(unreachable_code)] // tells the type
        std::future::ready(BatchOutcome::Acknowledged)
    }
}

async fn is_a_failure<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let actor = Actor::new(|event| match event.retry_count {
        0 if event.id.0.is_multiple_of(2) => Act::Panic,
        _ => Act::Acknowledge,
    });
    stage.serve("a", actor.clone()).await?;
    stage.serve("hasty", Hasty).await?;
    stage.services(&["b"]).await?;
    stage.everything_to(&["a", "hasty", "b"]).await?;
    let retry_limit = u16::from(stage.offers(Capability::Retries));
    for _ in 0..4 {
        let event = Event { retry_limit, ..stage.event() };
        stage.publish(event).await?;
        stage.quiet().await?;
    }
    let ledger = stage.quiet().await?;
    let panics = u64::from(retry_limit) * 4 + 4;
    let counted = [stage.counted("a").await?, stage.counted("hasty").await?, stage.counted("b").await?];
    same("panics in the statistics", [2, panics, 0], counted.each_ref().map(|service| service.panics))?;
    let acknowledged = counted.each_ref().map(|service| service.acknowledged);
    same("acknowledged in the statistics", [2 + 2 * u64::from(retry_limit), 0, 4], acknowledged)?;
    same("events of the other service", 4, stage.journal("b").ids().len())?;
    let given_up = 4 + 2 * u64::from(1 - retry_limit);
    same("given up in the ledger", given_up, ledger.failed + ledger.dead_lettered)?;
    if stage.offers(Capability::DeadLetters) {
        let cause = DeathCause::Panicked(REASON.to_owned());
        let causes = stage.system.dead_letters().await?.into_iter().map(|letter| letter.cause);
        let expected = vec![cause; usize::try_from(given_up).unwrap_or(usize::MAX)];
        same("causes of the dead letters", expected, causes.collect())?;
    }
    Ok(())
}

async fn count_together<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let policy = stage.breaker()?;
    stage.serve("a", Hasty).await?;
    stage.by_source(&["a"]).await?;
    stage.suffer("a", policy.threshold - 1).await?;
    same("openings in the statistics", 0, stage.counted("a").await?.breaker_opened)?;
    stage.suffer("a", 1).await?;
    same("openings in the statistics", 1, stage.counted("a").await?.breaker_opened)
}
