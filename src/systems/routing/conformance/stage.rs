use std::collections::BTreeMap;
use std::sync::Arc;

use super::fault::{Fault, Verdict, same};
use super::witness::Journal;
use crate::event::{Event, EventId, EventKind, JsonText, Limits, Name, Payload, Priority, Target, Timestamp};
use crate::routing::{
    Capability, EventSystem, Filter, GroupSpec, Handler, Ledger, OnFull, Oracle, Publication, Refusal, Rule,
    ServiceSpec, ServiceStatistics, Terms,
};

/// A system, the oracle that is told the same, and who took note of what.
pub(super) struct Stage<S> {
    pub(super) system: Arc<S>,
    pub(super) oracle: Oracle,
    journals: BTreeMap<Name, Journal>,
    expected: BTreeMap<Name, Vec<EventId>>,
    events: u128,
}

/// What the oracle says of an event that is not refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Foretold {
    pub(super) receivers: Vec<Name>,
    /// Its groups of which no member is available.
    unavailable: usize,
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

    /// What the system says of a capability in figures.
    pub(super) fn term<T>(&self, capability: Capability, of: fn(Terms) -> Option<T>) -> Result<T, Fault> {
        let silent = || Fault::new(format!("the terms say nothing of {capability}, which is offered"));
        of(self.system.terms()).ok_or_else(silent)
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
        self.serve_as(ServiceSpec::new(name), handler).await
    }

    pub(super) async fn serve_as(&mut self, service: ServiceSpec, handler: impl Handler) -> Verdict {
        let name = service.name.clone();
        self.system.register(service, handler).await?;
        self.oracle.register(&name);
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
        self.define(round_robin(name, members)).await
    }

    pub(super) async fn define(&mut self, group: GroupSpec) -> Verdict {
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

    /// Publishes what is no duplicate but of an event before: it is told to be one, and goes nowhere.
    pub(super) async fn publish_again(&mut self, event: &Event) -> Verdict {
        let publication = self.system.publish(Arc::new(event.clone()), OnFull::Wait).await?;
        same("publication of an id that was seen", Publication::Duplicate, publication)
    }

    /// What the oracle says of an event that is about to be published; its receivers are remembered.
    pub(super) fn foretell(&mut self, event: &Event) -> Result<Foretold, Refusal> {
        let unavailable = self.oracle.unavailable(event);
        let receivers = self.oracle.publish(event)?;
        for receiver in &receivers {
            let ids = self.expected.entry(receiver.clone()).or_default();
            ids.push(event.id);
        }
        Ok(Foretold { receivers, unavailable })
    }

    fn compare(&self, told: &Result<Foretold, Refusal>, publication: &Publication) -> Verdict {
        let expected = match told {
            Err(refusal) => Publication::refused(refusal.clone()),
            Ok(told) => self.accepted(told.receivers.len(), told.unavailable),
        };
        same("publication", &expected, publication)
    }

    /// What is told of an event that goes to so many services, and for which so many targets are not
    /// available.
    pub(super) fn accepted(&self, deliveries: usize, full: usize) -> Publication {
        // No case has 2³² services.
        let [deliveries, full] = [deliveries, full].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        if full > 0 {
            return Publication::BackPressure { deliveries, full };
        }
        let told = self.offers(Capability::DeliveryCounts);
        Publication::Accepted { deliveries: told.then_some(deliveries) }
    }

    /// What the system counted of a registered service.
    pub(super) async fn counted(&self, service: &str) -> Result<ServiceStatistics, Fault> {
        let counted = self.system.statistics().await?.services.into_iter();
        let missing = || Fault::new(format!("statistics say nothing of service `{service}`"));
        counted.into_iter().find(|counted| counted.name.as_str() == service).ok_or_else(missing)
    }

    /// Waits for quiet; the ledger, which balances then.
    pub(super) async fn quiet(&self) -> Result<Ledger, Fault> {
        self.system.quiesce().await?;
        let ledger = self.system.ledger().await?;
        ledger.check()?;
        same("deliveries that are not settled at quiet", 0, ledger.unsettled())?;
        Ok(ledger)
    }

    /// Waits for quiet; then every journal has what the oracle said, and the ledger agrees.
    pub(super) async fn settled(&self) -> Verdict {
        let ledger = self.quiet().await?;
        self.settled_journals()?;
        same("accepted deliveries in the ledger", self.deliveries(), ledger.accepted)
    }

    /// Every journal has what the oracle said.
    pub(super) fn settled_journals(&self) -> Verdict {
        for (service, journal) in &self.journals {
            let mut expected = self.expected.get(service).cloned().unwrap_or_default();
            let mut got = journal.ids();
            expected.sort_unstable();
            got.sort_unstable();
            same(format_args!("events of service `{service}`"), expected, got)?;
        }
        Ok(())
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
