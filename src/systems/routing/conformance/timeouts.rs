use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::actor::{Act, Actor};
use super::clock::{TICK, is_virtual, takes};
use super::fault::{Verdict, ensure, same};
use super::stage::{Stage, refused};
use super::witness::{Gate, Gated};
use super::{Capability, Case};
use crate::event::{Event, Priority};
use crate::routing::{DeathCause, EventSystem, ServiceSpec, SystemError};

const EVENT: &[Capability] = &[Capability::Rules, Capability::EventTimeouts];
const HANDLER: &[Capability] = &[Capability::Rules, Capability::HandlerTimeouts];

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "not begun in time",
            promise: "What waits for longer than the event time-out has expired and is never handled.",
            needs: EVENT,
            check: |stage| Box::pin(not_begun(stage)),
        },
        Case {
            name: "begun in time",
            promise: "What is begun within the event time-out is handled, however long that takes.",
            needs: EVENT,
            check: |stage| Box::pin(begun(stage)),
        },
        Case {
            name: "a handler that stalls",
            promise: "A handler that takes too long is stopped, its batch has failed, and it gets the next one.",
            needs: HANDLER,
            check: |stage| Box::pin(stalls(stage)),
        },
        Case {
            name: "a time-out of its own",
            promise: "A service with a time-out of its own has that much time, be it less or more.",
            needs: HANDLER,
            check: |stage| Box::pin(of_its_own(stage)),
        },
        Case {
            name: "no time at all",
            promise: "A service that gives its handler no time is refused.",
            needs: &[Capability::HandlerTimeouts],
            check: |stage| Box::pin(no_time(stage)),
        },
    ]
}

/// A service whose handler may take as long as any case does.
pub(super) fn patient(name: &str) -> ServiceSpec {
    ServiceSpec::new(name).with_handler_timeout(Duration::from_secs(24 * 3600))
}

async fn not_begun<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    const LATE: u64 = 3;
    let timeout = stage.term(Capability::EventTimeouts, |terms| terms.event_timeout)?;
    let (gate, journal) = (Gate::default(), stage.journal("a"));
    stage.serve_as(patient("a"), Gated(gate.clone(), journal.clone())).await?;
    stage.everything_to(&["a"]).await?;
    let first = stage.event();
    stage.publish(first.clone()).await?;
    gate.approached(1).await;
    for _ in 0..LATE {
        let late = stage.event();
        stage.publish(late).await?;
    }
    sleep(timeout + 2 * TICK).await;
    let last = stage.event();
    let asked = Instant::now();
    stage.publish(last.clone()).await?;
    gate.open();
    let ledger = stage.quiet().await?;
    if asked.elapsed() >= timeout && !is_virtual() {
        return Ok(()); // the machine was too slow for the last one
    }
    same("events handled", vec![first.id, last.id], journal.ids())?;
    same("accepted, acknowledged and expired in the ledger", (LATE + 2, 2, LATE), {
        (ledger.accepted, ledger.acknowledged, ledger.expired)
    })?;
    same("expired in the statistics", LATE, stage.counted("a").await?.expired)?;
    same("dead letters", 0, stage.system.statistics().await?.dead_letters)
}

async fn begun<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let timeout = stage.term(Capability::EventTimeouts, |terms| terms.event_timeout)?;
    let slow = Actor::new(move |_| Act::Take(timeout + 5 * TICK));
    let (gate, journal) = (Gate::default(), stage.journal("waiting"));
    stage.serve_as(patient("slow"), slow.clone()).await?;
    stage.serve_as(patient("waiting"), Gated(gate.clone(), journal)).await?;
    stage.by_source(&["slow", "waiting"]).await?;
    let asked = Instant::now();
    let event = stage.event_from("slow");
    stage.publish(event).await?;
    let mut handled = 1;
    if is_virtual() {
        let [first, second] = [stage.event_from("waiting"), stage.event_from("waiting")];
        stage.publish(first).await?;
        gate.approached(1).await;
        stage.publish(second).await?;
        // The last moment.
        sleep(timeout.saturating_sub(TICK)).await;
        gate.open();
        handled += 2;
    }
    let ledger = stage.quiet().await?;
    if ledger.expired > 0 && !is_virtual() && asked.elapsed() >= timeout {
        return Ok(()); // the machine was too slow to begin
    }
    same("acknowledged and expired in the ledger", (handled, 0), (ledger.acknowledged, ledger.expired))?;
    let tries = slow.tries();
    same("tries of the slow service", 1, tries.len())?;
    let took = tries[0].ended.map_or(Duration::ZERO, |ended| ended.duration_since(tries[0].begun));
    ensure(took >= timeout, "the slow service is left to finish")
}

async fn stalls<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let timeout = stage.term(Capability::HandlerTimeouts, |terms| terms.handler_timeout)?;
    let actor = Actor::new(|event| match event.retry_count {
        0 if event.id.0.is_multiple_of(4) => Act::Stall,
        _ => Act::Acknowledge,
    });
    stage.serve("a", actor.clone()).await?;
    stage.services(&["b"]).await?;
    stage.everything_to(&["a", "b"]).await?;
    let retry_limit = u16::from(stage.offers(Capability::Retries));
    let events: Vec<Event> =
        (0..4).map(|_| Event { priority: Priority::Normal, retry_limit, ..stage.event() }).collect();
    stage.publish_batch(events).await?;
    let ledger = stage.quiet().await?;
    let tries = actor.tries();
    let stalled = tries.iter().find(|attempt| attempt.event.id.0 == 4).map(|attempt| attempt.batch);
    let (in_it, later): (Vec<_>, Vec<_>) = tries.iter().partition(|attempt| Some(attempt.batch) == stalled);
    ensure(!in_it.is_empty(), "the event that stalls is handed over")?;
    for attempt in &in_it {
        let took = attempt.ended.map_or(Duration::ZERO, |ended| ended.duration_since(attempt.begun));
        takes("the time of a handler that stalls", timeout, timeout, took)?;
    }
    let mut again = BTreeMap::new();
    later.iter().for_each(|attempt| *again.entry(attempt.event.id).or_insert(0) += 1);
    let came_again = in_it.iter().filter(|attempt| again.contains_key(&attempt.event.id)).count();
    let expected = in_it.len() * usize::from(retry_limit);
    same("events of the stopped batch that are tried again", expected, came_again)?;
    let counted = stage.counted("a").await?;
    same("time-outs in the statistics", 1, counted.timeouts)?;
    same("retried in the statistics", expected as u64, counted.retried)?;
    same("acknowledged by the other service", 4, stage.journal("b").ids().len())?;
    let given_up = if retry_limit > 0 { 0 } else { in_it.len() as u64 };
    same("given up in the ledger", given_up, ledger.failed + ledger.dead_lettered)?;
    given_up_for_time(stage, actor).await
}

/// The last try counts: what is said of it is that it took too long.
async fn given_up_for_time<S: EventSystem>(mut stage: Stage<S>, actor: Actor) -> Verdict {
    if !stage.offers(Capability::DeadLetters) {
        return Ok(());
    }
    let before = (actor.tries().len(), stage.system.dead_letters().await?.len());
    let event = loop {
        let event = Event { retry_limit: 0, ..stage.event() };
        if event.id.0.is_multiple_of(4) {
            break event;
        }
    };
    stage.publish(event.clone()).await?;
    stage.quiet().await?;
    let letters = stage.system.dead_letters().await?;
    same("tries and dead letters", (before.0 + 1, before.1 + 1), (actor.tries().len(), letters.len()))?;
    let last = letters.last().map(|letter| (letter.event.id, letter.service.as_str(), letter.cause.clone()));
    same("the last dead letter", Some((event.id, "a", DeathCause::TimedOut)), last)
}

async fn of_its_own<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let timeout = stage.term(Capability::HandlerTimeouts, |terms| terms.handler_timeout)?;
    let less = timeout / 4;
    let (hasty, patiently) = (Actor::new(|_| Act::Stall), Actor::new(move |_| Act::Take(timeout + 5 * TICK)));
    stage.serve_as(ServiceSpec::new("hasty").with_handler_timeout(less), hasty.clone()).await?;
    stage.serve_as(patient("patient"), patiently).await?;
    stage.everything_to(&["hasty", "patient"]).await?;
    let event = Event { retry_limit: 0, ..stage.event() };
    stage.publish(event).await?;
    let ledger = stage.quiet().await?;
    let tries = hasty.tries();
    same("tries of the hasty service", 1, tries.len())?;
    let took = tries[0].ended.map_or(Duration::ZERO, |ended| ended.duration_since(tries[0].begun));
    takes("the time of the hasty service's handler", less, less, took)?;
    let given_up = ledger.failed + ledger.dead_lettered;
    same("acknowledged and given up in the ledger", (1, 1), (ledger.acknowledged, given_up))?;
    same("time-outs of the patient service", 0, stage.counted("patient").await?.timeouts)
}

async fn no_time<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a"]).await?;
    let none = ServiceSpec::new("b").with_handler_timeout(Duration::ZERO);
    let answer = stage.system.register(none, Actor::new(|_| Act::Acknowledge)).await;
    refused(
        "a service without time",
        "NoTime",
        &answer,
        |error| matches!(error, SystemError::NoTime { service } if service.as_str() == "b"),
    )?;
    same("registered services", 1, stage.system.statistics().await?.services.len())
}
