//! A system that is right but for one fault, put in between it and its services or its callers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crucible_events::event::{Event, EventId, Name, Priority, Target, Timestamp};
use crucible_events::routing::{
    Batch, Capabilities, DeadLetter, DynHandler, EventSystem, Gauge, GroupSpec, Handler, Health, Ledger,
    LetterId, OnFull, Publication, Rule, ServiceSpec, ServiceStatistics, Statistics, Strategy, SystemError,
    Terms,
};

use crate::faulty::Faulty;
use crate::lies;
use crate::mutation::Mutation;

/// The system within, with one mutation.
pub(crate) struct Mutant<S> {
    inner: S,
    mutation: Mutation,
    floor: Arc<Floor>,
}

/// What all services of a mutant share.
#[derive(Default)]
pub(crate) struct Floor {
    pub(crate) deliveries: AtomicU64,
    services: Mutex<BTreeMap<Name, Arc<dyn DynHandler>>>,
    pub(crate) held: Mutex<Vec<Event>>,
    refused: Mutex<BTreeSet<EventId>>,
    replayed: Mutex<Vec<DeadLetter>>,
}

impl Floor {
    /// The positions of the batch at which every n-th delivery stands.
    pub(crate) fn every(&self, n: u64, batch: Batch<'_>) -> Option<usize> {
        let len = batch.len() as u64;
        let before = self.deliveries.fetch_add(len, Ordering::Relaxed);
        let position = n - 1 - before % n;
        usize::try_from(position).ok().filter(|&position| position < batch.len())
    }

    pub(crate) fn anyone_but(&self, service: &Name) -> Option<Arc<dyn DynHandler>> {
        let services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        services.iter().find(|(name, _)| *name != service).map(|(_, handler)| handler.clone())
    }
}

/// One delivery in so many.
pub(crate) const RARE: u64 = 10_000;

impl<S: EventSystem> Mutant<S> {
    pub(crate) fn new(inner: S, mutation: Mutation) -> Self {
        Self { inner, mutation, floor: Arc::default() }
    }

    fn on_full(&self, asked: OnFull) -> OnFull {
        match self.mutation {
            Mutation::NeverWaits => OnFull::Refuse,
            Mutation::NeverRefuses => OnFull::Wait,
            Mutation::NeverDrops if asked == OnFull::DropLowest => OnFull::Refuse,
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

impl<S: EventSystem> Mutant<S> {
    /// The event that goes in instead.
    fn distort(&self, event: &Arc<Event>) -> Arc<Event> {
        const SECOND: u64 = 1_000_000_000;
        let scheduled_at = match (self.mutation, event.scheduled_at) {
            (Mutation::IgnoresSchedule, _) => None,
            (Mutation::RoundsMoments, Some(at)) => Some(Timestamp(at.0.div_ceil(SECOND) * SECOND)),
            (Mutation::DelaysThePast, Some(at)) => Some(at.max(Timestamp(self.now().0 + SECOND))),
            (_, scheduled_at) => scheduled_at,
        };
        let priority = if self.mutation == Mutation::Flattens { Priority::Normal } else { event.priority };
        if (scheduled_at, priority) == (event.scheduled_at, event.priority) {
            return event.clone();
        }
        Arc::new(Event { scheduled_at, priority, ..Event::clone(event) })
    }

    /// What is told instead.
    fn tell(&self, event: EventId, publication: Publication) -> Publication {
        let mut refused = self.floor.refused.lock().unwrap_or_else(PoisonError::into_inner);
        match (self.mutation, publication) {
            (Mutation::AcceptsTwice, Publication::Duplicate) => Publication::Accepted { deliveries: Some(0) },
            (Mutation::SaysAccepted, Publication::BackPressure { deliveries, .. }) => {
                Publication::Accepted { deliveries: Some(deliveries) }
            }
            (Mutation::RemembersAll | Mutation::RemembersWhatDidNotFit, _) if refused.contains(&event) => {
                Publication::Duplicate
            }
            (_, told @ (Publication::Refused(_) | Publication::BackPressure { deliveries: 0, .. })) => {
                refused.insert(event);
                told
            }
            (_, told) => told,
        }
    }

    fn lie(&self, count: &mut ServiceStatistics) {
        match self.mutation {
            Mutation::SaysAllIsWell => count.health = Health::Healthy,
            Mutation::HidesTrouble => {
                let ServiceStatistics { name, health, queued, waiting, acknowledged, .. } = count.clone();
                *count = ServiceStatistics {
                    health,
                    queued,
                    waiting,
                    acknowledged,
                    ..ServiceStatistics::new(name)
                };
            }
            _ => {}
        }
    }

    async fn letter(&self, id: LetterId) -> Option<DeadLetter> {
        self.inner.dead_letters().await.ok()?.into_iter().find(|letter| letter.id == id)
    }

    /// Replays what the inner system did once more.
    async fn replay_again(&self, letter: &DeadLetter) {
        let services = self.floor.services.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(handler) = services.get(&letter.service) {
            handler.handle_boxed(Batch::owned(&[Event::clone(&letter.event)])).await;
        }
    }
}

impl<S: EventSystem> EventSystem for Mutant<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn terms(&self) -> Terms {
        lies::told(self.mutation, self.inner.terms())
    }

    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    async fn register<H: Handler>(&self, service: ServiceSpec, handler: H) -> Result<(), SystemError> {
        let name = service.name.clone();
        let service = match (self.mutation, service.handler_timeout) {
            (Mutation::IgnoresOwnTime, _) | (Mutation::TakesNoTime, Some(Duration::ZERO)) => {
                ServiceSpec::new(name.clone())
            }
            _ => service,
        };
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

    async fn define_group(&self, mut group: GroupSpec) -> Result<(), SystemError> {
        match (self.mutation, &mut group.strategy) {
            (Mutation::IgnoresStrategy | Mutation::PassesForBalanced, strategy) => {
                *strategy = Strategy::RoundRobin;
            }
            (Mutation::Reseeds, Strategy::WeightedRandom { seed }) => *seed = seed.wrapping_add(1),
            (Mutation::WeighsNothing, Strategy::WeightedRandom { .. }) => {
                group.members.iter_mut().for_each(|member| member.weight = member.weight.max(1));
            }
            _ => {}
        }
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
        let publication = self.inner.publish(self.distort(&event), self.on_full(on_full)).await?;
        Ok(self.tell(event.id, publication))
    }

    async fn publish_batch(
        &self,
        events: &[Arc<Event>],
        on_full: OnFull,
    ) -> Result<Vec<Publication>, SystemError> {
        let distorted: Vec<Arc<Event>> = events.iter().map(|event| self.distort(event)).collect();
        let publications = self.inner.publish_batch(&distorted, self.on_full(on_full)).await?;
        let told = events.iter().zip(publications).map(|(event, told)| self.tell(event.id, told));
        Ok(told.collect())
    }

    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, SystemError> {
        let mut letters = self.inner.dead_letters().await?;
        match self.mutation {
            Mutation::LosesLetters => drop(letters.pop()),
            Mutation::KeepsReplayed => {
                let replayed = self.floor.replayed.lock().unwrap_or_else(PoisonError::into_inner);
                letters.extend(replayed.iter().cloned());
            }
            _ => {}
        }
        Ok(letters)
    }

    async fn replay(&self, letter: LetterId, on_full: OnFull) -> Result<Publication, SystemError> {
        let before = self.letter(letter).await;
        let told = self.inner.replay(letter, on_full).await;
        match (self.mutation, told) {
            (
                Mutation::ReplaysToNobody,
                Err(SystemError::Unknown { .. }) | Ok(Publication::BackPressure { .. }),
            ) => Ok(Publication::Accepted { deliveries: Some(1) }),
            (Mutation::ReplaysTwice, Ok(told)) => {
                if let Some(letter) = before {
                    self.replay_again(&letter).await;
                }
                Ok(told)
            }
            (_, told) => {
                let mut replayed = self.floor.replayed.lock().unwrap_or_else(PoisonError::into_inner);
                replayed.extend(before.filter(|_| told.is_ok()));
                told
            }
        }
    }

    async fn purge(&self, letter: LetterId) -> Result<(), SystemError> {
        if self.mutation == Mutation::PurgesNothing { Ok(()) } else { self.inner.purge(letter).await }
    }

    async fn quiesce(&self) -> Result<(), SystemError> {
        if self.mutation == Mutation::IsHasty { Ok(()) } else { self.inner.quiesce().await }
    }

    async fn ledger(&self) -> Result<Ledger, SystemError> {
        self.inner.ledger().await.map(|ledger| self.forget(ledger))
    }

    async fn statistics(&self) -> Result<Statistics, SystemError> {
        let mut statistics = self.inner.statistics().await?;
        statistics.services.iter_mut().for_each(|count| self.lie(count));
        if self.mutation == Mutation::KeepsBytes {
            statistics.held_bytes = statistics.held_bytes.map(|held| held + statistics.accepted_events);
        }
        let untried = |count: &ServiceStatistics| count.waiting > 0 && count.acknowledged == 0;
        let idle = statistics.services.iter().all(|count| count.queued == 0);
        if self.mutation == Mutation::UncountsRetries && idle && statistics.services.iter().any(untried) {
            statistics.held_bytes = Some(0);
        }
        if self.mutation == Mutation::UncountsDuplicates {
            statistics.duplicate_events = 0;
        }
        Ok(statistics)
    }

    async fn gauges(&self) -> Result<Vec<Gauge>, SystemError> {
        let mut gauges = self.inner.gauges().await?;
        if self.mutation == Mutation::TellsWhatItHolds {
            let held = self.floor.held.lock().unwrap_or_else(PoisonError::into_inner).len();
            gauges.push(Gauge::passing("events that a service keeps", held));
        }
        Ok(gauges)
    }

    async fn shutdown(&self, grace: Duration) -> Result<Ledger, SystemError> {
        let grace = if self.mutation == Mutation::IsPatient { grace * 1_000_000 } else { grace };
        self.inner.shutdown(grace).await.map(|ledger| self.forget(ledger))
    }
}
