use std::sync::Arc;

use bytes::Bytes;

use super::actor::{Act, Actor, Illness};
use super::fault::{Fault, Verdict, ensure, same};
use super::stage::{Stage, service};
use super::witness::{Gate, Gated, Journal};
use super::{Capability, Case};
use crate::event::{Event, EventId, EventKind, Limits, Payload, Timestamp};
use crate::routing::{EventSystem, Filter, OnFull, Publication, Refusal, Rule};

const NEEDS: &[Capability] = &[Capability::Rules, Capability::ByteBudget];

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "no more than the budget",
            promise: "What would exceed the byte budget is refused, however it is published, and not seen, unless nobody \
                      gets it.",
            needs: NEEDS,
            check: |stage| Box::pin(no_more(stage)),
        },
        Case {
            name: "a batch at the budget",
            promise: "Of a batch as much is accepted as the byte budget has room for, in order.",
            needs: NEEDS,
            check: |stage| Box::pin(a_batch(stage)),
        },
        Case {
            name: "held until settled",
            promise: "An event is held once, however many get it, until the last of its deliveries is settled.",
            needs: NEEDS,
            check: |stage| Box::pin(until_settled(stage)),
        },
        Case {
            name: "letters give way",
            promise: "Where only dead letters fill the byte budget, the oldest make room for new events.",
            needs: &[Capability::Rules, Capability::ByteBudget, Capability::DeadLetters],
            check: |stage| Box::pin(letters_give_way(stage)),
        },
    ]
}

/// Events of one size, of which a budget has room for some.
struct Weights {
    budget: u64,
    /// Of each event.
    bytes: u64,
    /// As long as the longest payload. All events share it; it counts for each.
    payload: Bytes,
}

impl Weights {
    /// Of which the budget has room for `count`, or for more where that would make too large a payload.
    fn of<S: EventSystem>(stage: &mut Stage<S>, count: u64) -> Result<Self, Fault> {
        let budget = stage.term(Capability::ByteBudget, |terms| terms.byte_budget)?;
        let shortest = plain(stage, "0").held_bytes();
        let longest = (budget / count).saturating_sub(shortest).min(Limits::default().payload_bytes as u64);
        let payload = Bytes::from(vec![0; usize::try_from(longest).unwrap_or(0)]);
        Ok(Self { budget, bytes: shortest + payload.len() as u64, payload })
    }

    fn event<S: EventSystem>(&self, stage: &mut Stage<S>, source: &str) -> Event {
        let plain = plain(stage, source);
        let len = usize::try_from(self.bytes.saturating_sub(plain.held_bytes())).unwrap_or(0);
        Event { payload: Payload::Binary(self.payload.slice(..len)), ..plain }
    }

    /// Of how many there is room.
    fn fit(&self) -> u64 {
        self.budget / self.bytes
    }
}

/// An event without a payload.
fn plain<S: EventSystem>(stage: &mut Stage<S>, source: &str) -> Event {
    let payload = Payload::Binary(Bytes::new());
    Event { kind: EventKind::Metrics, payload, retry_limit: 0, ..stage.event_from(source) }
}

impl<S: EventSystem> Stage<S> {
    /// What the statistics say that is held: never more than the budget.
    async fn held(&self) -> Result<u64, Fault> {
        let held = self.system.statistics().await?.held_bytes;
        let held = held.ok_or_else(|| Fault::new("the statistics do not tell how many bytes are held"))?;
        let budget = self.term(Capability::ByteBudget, |terms| terms.byte_budget)?;
        ensure(held <= budget, format_args!("no more than {budget} bytes are held ({held})"))?;
        Ok(held)
    }

    /// As many services behind the gate as are needed to hold this many events, each with a rule for the source of its
    /// name.
    async fn hold(&mut self, events: u64, gate: &Gate) -> Result<Vec<String>, Fault> {
        let each = self.system.terms().mailbox_capacity.unwrap_or(1).max(1) as u64;
        let names: Vec<String> = (0..=events / each).map(|number| number.to_string()).collect();
        for name in &names {
            self.serve(name, Gated(gate.clone(), Journal::default())).await?;
        }
        self.by_source(&names.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        Ok(names)
    }

    async fn tell(&self, event: &Event, on_full: OnFull) -> Result<Publication, Fault> {
        Ok(self.system.publish(Arc::new(event.clone()), on_full).await?)
    }
}

async fn no_more<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let (gate, weights) = (Gate::default(), Weights::of(&mut stage, 8)?);
    let names = stage.hold(weights.fit(), &gate).await?;
    let mut sources = names.iter().cycle();
    let mut next = |stage: &mut Stage<S>| weights.event(stage, sources.next().map_or("0", String::as_str));
    for count in 1..=weights.fit() {
        let event = next(&mut stage);
        same("publication", stage.accepted(1, 0), stage.tell(&event, OnFull::Refuse).await?)?;
        same("bytes held", count * weights.bytes, stage.held().await?)?;
    }
    let held = weights.fit() * weights.bytes;
    let mut refused = Vec::new();
    for on_full in [OnFull::Wait, OnFull::Refuse, OnFull::DropLowest] {
        let event = next(&mut stage);
        let why = Refusal::OverBudget { bytes: weights.bytes, held, limit: weights.budget };
        same("publication beyond it", Publication::refused(why), stage.tell(&event, on_full).await?)?;
        same("bytes held", held, stage.held().await?)?;
        refused.push(event);
    }
    same("refused events", 3, stage.system.statistics().await?.refused_events)?;
    let event = weights.event(&mut stage, "nobody");
    same("publication of what nobody gets", stage.accepted(0, 0), stage.tell(&event, OnFull::Refuse).await?)?;
    same("bytes held", held, stage.held().await?)?;
    gate.open();
    stage.quiet().await?;
    same("bytes held at quiet", 0, stage.held().await?)?;
    for event in refused {
        same(
            "publication of what was refused",
            stage.accepted(1, 0),
            stage.tell(&event, OnFull::Wait).await?,
        )?;
        stage.quiet().await?;
    }
    same("bytes held at quiet", 0, stage.held().await?)
}

async fn a_batch<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    const MORE: u64 = 3;
    let (gate, weights) = (Gate::default(), Weights::of(&mut stage, 8)?);
    let names = stage.hold(weights.fit(), &gate).await?;
    let sources = names.iter().cycle().zip(0..weights.fit() + MORE);
    let batch: Vec<_> = sources.map(|(name, _)| Arc::new(weights.event(&mut stage, name))).collect();
    let told = stage.system.publish_batch(&batch, OnFull::Refuse).await?;
    let held = weights.fit() * weights.bytes;
    let why = || Refusal::OverBudget { bytes: weights.bytes, held, limit: weights.budget };
    let expected = (0..weights.fit()).map(|_| stage.accepted(1, 0));
    let expected = expected.chain((0..MORE).map(|_| Publication::refused(why())));
    same("publications", expected.collect::<Vec<_>>(), told)?;
    same("bytes held", held, stage.held().await?)?;
    gate.open();
    let ledger = stage.quiet().await?;
    same("accepted in the ledger", weights.fit(), ledger.accepted)?;
    same("bytes held at quiet", 0, stage.held().await?)
}

/// Tries that fail before it is well again, and how often it may be tried at most: no moment in between is missed.
const TRIES: usize = 3;
const RETRIES: u16 = 30;

async fn until_settled<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let (gate, weights) = (Gate::default(), Weights::of(&mut stage, 8)?);
    let illness = Illness::default();
    illness.begins();
    let actor = Actor::with(&illness);
    stage.serve("ill", actor.clone()).await?;
    stage.services(&["well", "fine"]).await?;
    stage.serve("stuck", Gated(gate.clone(), Journal::default())).await?;
    stage.everything_to(&["ill", "well", "fine", "stuck"]).await?;
    let retries = stage.offers(Capability::Retries);
    let retry_limit = if retries { RETRIES } else { 0 };
    let event = Event { retry_limit, ..weights.event(&mut stage, "a") };
    stage.tell(&event, OnFull::Wait).await?;
    gate.approached(1).await;
    stage.journal("fine").reached(1).await;
    same("bytes held while one is busy with it", weights.bytes, stage.held().await?)?;
    gate.open();
    if retries {
        // Whether it waits for a retry, or its turn, or is in hand: it is not settled.
        for tries in 1..=TRIES {
            actor.reached(tries).await;
            same("bytes held while one fails", weights.bytes, stage.held().await?)?;
        }
        illness.ends();
    }
    let later = if stage.offers(Capability::Scheduling) { 1_000_000_000 } else { 0 };
    if later > 0 {
        stage.quiet().await?;
        let due = Some(Timestamp(stage.system.now().0 + later));
        let event = Event { scheduled_at: due, ..weights.event(&mut stage, "a") };
        stage.tell(&event, OnFull::Wait).await?;
        same("bytes held while it waits for its moment", weights.bytes, stage.held().await?)?;
    }
    stage.quiet().await?;
    let letters = stage.system.statistics().await?.letter_bytes;
    same("bytes held at quiet, but for dead letters", letters, stage.held().await?)
}

/// A service for each letter: no breaker keeps any of them from failing.
async fn letters_give_way<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    const MORE: u64 = 2;
    let kept = stage.term(Capability::DeadLetters, |terms| terms.dead_letters)? as u64;
    let weights = Weights::of(&mut stage, kept.clamp(1, 8))?;
    if kept < weights.fit() {
        return Ok(()); // letters do not fill it
    }
    for name in (0..weights.fit()).map(|number| number.to_string()) {
        stage.serve(&name, Actor::new(|_| Act::Fail)).await?;
        stage.by_source(&[&name]).await?;
        let event = weights.event(&mut stage, &name);
        same("publication", stage.accepted(1, 0), stage.tell(&event, OnFull::Wait).await?)?;
        stage.quiet().await?;
    }
    let full = weights.fit() * weights.bytes;
    same("bytes that dead letters hold", full, stage.held().await?)?;
    let ids = async |stage: &Stage<S>| -> Result<Vec<EventId>, Fault> {
        Ok(stage.system.dead_letters().await?.iter().map(|letter| letter.event.id).collect())
    };
    let before = ids(&stage).await?;
    let batch: Vec<_> = (0..=MORE).map(|_| Arc::new(weights.event(&mut stage, "nobody"))).collect();
    for publication in stage.system.publish_batch(&batch, OnFull::Refuse).await? {
        same("publication of what nobody gets", stage.accepted(0, 0), publication)?;
    }
    same("dead letters, none of which had to make room", &*before, &*ids(&stage).await?)?;
    let gate = Gate::default();
    for number in 0..MORE.min(weights.fit()) {
        let name = format!("stuck {number}");
        stage.serve(&name, Gated(gate.clone(), Journal::default())).await?;
        stage.rule(Rule::new(&*name, Filter::Source((&*name).into()), [service(&name)])).await?;
        let event = weights.event(&mut stage, &name);
        same("publication", stage.accepted(1, 0), stage.tell(&event, OnFull::Wait).await?)?;
        same("bytes held", full, stage.held().await?)?;
    }
    let gone = MORE.min(weights.fit());
    let left = before.split_at(usize::try_from(gone).unwrap_or(0)).1;
    same("dead letters left", left, &*ids(&stage).await?)?;
    let statistics = stage.system.statistics().await?;
    let counted = (statistics.lost_letters, statistics.letter_bytes);
    same("lost letters, and bytes of the others", (gone, full - gone * weights.bytes), counted)?;
    gate.open();
    stage.quiet().await?;
    for letter in stage.system.dead_letters().await? {
        stage.system.purge(letter.id).await?;
    }
    same("bytes held when all letters are purged", 0, stage.held().await?)
}
