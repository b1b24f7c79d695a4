use std::sync::Arc;

use crucible_events::crucible_core::{Config, CrucibleCore};
use crucible_events::event::{Event, Name};
use crucible_events::routing::{EventSystem, OnFull, Publication, ServiceStatistics, Statistics};
use tokio::sync::watch;
use tokio::time::Instant;

use super::gate::Gated;
use crate::experiment::accounts::{check_services, check_tries};
use crate::experiment::run::{Beginning, RunError};
use crate::load::faults::{FaultPlan, Faults};
use crate::sut::{BATCH, HandlerWork, Stage, WorkingHandler};
use crate::workload::Owed;

/// A fresh system whose services fail as a plan says, and of which one can be made to stall.
pub(super) struct Crew {
    stage: Stage<CrucibleCore>,
    faults: Faults<Gated>,
    gate: watch::Sender<bool>,
    owed: Arc<Owed>,
    stalled: Name,
    pub(super) published: Published,
}

/// What publishing told so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Published {
    /// Events.
    pub(super) events: u64,
    /// Deliveries that were accepted.
    pub(super) accepted: u64,
    /// Deliveries for which there was no room.
    pub(super) turned_away: u64,
}

/// What a run came to once all was quiet; every delivery of it is accounted for.
#[derive(Debug, Clone)]
pub(super) struct Books {
    pub(super) statistics: Statistics,
    /// Deliveries for which there was no room at services other than the one that stalls.
    pub(super) others_turned_away: u64,
    /// Errors that were injected.
    pub(super) errors: u64,
}

impl Crew {
    /// Services take part in `plan` from now on.
    pub(super) async fn assemble(
        beginning: &Beginning,
        config: Config,
        plan: FaultPlan,
        work: HandlerWork,
    ) -> Result<Self, RunError> {
        let Beginning { workload, owed } = beginning;
        let system = CrucibleCore::new(config)?;
        let (faults, _nobody_vanishes) = Faults::new(plan)?;
        let (gate, at_the_gate) = watch::channel(true);
        let stalled = busiest(owed, workload.events.len());
        let stalled = workload.services[stalled].name.clone();
        let stage = Stage::set_up_each(system, workload, |service, recorder| {
            let gate = (service.name == stalled).then(|| at_the_gate.clone());
            let within = WorkingHandler { recorder, work, log: () };
            faults.of(service.clone(), Gated { within, gate })
        })
        .await?;
        faults.begin(Instant::now());
        Ok(Self { stage, faults, gate, owed: owed.clone(), stalled, published: Published::default() })
    }

    /// The service stalls from its next batch on.
    pub(super) fn stall(&self) {
        self.gate.send_replace(false);
    }

    /// The stall is over.
    pub(super) fn release(&self) {
        self.gate.send_replace(true);
    }

    /// Publishes in batches; who has no room does without. Lets the services run after each batch.
    pub(super) async fn publish(&mut self, events: &[Arc<Event>]) -> Result<(), RunError> {
        for chunk in events.chunks(BATCH) {
            for publication in self.stage.system.publish_batch(chunk, OnFull::Refuse).await? {
                match publication {
                    Publication::Accepted { deliveries: Some(deliveries) } => {
                        self.published.accepted += u64::from(deliveries);
                    }
                    Publication::BackPressure { deliveries, full } => {
                        self.published.accepted += u64::from(deliveries);
                        self.published.turned_away += u64::from(full);
                    }
                    other => return Err(RunError::accounts(format!("a new event: {other:?}"), 1, 0)),
                }
            }
            self.published.events += chunk.len() as u64;
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    pub(super) async fn statistics(&self) -> Result<Statistics, RunError> {
        Ok(self.stage.system.statistics().await?)
    }

    /// Deliveries that all services but the one that stalls have acknowledged.
    pub(super) async fn acknowledged_by_others(&self) -> Result<u64, RunError> {
        let services = self.statistics().await?.services;
        let others = services.iter().filter(|service| service.name != self.stalled);
        Ok(others.map(|service| service.acknowledged).sum())
    }

    /// Of the service that stalls.
    pub(super) async fn of_stalled(&self) -> Result<ServiceStatistics, RunError> {
        let found =
            self.statistics().await?.services.into_iter().find(|service| service.name == self.stalled);
        found.ok_or_else(|| RunError::accounts("services that can stall", 1, 0))
    }

    /// Deliveries that the service that stalls received so far; costs no look at the system.
    pub(super) fn received_by_stalled(&self) -> u64 {
        let own = self.stage.tallies().find(|(name, _)| **name == self.stalled);
        own.map_or(0, |(_, tally)| tally.deliveries)
    }

    /// Ends all faults, waits for quiet and accounts for every delivery. `sample` is an event of the last
    /// batch.
    pub(super) async fn close(self, sample: Option<&Arc<Event>>) -> Result<Books, RunError> {
        self.faults.end();
        self.release();
        let system = &self.stage.system;
        system.quiesce().await?;
        let (ledger, statistics) = (system.ledger().await?, self.statistics().await?);
        let Published { events, accepted, turned_away } = self.published;
        let owed = self.owed.of_first(events);
        let owed_in_all: u64 = owed.iter().map(|tally| tally.deliveries).sum();
        RunError::check("deliveries accepted or turned away", owed_in_all, accepted + turned_away)?;
        RunError::check("deliveries in the ledger", accepted, ledger.accepted)?;
        RunError::check("deliveries unsettled when all is quiet", 0, ledger.unsettled())?;
        RunError::check("deliveries turned away", turned_away, statistics.turned_away)?;
        let errors = self.faults.injected().errors;
        check_tries(&statistics, errors)?;
        let missing = check_services(&self.stage, &owed, &statistics)?;
        RunError::check("turned away, service by service", turned_away, missing.iter().sum())?;
        let others = self.stage.tallies().zip(&missing).filter(|((name, _), _)| **name != self.stalled);
        let others_turned_away = others.map(|(_, missing)| missing).sum();
        if let Some(sample) = sample {
            self.stage.check_still_whole(sample).await?;
        }
        Ok(Books { statistics, others_turned_away, errors })
    }
}

/// The service that gets the most: its stall is the worst for the others.
fn busiest(owed: &Owed, events: usize) -> usize {
    let tallies = owed.of_first(events as u64);
    let most = tallies.iter().enumerate().max_by_key(|(_, tally)| tally.deliveries);
    most.map_or(0, |(service, _)| service)
}
