use std::sync::Arc;

use tokio::time::sleep;

use super::clock::{TICK, is_virtual, within};
use super::fault::{Fault, Verdict, same};
use super::stage::{Stage, group, service};
use super::{Capability, Case};
use crate::event::Event;
use crate::routing::{EventSystem, Filter, OnFull, Publication, Rule, SystemError, WindowPolicy};

const NEEDS: &[Capability] = &[Capability::Rules, Capability::Deduplication];

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "a duplicate goes nowhere",
            promise: "An id that was seen is told a duplicate and counted, delivered to nobody, in no round.",
            needs: NEEDS,
            check: |stage| Box::pin(goes_nowhere(stage)),
        },
        Case {
            name: "one of many publishers",
            promise: "Of the publishers of one event at the same time one is told that it is accepted.",
            needs: NEEDS,
            check: |stage| Box::pin(one_of_many(stage)),
        },
        Case {
            name: "new after others",
            promise: "An id is new again once it is not among the last that the window has entries for.",
            needs: NEEDS,
            check: |stage| Box::pin(new_after_others(stage)),
        },
        Case {
            name: "new in time",
            promise: "An id is new again once the window's time has passed.",
            needs: NEEDS,
            check: |stage| Box::pin(new_in_time(stage)),
        },
        Case {
            name: "refused is not seen",
            promise: "An id does not count as seen if its event was refused.",
            needs: NEEDS,
            check: |stage| Box::pin(refused_is_not_seen(stage)),
        },
        Case {
            name: "turned away is not seen",
            promise: "An id does not count as seen if nobody had room for its event, but if one had.",
            needs: &[Capability::Rules, Capability::Deduplication, Capability::BackPressure],
            check: |stage| Box::pin(turned_away_is_not_seen(stage)),
        },
    ]
}

/// Fewer than that show no duplicate for certain.
const FEW: usize = 8;

impl<S: EventSystem> Stage<S> {
    /// The window; `None` where it is too small for any case.
    fn window(&self) -> Result<Option<WindowPolicy>, Fault> {
        let window = self.term(Capability::Deduplication, |terms| terms.window)?;
        Ok(Some(window).filter(|window| window.entries >= FEW))
    }
}

async fn goes_nowhere<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let Some(window) = stage.window()? else { return Ok(()) };
    stage.services(&["a", "b", "c"]).await?;
    stage.everything_to(&["a"]).await?;
    if stage.offers(Capability::Groups) {
        stage.group("g", &["b", "c"]).await?;
        stage.rule(Rule::new("g", Filter::everything(), [group("g")])).await?;
    }
    within(window.time, async move {
        let first = stage.event();
        stage.publish(first.clone()).await?;
        stage.publish_again(&first).await?;
        // What the id stands for does not matter.
        let other = Event { id: first.id, ..stage.event() };
        stage.publish_again(&other).await?;
        let [second, third] = [stage.event(), stage.event()];
        let told = [&second, &third].map(|event| stage.foretell(event).map(|told| told.receivers.len()));
        let batch = [&second, &first, &second, &third, &third].map(|event| Arc::new(event.clone()));
        let publications = stage.system.publish_batch(&batch, OnFull::Wait).await?;
        let [second, third] = told.map(|told| stage.accepted(told.unwrap_or(0), 0));
        let twice = || Publication::Duplicate;
        same("publications of a batch", vec![second, twice(), twice(), third, twice()], publications)?;
        // The rounds are where the oracle has them.
        for _ in 0..3 {
            let event = stage.event();
            stage.publish(event).await?;
        }
        stage.settled().await?;
        let statistics = stage.system.statistics().await?;
        let counted = (statistics.accepted_events, statistics.duplicate_events, statistics.refused_events);
        same("accepted, duplicate and refused in the statistics", (6, 5, 0), counted)?;
        same("remembered ids", 6, statistics.remembered_ids)
    })
    .await
}

async fn one_of_many<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    const PUBLISHERS: u64 = 4;
    let Some(window) = stage.window()? else { return Ok(()) };
    stage.services(&["a"]).await?;
    stage.everything_to(&["a"]).await?;
    // No more than fit into the window: one publisher may be through before another begins.
    let events: Vec<Event> = (0..window.entries.min(100)).map(|_| stage.event()).collect();
    let foretold = events.iter().try_for_each(|event| stage.foretell(event).map(drop));
    same("the oracle's answer", Ok(()), foretold)?;
    let events: Arc<[Arc<Event>]> = events.into_iter().map(Arc::new).collect();
    within(window.time, async move {
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|publisher| {
                tokio::spawn(publish_all(stage.system.clone(), events.clone(), publisher % 2 == 0))
            })
            .collect();
        for publisher in publishers {
            publisher.await.map_err(|panic| Fault::new(panic.to_string()))??;
        }
        stage.settled().await?;
        let statistics = stage.system.statistics().await?;
        let repeated = (PUBLISHERS - 1) * events.len() as u64;
        same("duplicates in the statistics", repeated, statistics.duplicate_events)
    })
    .await
}

async fn publish_all<S: EventSystem>(
    system: Arc<S>,
    events: Arc<[Arc<Event>]>,
    in_batches: bool,
) -> Result<(), SystemError> {
    for few in events.chunks(if in_batches { 3 } else { 1 }) {
        match few {
            [event] => drop(system.publish(event.clone(), OnFull::Wait).await?),
            few => drop(system.publish_batch(few, OnFull::Wait).await?),
        }
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn new_after_others<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let Some(window) = stage.window()? else { return Ok(()) };
    let first = stage.event();
    let (one, other) = (stage.event(), stage.event());
    within(window.time, async {
        // Nobody gets them: they are accepted all the same.
        stage.publish(first.clone()).await?;
        let mut others = window.entries - 2;
        while others > 0 {
            let few: Vec<Event> = (0..others.min(100)).map(|_| stage.event()).collect();
            others -= few.len();
            stage.publish_batch(few).await?;
        }
        stage.publish(one).await?;
        // The oldest of the last ones still; that it is asked for does not make it younger.
        stage.publish_again(&first).await?;
        stage.publish(other).await?;
        let remembered = stage.system.statistics().await?.remembered_ids;
        same("remembered ids", window.entries, remembered)
    })
    .await?;
    stage.publish(first).await
}

async fn new_in_time<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let Some(window) = stage.window()? else { return Ok(()) };
    let event = stage.event();
    stage.publish(event.clone()).await?;
    if is_virtual() {
        sleep(window.time.saturating_sub(TICK)).await;
        stage.publish_again(&event).await?;
        sleep(2 * TICK).await;
    } else {
        sleep(window.time).await;
    }
    same("remembered ids", 0, stage.system.statistics().await?.remembered_ids)?;
    // It counts from now on: that it was asked for meanwhile does not matter.
    stage.publish(event.clone()).await?;
    within(window.time, stage.publish_again(&event)).await
}

async fn refused_is_not_seen<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a"]).await?;
    stage.everything_to(&["a"]).await?;
    let event = stage.event();
    let malformed = Event { source: "".into(), ..event.clone() };
    stage.publish(malformed).await?;
    stage.publish(event).await?;
    let event = stage.event();
    let malformed = Event { source: "".into(), ..event.clone() };
    stage.publish_batch(vec![malformed, event]).await?;
    if stage.offers(Capability::ExplicitTargets) {
        let event = stage.event();
        let to_nobody = Event { targets: [service("x")].into(), ..event.clone() };
        stage.publish(to_nobody).await?;
        stage.publish(event).await?;
    }
    stage.settled().await
}

async fn turned_away_is_not_seen<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let (jam, accepted) = stage.jam().await?;
    let [single, batched] = [stage.event_from("stuck"), stage.event_from("stuck")].map(Arc::new);
    let nobody = Publication::BackPressure { deliveries: 0, full: 1 };
    for _ in 0..2 {
        let told = stage.system.publish(single.clone(), OnFull::Refuse).await?;
        same("publication without room", &nobody, &told)?;
        let told = stage.system.publish_batch(std::slice::from_ref(&batched), OnFull::Refuse).await?;
        same("publication of a batch without room", std::slice::from_ref(&nobody), &told[..])?;
    }
    let both = stage.event_from("both");
    let told = stage.system.publish(Arc::new(both.clone()), OnFull::Refuse).await?;
    same("publication with room for one", Publication::BackPressure { deliveries: 1, full: 1 }, told)?;
    if let Some(window) = stage.window()? {
        within(window.time, stage.publish_again(&both)).await?;
    }
    jam.gate.open();
    stage.quiet().await?;
    for event in [single, batched] {
        let told = stage.system.publish(event, OnFull::Refuse).await?;
        same("publication with room", stage.accepted(1, 0), told)?;
    }
    let ledger = stage.quiet().await?;
    same("accepted in the ledger", accepted + 3, ledger.accepted)?;
    same("deliveries of the stuck service", accepted + 2, jam.stuck.ids().len() as u64)
}
