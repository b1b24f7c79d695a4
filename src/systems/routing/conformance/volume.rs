use std::collections::BTreeMap;
use std::sync::Arc;

use super::fault::{Verdict, ensure, same};
use super::stage::{Stage, assorted, group, service};
use super::{Capability, Case, Fault};
use crate::event::{Category, Event, EventKind, Name, Priority};
use crate::routing::{EventSystem, Expected, Filter, OnFull, Publication, Recorder, Rule, SystemError};

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "volume, one by one",
            promise: "Of 30,000 events none is lost, doubled or misled.",
            needs: &[Capability::Rules],
            check: |stage| Box::pin(one_by_one(stage)),
        },
        Case {
            name: "volume, in batches",
            promise: "Of 30,000 events in batches none is lost, doubled or misled.",
            needs: &[Capability::Rules],
            check: |stage| Box::pin(in_batches(stage)),
        },
        Case {
            name: "many publishers",
            promise: "With eight publishers at the same time none of 16,000 events is lost, doubled or misled.",
            needs: &[Capability::Rules],
            check: |stage| Box::pin(many_publishers(stage)),
        },
    ]
}

/// Three times what a fault in 10,000 needs to show.
const EVENTS: u128 = 30_000;
const SERVICES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// Six services that count, five rules, and a group where groups are offered.
struct Mill {
    recorders: BTreeMap<Name, Recorder>,
    expected: Expected,
}

impl Mill {
    async fn build<S: EventSystem>(stage: &mut Stage<S>) -> Result<Self, Fault> {
        let mut recorders = BTreeMap::new();
        for name in SERVICES {
            let recorder = Recorder::new(&name.into());
            recorders.insert(Name::from(name), recorder.clone());
            stage.serve(name, recorder).await?;
        }
        let rules = [
            ("1", Filter::Kind(EventKind::FileModified), vec![service("a"), service("b")]),
            ("2", Filter::Category(Category::Database), vec![service("c")]),
            ("3", Filter::Source("vault".into()), vec![service("a"), service("d")]),
            ("4", Filter::MinPriority(Priority::High), vec![service("e")]),
            ("5", Filter::Not(Box::new(Filter::Source("sync".into()))), vec![service("f")]),
        ];
        for (id, filter, targets) in rules {
            stage.rule(Rule::new(id, filter, targets)).await?;
        }
        Ok(Self { recorders, expected: Expected::default() })
    }

    /// Remembers who is to get the event; how many.
    fn foretell<S: EventSystem>(&mut self, stage: &mut Stage<S>, event: &Event) -> Result<usize, Fault> {
        let receivers = stage.oracle.publish(event);
        let receivers = receivers.map_err(|why| Fault::new(format!("a sound event is refused: {why}")))?;
        self.expected.note(event.id, &receivers);
        Ok(receivers.len())
    }

    async fn compare<S: EventSystem>(&self, stage: &Stage<S>) -> Verdict {
        stage.system.quiesce().await?;
        for (service, recorder) in &self.recorders {
            let what = format_args!("what service `{service}` received").to_string();
            same(what, self.expected.of(service), recorder.tally())?;
        }
        let ledger = stage.system.ledger().await?;
        ledger.check()?;
        same("acknowledged in the ledger", self.expected.total().deliveries, ledger.acknowledged)?;
        let services = stage.system.statistics().await?.services;
        for counted in services {
            let expected = self.expected.of(&counted.name).deliveries;
            same(format_args!("acknowledged by `{}`", counted.name), expected, counted.acknowledged)?;
        }
        Ok(())
    }
}

async fn with_group<S: EventSystem>(stage: &mut Stage<S>) -> Verdict {
    if stage.offers(Capability::Groups) {
        stage.group("g", &["b", "c", "e"]).await?;
        let filter = Filter::Category(Category::Filesystem);
        stage.rule(Rule::new("g", filter, [group("g")])).await?;
    }
    Ok(())
}

fn told(publication: &Publication, expected: usize) -> Verdict {
    let told = publication.deliveries();
    let fits = told.is_none_or(|told| told as usize == expected);
    ensure(fits, format_args!("{expected} deliveries are told (it was {publication:?})"))
}

async fn one_by_one<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let mut mill = Mill::build(&mut stage).await?;
    with_group(&mut stage).await?;
    for n in 1..=EVENTS {
        let event = assorted(n);
        let expected = mill.foretell(&mut stage, &event)?;
        told(&stage.system.publish(Arc::new(event), OnFull::Wait).await?, expected)?;
    }
    mill.compare(&stage).await
}

async fn in_batches<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let mut mill = Mill::build(&mut stage).await?;
    with_group(&mut stage).await?;
    let events: Vec<Arc<Event>> = (1..=EVENTS).map(|n| Arc::new(assorted(n))).collect();
    for batch in events.chunks(64) {
        let publications = stage.system.publish_batch(batch, OnFull::Wait).await?;
        same("results of a batch", batch.len(), publications.len())?;
        for (event, publication) in batch.iter().zip(&publications) {
            told(publication, mill.foretell(&mut stage, event)?)?;
        }
    }
    mill.compare(&stage).await
}

/// Without the group: whose turn it is depends on who comes first.
async fn many_publishers<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let mut mill = Mill::build(&mut stage).await?;
    let events: Vec<Arc<Event>> = (1..=16_000).map(|n| Arc::new(assorted(n))).collect();
    for event in &events {
        mill.foretell(&mut stage, event)?;
    }
    let publishers: Vec<_> = events
        .chunks(2_000)
        .map(|share| tokio::spawn(publish(stage.system.clone(), share.to_vec())))
        .collect();
    for publisher in publishers {
        publisher.await.map_err(|panic| Fault::new(panic.to_string()))??;
    }
    mill.compare(&stage).await
}

async fn publish<S: EventSystem>(system: Arc<S>, events: Vec<Arc<Event>>) -> Result<(), SystemError> {
    for (number, event) in events.into_iter().enumerate() {
        system.publish(event, OnFull::Wait).await?;
        if number % 16 == 0 {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}
