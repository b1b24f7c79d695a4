use std::collections::BTreeMap;
use std::sync::Arc;

use super::fault::{Fault, Verdict, same};
use super::witness::Journal;
use crate::event::{Event, EventId, EventKind, JsonText, Limits, Name, Payload, Priority, Target, Timestamp};
use crate::routing::{
    Capability, EventSystem, Filter, GroupSpec, Handler, OnFull, Oracle, Publication, Refusal, Rule,
    ServiceSpec,
};

/// A system, the oracle that is told the same, and who took note of what.
pub(super) struct Stage<S> {
    pub(super) system: Arc<S>,
    pub(super) oracle: Oracle,
    journals: BTreeMap<Name, Journal>,
    expected: BTreeMap<Name, Vec<EventId>>,
    events: u128,
}

impl<S: EventSystem> Stage<S> {
    pub(super) fn new(system: Arc<S>) -> Self {
        Self {
            system,
            oracle: Oracle::new(Limits::default()),
            journals: BTreeMap::new(),
            expected: BTreeMap::new(),
            events: 0,
        }
    }

    pub(super) fn offers(&self, capability: Capability) -> bool {
        self.system.capabilities().offers(capability)
    }

    /// Registers services that keep journals.
    pub(super) async fn services(&mut self, names: &[&str]) -> Verdict {
        for &name in names {
            let journal = self.journal(name);
            self.serve(name, journal).await?;
        }
        Ok(())
    }

    /// The journal of a service; what [`Stage::settled`] compares. A service that comes back goes on
    /// writing where it stopped.
    pub(super) fn journal(&mut self, name: &str) -> Journal {
        self.journals.entry(name.into()).or_default().clone()
    }

    pub(super) async fn serve(&mut self, name: &str, handler: impl Handler) -> Verdict {
        self.system.register(ServiceSpec::new(name), handler).await?;
        self.oracle.register(&name.into());
        Ok(())
    }

    pub(super) async fn dismiss(&mut self, name: &str) -> Verdict {
        self.system.unregister(&name.into()).await?;
        self.oracle.unregister(&name.into());
        Ok(())
    }

    pub(super) async fn rule(&mut self, rule: Rule) -> Verdict {
        self.system.add_rule(rule.clone()).await?;
        self.oracle.add_rule(rule);
        Ok(())
    }

    /// A rule that sends everything to these services.
    pub(super) async fn everything_to(&mut self, services: &[&str]) -> Verdict {
        let targets = services.iter().map(|&name| service(name));
        self.rule(Rule::new("everything", Filter::everything(), targets)).await
    }

    /// For each service a rule of its own: events whose source has its name.
    pub(super) async fn by_source(&mut self, services: &[&str]) -> Verdict {
        for &name in services {
            let filter = Filter::Source(name.into());
            self.rule(Rule::new(name, filter, [service(name)])).await?;
        }
        Ok(())
    }

    pub(super) async fn drop_rule(&mut self, id: &str) -> Verdict {
        self.system.remove_rule(&id.into()).await?;
        self.oracle.remove_rule(&id.into());
        Ok(())
    }

    pub(super) async fn group(&mut self, name: &str, members: &[&str]) -> Verdict {
        let group = round_robin(name, members);
        self.system.define_group(group.clone()).await?;
        self.oracle.define_group(group);
        Ok(())
    }

    pub(super) async fn drop_group(&mut self, name: &str) -> Verdict {
        self.system.remove_group(&name.into()).await?;
        self.oracle.remove_group(&name.into());
        Ok(())
    }

    /// The next event: an id of its own, and kinds, priorities and fields that differ from one to the
    /// next.
    pub(super) fn event(&mut self) -> Event {
        self.events += 1;
        assorted(self.events)
    }

    /// An event with this source, for [`Stage::by_source`].
    pub(super) fn event_from(&mut self, source: &str) -> Event {
        Event { source: source.into(), priority: Priority::Normal, ..self.event() }
    }

    /// Publishes, and holds what the system says of it against the oracle.
    pub(super) async fn publish(&mut self, event: Event) -> Verdict {
        let told = self.foretell(&event);
        let publication = self.system.publish(Arc::new(event), OnFull::Wait).await?;
        self.compare(&told, &publication)
    }

    /// The same with all in one call.
    pub(super) async fn publish_batch(&mut self, events: Vec<Event>) -> Verdict {
        let told: Vec<_> = events.iter().map(|event| self.foretell(event)).collect();
        let events: Vec<Arc<Event>> = events.into_iter().map(Arc::new).collect();
        let publications = self.system.publish_batch(&events, OnFull::Wait).await?;
        same("results of a batch", told.len(), publications.len())?;
        told.iter().zip(&publications).try_for_each(|(told, publication)| self.compare(told, publication))
    }

    /// What the oracle says of an event that is about to be published; its receivers are remembered.
    pub(super) fn foretell(&mut self, event: &Event) -> Result<usize, Refusal> {
        let receivers = self.oracle.publish(event)?;
        for receiver in &receivers {
            let ids = self.expected.entry(receiver.clone()).or_default();
            ids.push(event.id);
        }
        Ok(receivers.len())
    }

    fn compare(&self, told: &Result<usize, Refusal>, publication: &Publication) -> Verdict {
        let expected = match told {
            Err(refusal) => Publication::refused(refusal.clone()),
            Ok(_) if !self.offers(Capability::DeliveryCounts) => Publication::Accepted { deliveries: None },
            Ok(count) => Publication::Accepted { deliveries: u32::try_from(*count).ok() },
        };
        same("publication", &expected, publication)
    }

    /// Waits for quiet; then every journal has what the oracle said, and the ledger agrees.
    pub(super) async fn settled(&self) -> Verdict {
        self.system.quiesce().await?;
        for (service, journal) in &self.journals {
            let mut expected = self.expected.get(service).cloned().unwrap_or_default();
            let mut got = journal.ids();
            expected.sort_unstable();
            got.sort_unstable();
            same(format_args!("events of service `{service}`"), expected, got)?;
        }
        let ledger = self.system.ledger().await?;
        ledger.check()?;
        same("deliveries still queued at quiet", 0, ledger.queued)?;
        same("accepted deliveries in the ledger", self.deliveries(), ledger.accepted)
    }

    /// How many deliveries the oracle foretold.
    pub(super) fn deliveries(&self) -> u64 {
        self.expected.values().map(|ids| ids.len() as u64).sum()
    }
}

pub(super) fn service(name: &str) -> Target {
    Target::Service(name.into())
}

pub(super) fn group(name: &str) -> Target {
    Target::Group(name.into())
}

pub(super) fn round_robin(name: &str, members: &[&str]) -> GroupSpec {
    GroupSpec::round_robin(name, members.iter().map(|&member| Name::from(member)))
}

/// Fails of an answer that should have been an error of this shape.
pub(super) fn refused<T: std::fmt::Debug, E: std::fmt::Debug>(
    what: &str,
    shape: &str,
    answer: &Result<T, E>,
    fits: impl Fn(&E) -> bool,
) -> Verdict {
    match answer {
        Err(error) if fits(error) => Ok(()),
        other => Err(Fault::new(format!("{what}: expected {shape}, got {other:?}"))),
    }
}

/// The n-th event, n > 0: three kinds of payload, all priorities, many kinds, five sources.
pub(super) fn assorted(n: u128) -> Event {
    let pick = |among: usize| usize::try_from(n % among as u128).unwrap_or(0);
    let payload = match pick(3) {
        0 => Payload::Text(format!("text {n}").into()),
        1 => Payload::Binary(n.to_le_bytes().to_vec().into()),
        _ => Payload::Json((&serde_json::json!({"note": {"folder": pick(5)}, "n": pick(7)})).into()),
    };
    let kind = match pick(19) {
        built_in @ 0..17 => EventKind::BUILT_IN[built_in].clone(),
        _ => EventKind::Custom("note.tagged".into()),
    };
    let source = ["vault", "sync", "index", "plugin", "agent"][pick(5)];
    Event { priority: Priority::ALL[pick(4)], ..Event::new(EventId(n), kind, source, Timestamp(1), payload) }
}

/// A payload of JSON text that is known to be good.
pub(super) fn json(text: &'static str) -> Payload {
    Payload::Json(JsonText::new(text).expect("written as JSON in this file's callers"))
}
