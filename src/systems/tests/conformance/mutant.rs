//! A system that is right but for one fault, put in between it and its services or its callers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crucible_events::event::{Event, Name, Priority, Target};
use crucible_events::routing::{
    Batch, BatchOutcome, Capabilities, DynHandler, EventSystem, GroupSpec, Handler, Ledger, OnFull,
    Publication, Rule, ServiceSpec, Statistics, SystemError,
};

use crate::mutation::Mutation;

/// The system within, with one mutation.
pub(crate) struct Mutant<S> {
    inner: S,
    mutation: Mutation,
    floor: Arc<Floor>,
}

/// What all services of a mutant share.
#[derive(Default)]
struct Floor {
    deliveries: AtomicU64,
    services: Mutex<BTreeMap<Name, Arc<dyn DynHandler>>>,
    held: Mutex<Vec<Event>>,
}

impl Floor {
    /// The positions of the batch at which every n-th delivery stands.
    fn every(&self, n: u64, batch: Batch<'_>) -> Option<usize> {
        let len = batch.len() as u64;
        let before = self.deliveries.fetch_add(len, Ordering::Relaxed);
        let position = n - 1 - before % n;
        usize::try_from(position).ok().filter(|&position| position < batch.len())
    }

    fn anyone_but(&self, service: &Name) -> Option<Arc<dyn DynHandler>> {
        let services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        services.iter().find(|(name, _)| *name != service).map(|(_, handler)| handler.clone())
    }
}

/// One delivery in so many.
const RARE: u64 = 10_000;

struct Faulty {
    service: Name,
    inner: Arc<dyn DynHandler>,
    mutation: Mutation,
    floor: Arc<Floor>,
}

impl Handler for Faulty {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        match self.mutation {
            Mutation::Drops | Mutation::Doubles | Mutation::Misleads | Mutation::Exchanges => {
                match self.floor.every(RARE, batch) {
                    Some(position) => self.astray(batch, position).await,
                    None => self.inner.handle_boxed(batch).await,
                }
            }
            Mutation::Holds => {
                let position = self.floor.every(100, batch);
                let event = position.and_then(|position| batch.iter().nth(position));
                self.floor.held.lock().unwrap_or_else(PoisonError::into_inner).extend(event.cloned());
                self.inner.handle_boxed(batch).await
            }
            Mutation::Reverses => {
                let mut events: Vec<Event> = batch.iter().cloned().collect();
                events.reverse();
                self.inner.handle_boxed(Batch::owned(&events)).await
            }
            Mutation::Forgives => {
                self.inner.handle_boxed(batch).await;
                BatchOutcome::Acknowledged
            }
            Mutation::Copies => {
                let copies: Vec<Event> = batch.iter().map(with_own_payload).collect();
                self.inner.handle_boxed(Batch::owned(&copies)).await
            }
            _ => self.inner.handle_boxed(batch).await,
        }
    }
}

fn with_own_payload(event: &Event) -> Event {
    let copied = crucible_events::event::encode(event);
    let limits = crucible_events::event::Limits::default();
    crucible_events::event::decode(&copied, &limits).expect("it was encoded a line above")
}

impl Faulty {
    async fn astray(&self, batch: Batch<'_>, position: usize) -> BatchOutcome {
        let mut events: Vec<Event> = batch.iter().cloned().collect();
        match self.mutation {
            Mutation::Doubles => events.push(events[position].clone()),
            Mutation::Exchanges if position > 0 => events[position] = events[position - 1].clone(),
            // With nothing before it in its batch, an exchange is with the future.
            Mutation::Exchanges => events[position].id.0 += 1,
            _ => {
                let event = events.remove(position);
                if let (Mutation::Misleads, Some(other)) =
                    (self.mutation, self.floor.anyone_but(&self.service))
                {
                    other.handle_boxed(Batch::owned(&[event])).await;
                }
            }
        }
        if !events.is_empty() {
            self.inner.handle_boxed(Batch::owned(&events)).await;
        }
        BatchOutcome::Acknowledged
    }
}

impl<S: EventSystem> Mutant<S> {
    pub(crate) fn new(inner: S, mutation: Mutation) -> Self {
        Self { inner, mutation, floor: Arc::default() }
    }

    fn on_full(&self, asked: OnFull) -> OnFull {
        match self.mutation {
            Mutation::NeverWaits => OnFull::Refuse,
            Mutation::NeverRefuses => OnFull::Wait,
            _ => asked,
        }
    }

    fn forget(&self, mut ledger: Ledger) -> Ledger {
        if self.mutation == Mutation::Forgets {
            ledger.acknowledged -= ledger.acknowledged / RARE;
        }
        ledger
    }
}

impl<S: EventSystem> EventSystem for Mutant<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn register<H: Handler>(&self, service: ServiceSpec, handler: H) -> Result<(), SystemError> {
        let name = service.name.clone();
        let inner: Arc<dyn DynHandler> = Arc::new(handler);
        let faulty = Faulty {
            service: name.clone(),
            inner: inner.clone(),
            mutation: self.mutation,
            floor: self.floor.clone(),
        };
        self.inner.register(service, faulty).await?;
        self.floor.services.lock().unwrap_or_else(PoisonError::into_inner).insert(name, inner);
        Ok(())
    }

    async fn unregister(&self, service: &Name) -> Result<(), SystemError> {
        self.inner.unregister(service).await
    }

    async fn define_group(&self, group: GroupSpec) -> Result<(), SystemError> {
        self.inner.define_group(group).await
    }

    async fn remove_group(&self, group: &Name) -> Result<(), SystemError> {
        self.inner.remove_group(group).await
    }

    async fn add_rule(&self, rule: Rule) -> Result<(), SystemError> {
        match self.inner.add_rule(rule).await {
            Err(SystemError::Exists { .. }) if self.mutation == Mutation::KeepsRules => Ok(()),
            answer => answer,
        }
    }

    async fn remove_rule(&self, rule: &Name) -> Result<(), SystemError> {
        if self.mutation == Mutation::KeepsRules { Ok(()) } else { self.inner.remove_rule(rule).await }
    }

    async fn preview(&self, event: &Event) -> Result<Vec<Target>, SystemError> {
        self.inner.preview(event).await
    }

    async fn publish(&self, event: Arc<Event>, on_full: OnFull) -> Result<Publication, SystemError> {
        let flat = Event { priority: Priority::Normal, ..Event::clone(&event) };
        let event = if self.mutation == Mutation::Flattens { Arc::new(flat) } else { event };
        self.inner.publish(event, self.on_full(on_full)).await
    }

    async fn publish_batch(
        &self,
        events: &[Arc<Event>],
        on_full: OnFull,
    ) -> Result<Vec<Publication>, SystemError> {
        self.inner.publish_batch(events, self.on_full(on_full)).await
    }

    async fn quiesce(&self) -> Result<(), SystemError> {
        if self.mutation == Mutation::IsHasty { Ok(()) } else { self.inner.quiesce().await }
    }

    async fn ledger(&self) -> Result<Ledger, SystemError> {
        self.inner.ledger().await.map(|ledger| self.forget(ledger))
    }

    async fn statistics(&self) -> Result<Statistics, SystemError> {
        self.inner.statistics().await
    }

    async fn shutdown(&self, grace: Duration) -> Result<Ledger, SystemError> {
        let grace = if self.mutation == Mutation::IsPatient { grace * 10_000 } else { grace };
        self.inner.shutdown(grace).await.map(|ledger| self.forget(ledger))
    }
}
