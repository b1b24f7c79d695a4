use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::actor::{Act, Actor};
use super::clock::{TICK, idle, is_virtual, takes, within};
use super::fault::{Verdict, ensure, same};
use super::stage::Stage;
use super::timeouts::patient;
use super::witness::{Gate, Gated};
use super::{Capability, Case, LIMIT};
use crate::event::{Event, Priority, Timestamp};
use crate::routing::{EventSystem, Ledger};

const NEEDS: &[Capability] = &[Capability::Rules, Capability::Scheduling];

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "not before its moment",
            promise: "A scheduled event waits for its moment, is handed over then, and quiet waits for it.",
            needs: NEEDS,
            check: |stage| Box::pin(not_before(stage)),
        },
        Case {
            name: "in order of moments",
            promise: "Scheduled events come in the order of their moments, those of one moment as published.",
            needs: NEEDS,
            check: |stage| Box::pin(in_order(stage)),
        },
        Case {
            name: "a past moment is now",
            promise: "An event whose moment has passed is handed over at once.",
            needs: NEEDS,
            check: |stage| Box::pin(past(stage)),
        },
        Case {
            name: "late from when it is due",
            promise: "The event time-out of a scheduled event begins at its moment.",
            needs: &[Capability::Rules, Capability::Scheduling, Capability::EventTimeouts],
            check: |stage| Box::pin(late_from_due(stage)),
        },
        Case {
            name: "due after the end",
            promise: "A shutdown serves what is due within its grace, and gives up what is not.",
            needs: NEEDS,
            check: |stage| Box::pin(due_after_the_end(stage)),
        },
    ]
}

/// Long enough for any machine to look at what waits meanwhile, most of the time.
const SOON: Duration = Duration::from_millis(200);
/// Longer than any case waits.
pub(super) const LATER: Duration = Duration::from_secs(24 * 3600);

impl<S: EventSystem> Stage<S> {
    /// This long from now by the system's clock.
    pub(super) fn moment(&self, wait: Duration) -> Timestamp {
        let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        Timestamp(self.system.now().0.saturating_add(wait))
    }

    /// An event for then.
    pub(super) fn event_at(&mut self, moment: Timestamp) -> Event {
        Event { scheduled_at: Some(moment), priority: Priority::Normal, ..self.event() }
    }
}

async fn not_before<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let actor = Actor::new(|_| Act::Acknowledge);
    stage.serve("a", actor.clone()).await?;
    stage.everything_to(&["a"]).await?;
    let asked = Instant::now();
    let moment = stage.moment(SOON);
    let [single, batched] = [stage.event_at(moment), stage.event_at(moment)];
    let now = Event { priority: Priority::Low, ..stage.event() };
    within(SOON, async {
        stage.publish(single.clone()).await?;
        stage.publish_batch(vec![batched.clone(), now.clone()]).await?;
        idle().await;
        same("events handed over before the moment", vec![now.id], actor.ids())?;
        let ledger = stage.system.ledger().await?;
        same("waiting and queued in the ledger", (2, 0), (ledger.waiting, ledger.queued))?;
        same("waiting in the statistics", 2, stage.counted("a").await?.waiting)
    })
    .await?;
    let ledger = stage.quiet().await?;
    same("accepted and acknowledged in the ledger", (3, 3), (ledger.accepted, ledger.acknowledged))?;
    let scheduled: Vec<_> =
        actor.tries().into_iter().filter(|attempt| attempt.event.scheduled_at.is_some()).collect();
    let events: Vec<&Event> = scheduled.iter().map(|attempt| &attempt.event).collect();
    same("scheduled events", vec![&single, &batched], events)?;
    for attempt in &scheduled {
        takes("the wait for the moment", SOON, SOON, attempt.begun.duration_since(asked))?;
    }
    Ok(())
}

async fn in_order<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let actor = Actor::new(|_| Act::Acknowledge);
    stage.serve("a", actor.clone()).await?;
    stage.everything_to(&["a"]).await?;
    let after = |millis| SOON + Duration::from_millis(millis);
    let begin = stage.moment(Duration::ZERO);
    let mut scheduled: Vec<Event> = Vec::new();
    for millis in [60, 0, 30, 0, 90, 61] {
        let wait = u64::try_from(after(millis).as_nanos()).unwrap_or(u64::MAX);
        let event = stage.event_at(Timestamp(begin.0 + wait));
        scheduled.push(event);
    }
    let asked = Instant::now();
    for event in &scheduled[..3] {
        stage.publish(event.clone()).await?;
    }
    stage.publish_batch(scheduled[3..].to_vec()).await?;
    let published_in = asked.elapsed();
    stage.settled_with(&actor).await?;
    if published_in >= SOON && !is_virtual() {
        return Ok(()); // the first was due before the last was published
    }
    scheduled.sort_by_key(|event| event.scheduled_at);
    let expected: Vec<_> = scheduled.iter().map(|event| event.id).collect();
    same("order of service", expected, actor.ids())
}

impl<S: EventSystem> Stage<S> {
    /// Waits for quiet; then the actor had every event once.
    async fn settled_with(&self, actor: &Actor) -> Verdict {
        let ledger = self.quiet().await?;
        let tries = actor.tries().len() as u64;
        same("accepted and acknowledged in the ledger", (tries, tries), {
            (ledger.accepted, ledger.acknowledged)
        })?;
        same("deliveries", self.deliveries(), tries)
    }
}

async fn past<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let actor = Actor::new(|_| Act::Acknowledge);
    stage.serve("a", actor.clone()).await?;
    stage.everything_to(&["a"]).await?;
    let now = stage.moment(Duration::ZERO);
    let moments = [Timestamp(now.0.saturating_sub(3_600_000_000_000)), now, Timestamp(1)];
    let asked = Instant::now();
    let mut events: Vec<Event> = Vec::new();
    for moment in moments {
        let event = stage.event_at(moment);
        events.push(event.clone());
        stage.publish(event).await?;
    }
    let batched: Vec<Event> = moments.into_iter().map(|moment| stage.event_at(moment)).collect();
    events.extend(batched.iter().cloned());
    stage.publish_batch(batched).await?;
    stage.settled_with(&actor).await?;
    takes("an event whose moment has passed", Duration::ZERO, Duration::ZERO, asked.elapsed())?;
    same("events in order", events, actor.events())
}

async fn late_from_due<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let timeout = stage.term(Capability::EventTimeouts, |terms| terms.event_timeout)?;
    let (free, gate, busy) = (stage.journal("free"), Gate::default(), stage.journal("busy"));
    stage.serve("free", free).await?;
    stage.serve_as(patient("busy"), Gated(gate.clone(), busy)).await?;
    stage.by_source(&["free", "busy"]).await?;
    let first = stage.event_from("busy");
    stage.publish(first).await?;
    gate.approached(1).await;
    // Long after they were published, but at their moments.
    let in_time = Event { source: "free".into(), ..stage.event_at(stage.moment(2 * timeout)) };
    stage.publish(in_time).await?;
    let in_time = Event { source: "busy".into(), ..stage.event_at(stage.moment(2 * timeout)) };
    stage.publish(in_time).await?;
    // Late at the end of the wait.
    let late = Event { source: "busy".into(), ..stage.event_at(stage.moment(timeout)) };
    stage.publish(late).await?;
    sleep(2 * timeout + 10 * TICK).await;
    let opened = Instant::now();
    gate.open();
    let ledger = stage.quiet().await?;
    if !is_virtual() && (opened.elapsed() >= timeout / 2 || ledger.expired != 1) {
        return Ok(()); // the machine was too slow for those that are in time
    }
    same("acknowledged and expired in the ledger", (3, 1), (ledger.acknowledged, ledger.expired))?;
    let expired = (stage.counted("free").await?.expired, stage.counted("busy").await?.expired);
    same("expired of either service", (0, 1), expired)
}

async fn due_after_the_end<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    const GRACE: Duration = Duration::from_secs(2);
    let actor = Actor::new(|_| Act::Acknowledge);
    stage.serve("a", actor.clone()).await?;
    stage.everything_to(&["a"]).await?;
    let [soon, later] = [stage.moment(TICK), stage.moment(LATER)];
    for moment in [soon, later, Timestamp(u64::MAX)] {
        let event = stage.event_at(moment);
        stage.publish(event).await?;
    }
    let ledger = stage.system.shutdown(GRACE).await?;
    let expected = Ledger { accepted: 3, acknowledged: 1, abandoned: 2, ..Ledger::default() };
    same("final ledger", expected, ledger)?;
    ensure(actor.tries().len() == 1, "what was due is handed over, and nothing else")?;
    same("final ledger, told again", expected, stage.system.shutdown(LIMIT).await?)
}
