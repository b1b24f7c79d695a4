use std::sync::Arc;

use super::actor::{Act, Actor, Illness, REASON};
use super::fault::{Fault, Verdict, ensure, same};
use super::stage::{Stage, refused, service};
use super::witness::Gate;
use super::{Capability, Case};
use crate::event::{Event, EventId};
use crate::routing::{
    DeadLetter, DeathCause, EventSystem, Filter, LetterId, OnFull, Publication, Rule, SystemError,
};

const NEEDS: &[Capability] = &[Capability::Rules, Capability::DeadLetters];

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "given up, not lost",
            promise: "What was given up is kept with its service and the cause, oldest first.",
            needs: NEEDS,
            check: |stage| Box::pin(given_up(stage)),
        },
        Case {
            name: "replay",
            promise: "A replayed dead letter goes to its service once more, with all its retries before it.",
            needs: NEEDS,
            check: |stage| Box::pin(replay(stage)),
        },
        Case {
            name: "replay to nobody",
            promise: "A dead letter whose service is gone is not replayed, and kept; an unknown one is told so.",
            needs: NEEDS,
            check: |stage| Box::pin(replay_to_nobody(stage)),
        },
        Case {
            name: "replay without room",
            promise: "A dead letter that finds its service's queue full stays a dead letter.",
            needs: &[Capability::Rules, Capability::DeadLetters, Capability::BackPressure],
            check: |stage| Box::pin(replay_without_room(stage)),
        },
        Case {
            name: "purge",
            promise: "A dead letter that was purged is forgotten, and it alone.",
            needs: NEEDS,
            check: |stage| Box::pin(purge(stage)),
        },
        Case {
            name: "letters are bounded",
            promise: "Of the dead letters the youngest are kept, as many as the terms say.",
            needs: NEEDS,
            check: |stage| Box::pin(bounded(stage)),
        },
    ]
}

impl<S: EventSystem> Stage<S> {
    /// How many retries an event has had when it is given up, if it may be tried again this often.
    fn retries(&self, limit: u16) -> u16 {
        if self.offers(Capability::Retries) { limit } else { 0 }
    }

    async fn letters(&self) -> Result<Vec<DeadLetter>, Fault> {
        Ok(self.system.dead_letters().await?)
    }

    /// One service that is ill and gave up one event.
    async fn one_letter(&mut self, actor: &Actor, illness: &Illness) -> Result<DeadLetter, Fault> {
        illness.begins();
        self.serve("a", actor.clone()).await?;
        self.rule(Rule::new("a", Filter::Source("a".into()), [service("a")])).await?;
        let event = Event { retry_limit: 1, ..self.event_from("a") };
        self.publish(event).await?;
        self.quiet().await?;
        let mut letters = self.letters().await?;
        same("dead letters", 1, letters.len())?;
        letters.pop().ok_or_else(|| Fault::new("there is no dead letter"))
    }
}

fn no_letter<T: std::fmt::Debug>(what: &str, id: LetterId, answer: &Result<T, SystemError>) -> Verdict {
    refused(what, "NoLetter", answer, |error| matches!(error, SystemError::NoLetter(named) if *named == id))
}

async fn given_up<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    for name in ["a", "b"] {
        stage.serve(name, Actor::new(|_| Act::Fail)).await?;
    }
    stage.services(&["c"]).await?;
    stage.everything_to(&["a", "b", "c"]).await?;
    let mut expected = Vec::new();
    for retry_limit in [0, 1] {
        let event = Event { retry_limit, ..stage.event() };
        stage.publish(event.clone()).await?;
        stage.quiet().await?;
        let event = Event { retry_count: stage.retries(retry_limit), ..event };
        expected.extend(["a", "b"].map(|name| (event.clone(), name)));
    }
    let letters = stage.letters().await?;
    ensure(letters.is_sorted_by_key(|letter| letter.id), "dead letters come oldest first")?;
    let mut kept: Vec<_> =
        letters.iter().map(|letter| (Event::clone(&letter.event), letter.service.as_str())).collect();
    kept.sort_by_key(|(event, name)| (event.id, *name)); // which of the two came first is their own affair
    same("dead letters", expected, kept)?;
    let cause = DeathCause::Failed(REASON.to_owned());
    ensure(letters.iter().all(|letter| letter.cause == cause), "each has the handler's reason as its cause")?;
    let statistics = stage.system.statistics().await?;
    same("dead letters in the statistics", (4, 0), (statistics.dead_letters, statistics.lost_letters))?;
    let ledger = stage.system.ledger().await?;
    same("dead-lettered and failed in the ledger", (4, 0), (ledger.dead_lettered, ledger.failed))?;
    same("dead letters of `b`", 2, stage.counted("b").await?.dead_lettered)
}

async fn replay<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let illness = Illness::default();
    let actor = Actor::with(&illness);
    let letter = stage.one_letter(&actor, &illness).await?;
    stage.services(&["b"]).await?;
    stage.everything_to(&["b"]).await?; // what is routed anew goes there
    let told = stage.system.replay(letter.id, OnFull::Wait).await?;
    same("publication of a replay", stage.accepted(1, 0), told)?;
    stage.quiet().await?;
    let again = stage.letters().await?.pop().ok_or_else(|| Fault::new("failing again leaves no letter"))?;
    ensure(again.id > letter.id, "a replay that fails is a dead letter anew, with a higher number")?;
    no_letter("replaying twice", letter.id, &stage.system.replay(letter.id, OnFull::Wait).await)?;

    illness.ends();
    stage.system.replay(again.id, OnFull::Refuse).await?;
    let ledger = stage.quiet().await?;
    let once: Vec<u16> = (0..=stage.retries(1)).collect();
    let expected = [&once[..], &once, &[0]].concat();
    let counts: Vec<u16> = actor.events().iter().map(|event| event.retry_count).collect();
    same("retries had at each try", expected, counts)?;
    let replayed = actor.events().pop().map(|event| Event { retry_count: letter.event.retry_count, ..event });
    same("event replayed", Some(Event::clone(&letter.event)), replayed)?;
    same("events of the other service", 0, stage.journal("b").ids().len())?;
    same("dead letters left", vec![], stage.letters().await?)?;
    let statistics = stage.system.statistics().await?;
    same("replayed in the statistics", (2, 0), (statistics.replayed_letters, statistics.dead_letters))?;
    let counted = (ledger.accepted, ledger.acknowledged, ledger.dead_lettered);
    same("accepted, acknowledged and dead-lettered in the ledger", (3, 1, 2), counted)
}

async fn replay_to_nobody<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let illness = Illness::default();
    let actor = Actor::with(&illness);
    let letter = stage.one_letter(&actor, &illness).await?;
    let unknown = LetterId(letter.id.0 + 1_000);
    no_letter("replaying an unknown letter", unknown, &stage.system.replay(unknown, OnFull::Wait).await)?;
    no_letter("purging an unknown letter", unknown, &stage.system.purge(unknown).await)?;
    stage.dismiss("a").await?;
    let answer = stage.system.replay(letter.id, OnFull::Wait).await;
    refused(
        "replaying to a service that is gone",
        "Unknown",
        &answer,
        |error| matches!(error, SystemError::Unknown { what: "service", name } if name.as_str() == "a"),
    )?;
    same("dead letters", vec![letter.clone()], stage.letters().await?)?;
    illness.ends();
    stage.serve("a", actor.clone()).await?;
    stage.system.replay(letter.id, OnFull::Wait).await?;
    stage.quiet().await?;
    same("tries", usize::from(stage.retries(1)) + 2, actor.tries().len())?;
    same("dead letters replayed", 1, stage.system.statistics().await?.replayed_letters)
}

async fn replay_without_room<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let gate = Gate::default();
    let held = gate.clone();
    // The first event fails when it comes first.
    let failed = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let actor = Actor::new(move |event| match event.id {
        EventId(1) if !failed.swap(true, std::sync::atomic::Ordering::SeqCst) => Act::Fail,
        EventId(1) => Act::Acknowledge,
        _ => Act::Pass(held.clone()),
    });
    stage.serve("a", actor.clone()).await?;
    stage.by_source(&["a"]).await?;
    let first = Event { retry_limit: 0, ..stage.event_from("a") };
    stage.publish(first).await?;
    stage.quiet().await?;
    let letters = stage.letters().await?;
    let letter = letters.first().ok_or_else(|| Fault::new("there is no dead letter"))?;
    let second = stage.event_from("a");
    stage.publish(second).await?;
    gate.approached(1).await;
    let filled = stage.fill("a", 0).await?;
    let told = stage.system.replay(letter.id, OnFull::Refuse).await?;
    same("publication", Publication::BackPressure { deliveries: 0, full: 1 }, told)?;
    same("dead letters", &letters, &stage.letters().await?)?;
    gate.open();
    stage.quiet().await?;
    stage.system.replay(letter.id, OnFull::Refuse).await?;
    let ledger = stage.quiet().await?;
    same("accepted in the ledger", filled + 3, ledger.accepted)?;
    same("last event handled", Some(EventId(1)), actor.ids().pop())
}

async fn purge<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let illness = Illness::default();
    let actor = Actor::with(&illness);
    let first = stage.one_letter(&actor, &illness).await?;
    let event = Event { retry_limit: 0, ..stage.event_from("a") };
    stage.publish(event).await?;
    let ledger = stage.quiet().await?;
    stage.system.purge(first.id).await?;
    let left: Vec<LetterId> = stage.letters().await?.iter().map(|letter| letter.id).collect();
    ensure(left.len() == 1 && left[0] > first.id, "the younger one is left")?;
    no_letter("purging twice", first.id, &stage.system.purge(first.id).await)?;
    no_letter("replaying what was purged", first.id, &stage.system.replay(first.id, OnFull::Wait).await)?;
    let statistics = stage.system.statistics().await?;
    let counted = (statistics.dead_letters, statistics.lost_letters, statistics.replayed_letters);
    same("dead letters, lost and replayed ones in the statistics", (1, 0, 0), counted)?;
    same("ledger", ledger, stage.system.ledger().await?)
}

/// A service for each letter: no breaker keeps any of them from failing.
async fn bounded<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    const MORE: usize = 3;
    let most = stage.term(Capability::DeadLetters, |terms| terms.dead_letters)?;
    let names: Vec<String> = (0..most + MORE).map(|number| number.to_string()).collect();
    for name in &names {
        stage.serve(name, Actor::new(|_| Act::Fail)).await?;
    }
    let (few, many) = names.split_at(MORE);
    // As many targets as a rule may have.
    for (number, part) in many.chunks(1_000).enumerate() {
        let targets = part.iter().map(|name| service(name));
        stage.rule(Rule::new(number.to_string(), Filter::Source("many".into()), targets)).await?;
    }
    let targets = few.iter().map(|name| service(name));
    stage.rule(Rule::new("few", Filter::Source("few".into()), targets)).await?;
    for source in ["many", "few"] {
        let event = Event { retry_limit: 0, ..stage.event_from(source) };
        let before: Vec<LetterId> = stage.letters().await?.iter().map(|letter| letter.id).collect();
        stage.publish(event).await?;
        stage.quiet().await?;
        let after: Vec<LetterId> = stage.letters().await?.iter().map(|letter| letter.id).collect();
        same("dead letters kept", most, after.len())?;
        let old = before.iter().skip(MORE).copied().collect::<Vec<_>>();
        ensure(after.starts_with(&old), "the oldest make room for the youngest")?;
    }
    let statistics = stage.system.statistics().await?;
    let counted = (statistics.dead_letters, statistics.lost_letters);
    same("dead letters and lost ones in the statistics", (most, MORE as u64), counted)?;
    same("dead-lettered in the ledger", names.len() as u64, stage.system.ledger().await?.dead_lettered)
}
