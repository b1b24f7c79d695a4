use std::time::Duration;

use tokio::time::Instant;

use super::actor::{Actor, Illness};
use super::clock::{idle, takes, within};
use super::fault::{Fault, Verdict, ensure, same};
use super::retries::gap;
use super::stage::Stage;
use super::{Capability, Case};
use crate::event::Event;
use crate::routing::{BreakerPolicy, EventSystem, Health};

const NEEDS: &[Capability] = &[Capability::Rules, Capability::CircuitBreakers];

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "left alone",
            promise: "After the threshold of failures in a row a service gets nothing for a while; nothing is lost.",
            needs: NEEDS,
            check: |stage| Box::pin(left_alone(stage)),
        },
        Case {
            name: "tried and found ill",
            promise: "A service that fails when it is tried again is left alone anew, until it is well.",
            needs: NEEDS,
            check: |stage| Box::pin(found_ill(stage)),
        },
        Case {
            name: "a row ends",
            promise: "Failures that are not in a row, or fewer than the threshold, leave a service as it is.",
            needs: NEEDS,
            check: |stage| Box::pin(a_row_ends(stage)),
        },
        Case {
            name: "health is told",
            promise: "Statistics tell who is healthy, degraded and unhealthy, as it changes.",
            needs: NEEDS,
            check: |stage| Box::pin(health_is_told(stage)),
        },
    ]
}

impl<S: EventSystem> Stage<S> {
    pub(super) fn breaker(&self) -> Result<BreakerPolicy, Fault> {
        self.term(Capability::CircuitBreakers, |terms| terms.breaker)
    }

    /// Services of which the first can fall ill; events go by their source.
    pub(super) async fn ward(&mut self, names: &[&str]) -> Result<(Actor, Illness), Fault> {
        let illness = Illness::default();
        let actor = Actor::with(&illness);
        for (number, name) in names.iter().enumerate() {
            if number == 0 {
                self.serve(name, actor.clone()).await?;
            } else {
                self.services(&[name]).await?;
            }
        }
        self.by_source(names).await?;
        Ok((actor, illness))
    }

    /// Publishes events one after the other, each of which is settled before the next.
    pub(super) async fn suffer(&mut self, source: &str, events: u32) -> Verdict {
        for _ in 0..events {
            let event = Event { retry_limit: 0, ..self.event_from(source) };
            self.publish(event).await?;
            self.quiet().await?;
        }
        Ok(())
    }
}

async fn left_alone<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let policy = stage.breaker()?;
    let (actor, illness) = stage.ward(&["a", "b"]).await?;
    let began = Instant::now();
    illness.begins();
    stage.suffer("a", policy.threshold).await?;
    takes("as many failures as the threshold", Duration::ZERO, Duration::ZERO, began.elapsed())?;
    illness.ends();
    let failed = actor.tries().len();
    let waiting = policy.probes + 5;
    let since = Instant::now();
    for _ in 0..waiting {
        let event = stage.event_from("a");
        stage.publish(event).await?;
    }
    let other = stage.event_from("b");
    stage.publish(other).await?;
    stage.journal("b").reached(1).await; // at once: nothing happened to it
    let opened = actor.tries().last().and_then(|attempt| attempt.ended).unwrap_or(since);
    within(policy.open_for.saturating_sub(since.duration_since(opened)), async {
        idle().await;
        same("events handed over while the breaker is open", failed, actor.tries().len())?;
        same("queued in the ledger", waiting as u64, stage.system.ledger().await?.queued)
    })
    .await?;
    let ledger = stage.quiet().await?;
    let tries = actor.tries();
    same("tries", failed + waiting, tries.len())?;
    takes("the time alone", policy.open_for, policy.open_for, gap(&tries[failed - 1..=failed]))?;
    let probe = tries[failed].batch;
    let probes = tries.iter().filter(|attempt| attempt.batch == probe).count();
    ensure(probes <= policy.probes, format_args!("{probes} probes are no more than the policy's"))?;
    same("acknowledged in the ledger", waiting as u64 + 1, ledger.acknowledged)?;
    same("openings in the statistics", 1, stage.counted("a").await?.breaker_opened)?;
    same("openings of the other service", 0, stage.counted("b").await?.breaker_opened)
}

async fn found_ill<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let policy = stage.breaker()?;
    let (actor, illness) = stage.ward(&["a"]).await?;
    illness.begins();
    stage.suffer("a", policy.threshold).await?;
    let failed = actor.tries().len();
    stage.suffer("a", 2).await?;
    illness.ends();
    stage.suffer("a", 1).await?;
    let tries = actor.tries();
    for pair in tries[failed - 1..].windows(2) {
        takes("the time alone", policy.open_for, policy.open_for, gap(pair))?;
    }
    same("openings in the statistics", 3, stage.counted("a").await?.breaker_opened)?;
    // Closed again, it counts from the beginning.
    illness.begins();
    let before = Instant::now();
    stage.suffer("a", policy.threshold - 1).await?;
    illness.ends();
    stage.suffer("a", 1).await?;
    takes("events of a service that was well", Duration::ZERO, Duration::ZERO, before.elapsed())?;
    same("openings in the statistics", 3, stage.counted("a").await?.breaker_opened)
}

async fn a_row_ends<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let policy = stage.breaker()?;
    let (_, illness) = stage.ward(&["a"]).await?;
    let before = Instant::now();
    for _ in 0..3 {
        illness.begins();
        stage.suffer("a", policy.threshold - 1).await?;
        illness.ends();
        stage.suffer("a", 1).await?;
    }
    takes("rows that end", Duration::ZERO, Duration::ZERO, before.elapsed())?;
    let counted = stage.counted("a").await?;
    let failures = 3 * u64::from(policy.threshold - 1);
    let given_up = counted.failed + counted.dead_lettered;
    same("openings and failures in the statistics", (0, failures), (counted.breaker_opened, given_up))
}

async fn health_is_told<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let policy = stage.breaker()?;
    let (_, illness) = stage.ward(&["a", "b"]).await?;
    same("health at first", Health::Healthy, stage.counted("a").await?.health)?;
    illness.begins();
    within(policy.open_for, async {
        if policy.threshold > 1 {
            stage.suffer("a", 1).await?;
            same("health after a failure", Health::Degraded, stage.counted("a").await?.health)?;
        }
        stage.suffer("a", policy.threshold - 1).await?;
        same("health when it is left alone", Health::Unhealthy, stage.counted("a").await?.health)?;
        same("health of the other service", Health::Healthy, stage.counted("b").await?.health)
    })
    .await?;
    stage.recover("a", policy, &illness).await?;
    same("health when it is well again", Health::Healthy, stage.counted("a").await?.health)
}

impl<S: EventSystem> Stage<S> {
    /// From an open breaker to a closed one: while it is tried, it is degraded.
    async fn recover(&mut self, name: &str, policy: BreakerPolicy, illness: &Illness) -> Verdict {
        tokio::time::sleep(policy.open_for + super::clock::TICK).await;
        let asked = Instant::now();
        let health = self.counted(name).await?.health;
        if asked.elapsed() < policy.open_for / 2 {
            ensure(health != Health::Unhealthy, "a service that may be tried is not told unhealthy")?;
        }
        illness.ends();
        self.suffer(name, 1).await
    }
}
