use std::sync::Arc;
use std::time::Duration;

use super::fault::{Fault, Verdict, ensure, same};
use super::stage::{Stage, service};
use super::witness::{Gate, Gated, Journal};
use super::{Capability, Case};
use crate::event::Event;
use crate::routing::{EventSystem, Filter, OnFull, Publication, Rule};

const NEEDS: &[Capability] = &[Capability::Rules, Capability::BackPressure];

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "queues are bounded",
            promise: "What is accepted for a service that never finishes stays below a bound.",
            needs: NEEDS,
            check: |stage| Box::pin(bounded(stage)),
        },
        Case {
            name: "a full queue refuses",
            promise: "With Refuse, a full target is left out and counted, and all others get the event.",
            needs: NEEDS,
            check: |stage| Box::pin(refuses(stage)),
        },
        Case {
            name: "a full queue makes wait",
            promise: "With Wait, all others get the event at once, the full one when it has room.",
            needs: NEEDS,
            check: |stage| Box::pin(makes_wait(stage)),
        },
        Case {
            name: "a waiting batch",
            promise: "A batch that waits for a full target goes on when there is room, complete and in order.",
            needs: NEEDS,
            check: |stage| Box::pin(a_waiting_batch(stage)),
        },
        Case {
            name: "shutdown frees who waits",
            promise: "A publisher that waits for room is not left waiting by a shutdown.",
            needs: NEEDS,
            check: |stage| Box::pin(shutdown_frees(stage)),
        },
    ]
}

/// No queue may be larger: a million events of a kilobyte are a gigabyte.
const BOUND: u64 = 1_000_000;

impl<S: EventSystem> Stage<S> {
    /// Publishes with [`OnFull::Refuse`] past the oracle; how many were told full, if any.
    pub(super) async fn try_publish(&self, event: Event) -> Result<Option<u32>, Fault> {
        match self.system.publish(Arc::new(event), OnFull::Refuse).await? {
            Publication::Accepted { .. } => Ok(None),
            Publication::BackPressure { full, .. } => Ok(Some(full)),
            Publication::Duplicate => Err(Fault::new("an event with an id of its own is told a duplicate")),
            Publication::Refused(why) => Err(Fault::new(format!("a sound event was refused: {why}"))),
        }
    }

    /// Publishes to a service that is busy until its queue is full; how many were accepted.
    pub(super) async fn fill(&mut self, source: &str, retry_limit: u16) -> Result<u64, Fault> {
        for accepted in 0..BOUND {
            let event = Event { retry_limit, ..self.event_from(source) };
            if self.try_publish(event).await?.is_some() {
                return Ok(accepted);
            }
        }
        Err(Fault::new(format!("{BOUND} events were accepted for a service that never finishes")))
    }
}

/// Two services, `stuck` behind the gate and busy with `free` idle; sources `stuck`, `free` and
/// `both` lead there.
pub(super) struct Jam {
    pub(super) gate: Gate,
    pub(super) stuck: Journal,
    pub(super) free: Journal,
}

impl<S: EventSystem> Stage<S> {
    /// A jam, and how many deliveries `stuck` has accepted.
    pub(super) async fn jam(&mut self) -> Result<(Jam, u64), Fault> {
        let jam = Jam { gate: Gate::default(), stuck: Journal::default(), free: Journal::default() };
        self.serve("stuck", Gated(jam.gate.clone(), jam.stuck.clone())).await?;
        self.serve("free", jam.free.clone()).await?;
        self.by_source(&["stuck", "free"]).await?;
        let targets = ["stuck", "free"].map(service);
        self.rule(Rule::new("both", Filter::Source("both".into()), targets)).await?;
        let first = self.event_from("stuck");
        same("full targets for the first event", None, self.try_publish(first).await?)?;
        jam.gate.approached(1).await;
        let accepted = 1 + self.fill("stuck", 0).await?;
        Ok((jam, accepted))
    }
}

async fn bounded<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let (jam, accepted) = stage.jam().await?;
    let ledger = stage.system.ledger().await?;
    same("accepted in the ledger", accepted, ledger.accepted)?;
    same("queued in the ledger", accepted, ledger.queued)?;
    ledger.check()?;
    jam.gate.open();
    stage.system.quiesce().await?;
    same("deliveries after the jam", accepted, jam.stuck.ids().len() as u64)?;
    let ledger = stage.system.ledger().await?;
    same("acknowledged in the ledger", accepted, ledger.acknowledged)
}

async fn refuses<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let (jam, accepted) = stage.jam().await?;
    let turned_away = stage.system.statistics().await?.turned_away;
    same("turned away so far", 1, turned_away)?;
    for served in 1..=100_usize {
        let event = stage.event_from("both");
        let id = event.id;
        let publication = stage.system.publish(Arc::new(event), OnFull::Refuse).await?;
        same("publication", Publication::BackPressure { deliveries: 1, full: 1 }, publication)?;
        jam.free.reached(served).await;
        same("the free service's latest event", Some(id), jam.free.ids().pop())?;
    }
    let event = stage.event_from("stuck");
    let batch = [Arc::new(stage.event_from("free")), Arc::new(event)];
    let publications = stage.system.publish_batch(&batch, OnFull::Refuse).await?;
    same(
        "publications in a batch",
        Some(&Publication::BackPressure { deliveries: 0, full: 1 }),
        publications.last(),
    )?;
    jam.gate.open();
    stage.system.quiesce().await?;
    same("deliveries of the stuck service", accepted, jam.stuck.ids().len() as u64)?;
    same("deliveries of the free service", 101, jam.free.ids().len())?;
    let statistics = stage.system.statistics().await?;
    same("turned away in the statistics", 102, statistics.turned_away)?;
    let ledger = stage.system.ledger().await?;
    ledger.check()?;
    same("accepted in the ledger", accepted + 101, ledger.accepted)
}

async fn makes_wait<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let (jam, accepted) = stage.jam().await?;
    let event = stage.event_from("both");
    let id = event.id;
    let system = stage.system.clone();
    let waiting = tokio::spawn(async move { system.publish(Arc::new(event), OnFull::Wait).await });
    jam.free.reached(1).await;
    same("the free service's event", vec![id], jam.free.ids())?;
    // Others can publish meanwhile, and are served.
    for served in 2..=100 {
        let event = stage.event_from("free");
        let publication = stage.system.publish(Arc::new(event), OnFull::Wait).await?;
        same("deliveries", Some(1), publication.deliveries())?;
        jam.free.reached(served).await;
    }
    ensure(!waiting.is_finished(), "the publisher waits while the queue is full")?;
    jam.gate.open();
    let publication = waiting.await.map_err(|panic| Fault::new(panic.to_string()))??;
    same("deliveries", Some(2), publication.deliveries())?;
    stage.system.quiesce().await?;
    same("deliveries of the stuck service", accepted + 1, jam.stuck.ids().len() as u64)?;
    same("its events that are the waiting one", 1, jam.stuck.ids().iter().filter(|&&got| got == id).count())?;
    stage.system.ledger().await?.check().map_err(Fault::from)
}

async fn a_waiting_batch<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let (jam, accepted) = stage.jam().await?;
    let sources = ["free", "both", "stuck", "both", "free"];
    let batch: Vec<Arc<Event>> = sources.map(|source| Arc::new(stage.event_from(source))).into();
    let system = stage.system.clone();
    let events = batch.clone();
    let waiting = tokio::spawn(async move { system.publish_batch(&events, OnFull::Wait).await });
    jam.free.reached(1).await;
    ensure(!waiting.is_finished(), "the batch waits while the queue is full")?;
    jam.gate.open();
    let publications = waiting.await.map_err(|panic| Fault::new(panic.to_string()))??;
    let deliveries: Vec<_> = publications.iter().map(Publication::deliveries).collect();
    same("deliveries", [1, 2, 1, 2, 1].map(Some).to_vec(), deliveries)?;
    stage.system.quiesce().await?;
    let sent = |places: &[usize]| -> Vec<_> { places.iter().map(|&place| batch[place].id).collect() };
    same("events of the free service", sent(&[0, 1, 3, 4]), jam.free.ids())?;
    let stuck: Vec<_> = jam.stuck.ids().split_off(usize::try_from(accepted).unwrap_or(usize::MAX));
    same("late events of the stuck service", sent(&[1, 2, 3]), stuck)
}

async fn shutdown_frees<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let (jam, accepted) = stage.jam().await?;
    let event = stage.event_from("both");
    let system = stage.system.clone();
    let waiting = tokio::spawn(async move { system.publish(Arc::new(event), OnFull::Wait).await });
    jam.free.reached(1).await;
    let ledger = stage.system.shutdown(Duration::from_millis(20)).await?;
    ledger.check()?;
    same("deliveries still queued", 0, ledger.queued)?;
    // What it is told is the system's to say; that it is told something is not.
    let _ = waiting.await.map_err(|panic| Fault::new(panic.to_string()))?;
    same("acknowledged", 1, ledger.acknowledged)?;
    ensure(
        ledger.abandoned >= accepted,
        format_args!("the {accepted} deliveries of the stuck service are abandoned ({})", ledger.abandoned),
    )
}
