use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crucible_events::data_coordinator::DataCoordinator;
use crucible_events::event::{Event, EventId, Name, Target};
use crucible_events::routing::{
    Capabilities, Capability, EventSystem, Handler, Ledger, OnFull, Publication, Rule, ServiceSpec,
    Statistics, SystemError,
};

/// A system that remembers the last ids that it has seen, and delivers no event that has one of them.
/// It accepts the event all the same and does not tell deliveries, as brokers do that acknowledge a
/// duplicate: nothing but what services received gives it away.
pub(super) struct Remembering {
    inner: DataCoordinator,
    seen: Mutex<Seen>,
}

struct Seen {
    most: usize,
    ids: HashSet<EventId>,
    in_order: VecDeque<EventId>,
}

impl Seen {
    /// Whether it was known.
    fn note(&mut self, id: EventId) -> bool {
        let known = !self.ids.insert(id);
        if !known {
            self.in_order.push_back(id);
        }
        if self.in_order.len() > self.most {
            self.in_order.pop_front().map(|oldest| self.ids.remove(&oldest));
        }
        known
    }
}

impl Remembering {
    /// Believes that it has seen this id.
    pub(super) fn knowing(id: EventId) -> Self {
        let all = Self::last(usize::MAX);
        all.seen.lock().unwrap_or_else(PoisonError::into_inner).note(id);
        all
    }

    /// `most` ids.
    pub(super) fn last(most: usize) -> Self {
        let seen = Seen { most, ids: HashSet::new(), in_order: VecDeque::new() };
        Self { inner: DataCoordinator::default(), seen: Mutex::new(seen) }
    }
}

impl EventSystem for Remembering {
    fn capabilities(&self) -> Capabilities {
        Capabilities::of(&[Capability::Rules, Capability::ExplicitTargets])
    }

    async fn register<H: Handler>(&self, service: ServiceSpec, handler: H) -> Result<(), SystemError> {
        self.inner.register(service, handler).await
    }

    async fn unregister(&self, service: &Name) -> Result<(), SystemError> {
        self.inner.unregister(service).await
    }

    async fn add_rule(&self, rule: Rule) -> Result<(), SystemError> {
        self.inner.add_rule(rule).await
    }

    async fn remove_rule(&self, rule: &Name) -> Result<(), SystemError> {
        self.inner.remove_rule(rule).await
    }

    async fn preview(&self, event: &Event) -> Result<Vec<Target>, SystemError> {
        self.inner.preview(event).await
    }

    async fn publish(&self, event: Arc<Event>, on_full: OnFull) -> Result<Publication, SystemError> {
        if self.seen.lock().unwrap_or_else(PoisonError::into_inner).note(event.id) {
            return Ok(Publication::Accepted { deliveries: None });
        }
        match self.inner.publish(event, on_full).await? {
            Publication::Accepted { .. } => Ok(Publication::Accepted { deliveries: None }),
            other => Ok(other),
        }
    }

    async fn quiesce(&self) -> Result<(), SystemError> {
        self.inner.quiesce().await
    }

    async fn ledger(&self) -> Result<Ledger, SystemError> {
        self.inner.ledger().await
    }

    async fn statistics(&self) -> Result<Statistics, SystemError> {
        self.inner.statistics().await
    }

    async fn shutdown(&self, grace: Duration) -> Result<Ledger, SystemError> {
        self.inner.shutdown(grace).await
    }
}
