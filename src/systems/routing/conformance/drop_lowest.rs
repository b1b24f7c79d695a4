use std::sync::Arc;

use super::fault::{Fault, Verdict, ensure, same};
use super::schedules::LATER;
use super::stage::Stage;
use super::witness::{Gate, Gated, Journal};
use super::{Capability, Case};
use crate::event::{Event, EventId, Priority};
use crate::routing::{DeathCause, EventSystem, OnFull, Publication};

const NEEDS: &[Capability] = &[Capability::Rules, Capability::BackPressure, Capability::DropLowest];

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "the lowest makes room",
            promise: "With DropLowest the lowest of what waits makes room, of equals the youngest.",
            needs: NEEDS,
            check: |stage| Box::pin(the_lowest(stage)),
        },
        Case {
            name: "none is lower",
            promise: "With DropLowest an event that is no more urgent than any that waits is left out.",
            needs: NEEDS,
            check: |stage| Box::pin(none_is_lower(stage)),
        },
        Case {
            name: "who waits for a moment",
            promise: "What waits for its moment takes a place, and makes no room for more urgent events.",
            needs: &[
                Capability::Rules,
                Capability::BackPressure,
                Capability::DropLowest,
                Capability::Scheduling,
            ],
            check: |stage| Box::pin(who_waits_for_a_moment(stage)),
        },
    ]
}

/// A service that is busy with one event while its queue fills.
struct Queue {
    gate: Gate,
    journal: Journal,
    /// What it accepted and was not told displaced.
    accepted: Vec<EventId>,
}

impl Queue {
    async fn of<S: EventSystem>(stage: &mut Stage<S>) -> Result<Self, Fault> {
        let (gate, journal) = (Gate::default(), Journal::default());
        stage.serve("a", Gated(gate.clone(), journal.clone())).await?;
        stage.by_source(&["a"]).await?;
        let first = stage.event_from("a");
        let queue = Self { gate, journal, accepted: vec![first.id] };
        stage.publish(first).await?;
        queue.gate.approached(1).await;
        Ok(queue)
    }

    /// Publishes with DropLowest; what the system tells.
    async fn press<S: EventSystem>(
        &mut self,
        stage: &mut Stage<S>,
        priority: Priority,
    ) -> Result<(EventId, Publication), Fault> {
        let event = Event { priority, ..stage.event_from("a") };
        let id = event.id;
        let told = stage.system.publish(Arc::new(event), OnFull::DropLowest).await?;
        Ok((id, told))
    }

    /// The same with an event that has to find its place.
    async fn place<S: EventSystem>(
        &mut self,
        stage: &mut Stage<S>,
        priority: Priority,
    ) -> Result<EventId, Fault> {
        let (id, told) = self.press(stage, priority).await?;
        same(format_args!("publication of {priority:?}"), stage.accepted(1, 0), told)?;
        self.accepted.push(id);
        Ok(id)
    }

    /// The same with one that has to be left out.
    async fn leave_out<S: EventSystem>(&mut self, stage: &mut Stage<S>, priority: Priority) -> Verdict {
        let (_, told) = self.press(stage, priority).await?;
        let expected = Publication::BackPressure { deliveries: 0, full: 1 };
        same(format_args!("publication of {priority:?}"), expected, told)
    }

    /// Fills the places that are left.
    async fn fill<S: EventSystem>(
        &mut self,
        stage: &mut Stage<S>,
        priority: Priority,
        taken: usize,
    ) -> Verdict {
        let capacity = stage.term(Capability::BackPressure, |terms| terms.mailbox_capacity)?;
        for _ in taken..capacity {
            self.place(stage, priority).await?;
        }
        Ok(())
    }
}

async fn the_lowest<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let mut queue = Queue::of(&mut stage).await?;
    let capacity = stage.term(Capability::BackPressure, |terms| terms.mailbox_capacity)?;
    if capacity < 5 {
        return Ok(()); // too small to tell them apart
    }
    // In the order in which they have to go: the youngest Low, the other, then Normal.
    let normal = queue.place(&mut stage, Priority::Normal).await?;
    let old = queue.place(&mut stage, Priority::Low).await?;
    queue.fill(&mut stage, Priority::High, 3).await?;
    let young = queue.place(&mut stage, Priority::Low).await?;
    let before = stage.system.statistics().await?.dead_letters;
    same("dead letters while there is room", 0, before)?;
    queue.place(&mut stage, Priority::Critical).await?;
    let batch = [Priority::Critical, Priority::High]
        .map(|priority| Event { priority, ..stage.event_from("a") })
        .map(Arc::new);
    let told = stage.system.publish_batch(&batch, OnFull::DropLowest).await?;
    same("publications of a batch", vec![stage.accepted(1, 0); 2], told)?;
    queue.accepted.extend(batch.iter().map(|event| event.id));
    let gone = [young, old, normal];
    queue.accepted.retain(|id| !gone.contains(id));
    if stage.offers(Capability::DeadLetters) {
        let letters = stage.system.dead_letters().await?.into_iter();
        let kept: Vec<_> = letters.map(|letter| (letter.event.id, letter.service, letter.cause)).collect();
        let expected = gone.map(|id| (id, "a".into(), DeathCause::Displaced)).to_vec();
        same("dead letters", expected, kept)?;
    }
    let counted = stage.counted("a").await?;
    same("dead-lettered and displaced", (3, 3), (counted.dead_lettered, counted.displaced))?;
    queue.gate.open();
    let ledger = stage.quiet().await?;
    let kept = queue.accepted.len() as u64;
    let counted = (ledger.accepted, ledger.acknowledged, ledger.dead_lettered);
    same("accepted, acknowledged and dead-lettered in the ledger", (kept + 3, kept, 3), counted)?;
    let mut handled = queue.journal.ids();
    handled.sort_unstable();
    queue.accepted.sort_unstable();
    same("events handled", queue.accepted, handled)
}

async fn none_is_lower<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let mut queue = Queue::of(&mut stage).await?;
    queue.fill(&mut stage, Priority::High, 0).await?;
    for priority in [Priority::High, Priority::Normal, Priority::Low] {
        queue.leave_out(&mut stage, priority).await?;
    }
    let counted = stage.counted("a").await?;
    same("displaced", 0, counted.displaced)?;
    queue.gate.open();
    let ledger = stage.quiet().await?;
    same("accepted in the ledger", queue.accepted.len() as u64, ledger.accepted)?;
    same("events handled", queue.accepted, queue.journal.ids())?;
    same("turned away in the statistics", 3, stage.system.statistics().await?.turned_away)
}

async fn who_waits_for_a_moment<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let mut queue = Queue::of(&mut stage).await?;
    let moment = Some(stage.moment(LATER));
    let later = Event { priority: Priority::Low, scheduled_at: moment, ..stage.event_from("a") };
    stage.publish(later).await?;
    queue.fill(&mut stage, Priority::High, 1).await?;
    queue.leave_out(&mut stage, Priority::High).await?;
    // It makes no room though it is the lowest of all.
    let capacity = stage.term(Capability::BackPressure, |terms| terms.mailbox_capacity)?;
    for _ in 1..capacity {
        queue.place(&mut stage, Priority::Critical).await?;
    }
    queue.leave_out(&mut stage, Priority::Critical).await?;
    let counted = stage.counted("a").await?;
    same("waiting and displaced", (1, capacity as u64 - 1), (counted.waiting, counted.displaced))?;
    queue.gate.open();
    ensure(queue.accepted.len() == 2 * capacity - 1, "all but the last were accepted")
}
