use std::sync::Arc;

use crucible_events::event::{Event, EventId, Name, Priority, Target, Timestamp};
use crucible_events::routing::{
    Batch, BatchOutcome, Capability, EventSystem, Handler, Imbalance, OnFull, Publication, Recorder,
    ServiceSpec, SystemError, Tally,
};

use crate::workload::{Owed, Workload};

/// A system set up for a workload, with a tally for each of its services.
#[derive(Debug)]
pub struct Stage<S> {
    /// The system.
    pub system: S,
    recorders: Vec<(Name, Recorder)>,
}

/// A system could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("setting up {what}: {source}")]
pub struct SetUpError {
    what: String,
    source: SystemError,
}

/// Services did not receive what the oracle says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongDeliveries {
    /// One of them received other deliveries.
    #[error(
        "service `{service}`: expected {} deliveries with checksum {:016x}, got {} with {:016x}; the system's ledger: {ledger}",
        .expected.deliveries, .expected.checksum, .got.deliveries, .got.checksum
    )]
    Service {
        /// Its name.
        service: Name,
        /// What the oracle says.
        expected: Tally,
        /// What it received.
        got: Tally,
        /// What the system says of all services: whether they were lost, or expired on a machine that stood still.
        ledger: String,
    },
    /// The sum of what publishing announced is another.
    #[error("publishing announced {announced} deliveries, expected {expected}")]
    Announced {
        /// By the system.
        announced: u64,
        /// By the oracle.
        expected: u64,
    },
}

impl<S: EventSystem> Stage<S> {
    /// Registers the services, each with the handler that `handler` makes around its tally, then
    /// defines groups and rules, as far as the system offers them.
    ///
    /// # Errors
    /// The first thing that the system did not accept.
    pub async fn set_up<H: Handler>(
        system: S,
        workload: &Workload,
        handler: impl Fn(Recorder) -> H,
    ) -> Result<Self, SetUpError> {
        Self::set_up_each(system, workload, |_, recorder| handler(recorder)).await
    }

    /// The same where handlers differ from service to service.
    ///
    /// # Errors
    /// The first thing that the system did not accept.
    pub async fn set_up_each<H: Handler>(
        system: S,
        workload: &Workload,
        handler: impl Fn(&ServiceSpec, Recorder) -> H,
    ) -> Result<Self, SetUpError> {
        let failed = |what: String| move |source| SetUpError { what, source };
        let mut recorders = Vec::with_capacity(workload.services.len());
        for service in &workload.services {
            let recorder = Recorder::new(&service.name);
            recorders.push((service.name.clone(), recorder.clone()));
            let registered = system.register(service.clone(), handler(service, recorder)).await;
            registered.map_err(failed(format!("service `{}`", service.name)))?;
        }
        let offered = system.capabilities();
        if offered.offers(Capability::Groups) {
            for group in &workload.groups {
                let defined = system.define_group(group.clone()).await;
                defined.map_err(failed(format!("group `{}`", group.name)))?;
            }
        }
        if offered.offers(Capability::Rules) {
            for rule in &workload.rules {
                let added = system.add_rule(rule.clone()).await;
                added.map_err(failed(format!("rule `{}`", rule.id)))?;
            }
        }
        Ok(Self { system, recorders })
    }

    /// What all services together received so far.
    pub fn received(&self) -> Tally {
        let mut total = Tally::default();
        for (_, recorder) in &self.recorders {
            total += recorder.tally();
        }
        total
    }

    /// What each service received so far, in the order of the workload's.
    pub fn tallies(&self) -> impl Iterator<Item = (&Name, Tally)> {
        self.recorders.iter().map(|(service, recorder)| (service, recorder.tally()))
    }

    /// Compares what each service received with what it is owed of the first `published` events (see
    /// [`Owed::of_first`]).
    ///
    /// # Errors
    /// The first service that received something else.
    pub async fn check(&self, owed: &Owed, published: u64) -> Result<(), WrongDeliveries> {
        for ((service, recorder), expected) in self.recorders.iter().zip(owed.of_first(published)) {
            let got = recorder.tally();
            if got != expected {
                let ledger = match self.system.ledger().await {
                    Ok(ledger) => format!("{ledger:?}"),
                    Err(why) => why.to_string(),
                };
                return Err(WrongDeliveries::Service { service: service.clone(), expected, got, ledger });
            }
        }
        Ok(())
    }
}

/// What a system that has just been measured still has to do as it promises.
#[derive(Debug, thiserror::Error)]
pub enum StillWhole {
    /// It could not be asked.
    #[error(transparent)]
    System(#[from] SystemError),
    /// Deliveries were lost or invented.
    #[error(transparent)]
    Ledger(#[from] Imbalance),
    /// A malformed event was not refused.
    #[error("an event without an id was not refused: {0:?}")]
    NotRefused(Publication),
    /// An event was not recognized when it came again.
    #[error("an event that was published twice was not recognized as a duplicate: {0:?}")]
    NotRecognized(Publication),
    /// Who waits was not served by priority.
    #[error("Critical did not overtake Low: served {0:?}")]
    NotOvertaken(Vec<Priority>),
}

impl<S: EventSystem> Stage<S> {
    /// Asks the measured instance for what its figures take for granted: the ledger balances, a
    /// malformed event is refused and, where they are offered, duplicates are recognized and Critical
    /// overtakes. `sample` is the event that was published last.
    ///
    /// # Errors
    /// The first promise that it does not keep.
    pub async fn check_still_whole(&self, sample: &Event) -> Result<(), StillWhole> {
        let ledger = self.system.ledger().await?;
        ledger.check()?;
        if self.system.capabilities().offers(Capability::Deduplication) {
            match self.system.publish(Arc::new(sample.clone()), OnFull::Wait).await? {
                Publication::Duplicate => {}
                other => return Err(StillWhole::NotRecognized(other)),
            }
        }
        if self.system.capabilities().offers(Capability::ExplicitTargets) {
            let malformed = Event { id: EventId::NIL, ..sample.clone() };
            match self.system.publish(Arc::new(malformed), OnFull::Wait).await? {
                Publication::Refused(_) => {}
                other => return Err(StillWhole::NotRefused(other)),
            }
        }
        if self.system.capabilities().offers(Capability::Priorities) {
            self.check_overtaking(sample).await?;
        }
        Ok(())
    }

    async fn check_overtaking(&self, sample: &Event) -> Result<(), StillWhole> {
        let name = Name::from("priority-probe");
        let order = Order::default();
        self.system.register(ServiceSpec::new(&name), order.clone()).await?;
        let event = |(number, priority): (u128, Priority)| {
            let mut event = sample.clone();
            event.id = EventId(number);
            event.priority = priority;
            event.targets = [Target::Service(name.clone())].into();
            event.created_at = Timestamp::default();
            Arc::new(event)
        };
        let mut priorities = Priority::ALL;
        priorities.reverse();
        let events: Vec<_> = (1..).zip(priorities).map(event).collect();
        self.system.publish_batch(&events, OnFull::Wait).await?;
        self.system.quiesce().await?;
        self.system.unregister(&name).await?;
        let served = order.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        if served == Priority::ALL { Ok(()) } else { Err(StillWhole::NotOvertaken(served)) }
    }
}

/// Writes down in which order priorities were served.
#[derive(Debug, Clone, Default)]
struct Order(Arc<std::sync::Mutex<Vec<Priority>>>);

impl Handler for Order {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        let mut served = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        served.extend(batch.iter().map(|event| event.priority));
        BatchOutcome::Acknowledged
    }
}
