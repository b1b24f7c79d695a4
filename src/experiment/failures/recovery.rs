use std::time::{Duration, Instant};

use crucible_events::crucible_core::Config;
use crucible_events::routing::BreakerPolicy;

use super::crew::Crew;
use crate::experiment::run::{Beginning, Material, RunError, Threads, run_as_task};
use crate::load::faults::FaultPlan;
use crate::sut::{BATCH, HandlerWork};
use crate::workload::Editions;

/// A service stalls until its breaker has opened and for at least so long, while publishing goes on at full
/// speed and other deliveries fail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecoveryLoad {
    /// What each delivery costs its service.
    pub work: HandlerWork,
    /// Events before they come round again in the next edition.
    pub events: usize,
    /// The period of the breakers; the rest of their policy is as by default.
    pub breaker_period: Duration,
    /// Of every service.
    pub handler_timeout: Duration,
    /// At least.
    pub stall: Duration,
    /// The part of deliveries that fails beside the stall.
    pub failing: f64,
    /// Of these draws.
    pub seed: u64,
}

/// How a service came back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recovery {
    /// How long it stalled.
    pub stalled: Duration,
    /// How often its breaker had opened by then.
    pub opened: u64,
    /// Deliveries that waited for it when the stall ended.
    pub backlog: u64,
    /// From the end of the stall to its first acknowledged delivery.
    pub first: Duration,
    /// From the end of the stall until it had acknowledged as many as had waited, though others came on top.
    pub caught_up: Duration,
}

/// One stall of a service of a fresh instance.
///
/// # Errors
/// Why there is no figure.
pub fn recover(material: &mut Material, load: &RecoveryLoad) -> Result<Recovery, RunError> {
    let beginning = material.beginning(load.events);
    let runtime = Threads(1).runtime()?;
    let load = *load;
    run_as_task(&runtime, async move { stall_and_return(&beginning, &load).await })
}

async fn stall_and_return(beginning: &Beginning, load: &RecoveryLoad) -> Result<Recovery, RunError> {
    let breaker = BreakerPolicy { open_for: load.breaker_period, ..BreakerPolicy::default() };
    let config = Config { breaker, handler_timeout: load.handler_timeout, ..Config::default() };
    let plan = FaultPlan::errors(load.failing, load.seed);
    let mut crew = Crew::assemble(beginning, config, plan, load.work).await?;
    let mut events = RoundAndRound { editions: Editions::of(&beginning.workload), at: 0 };
    events.publish_some(&mut crew).await?;
    let begin = Instant::now();
    crew.stall();
    while begin.elapsed() < load.stall || crew.of_stalled().await?.breaker_opened == 0 {
        events.publish_some(&mut crew).await?;
    }
    let waiting = crew.of_stalled().await?;
    let (backlog, received) = (waiting.queued + waiting.waiting, crew.received_by_stalled());
    let (stalled, end) = (begin.elapsed(), Instant::now());
    crew.release();
    let mut first = None;
    let caught_up = loop {
        events.publish_some(&mut crew).await?;
        let done = crew.received_by_stalled() - received;
        let now = end.elapsed();
        first = first.or((done > 0).then_some(now));
        if done >= backlog.max(1) {
            break now;
        }
    };
    crew.close(events.last()).await?;
    Ok(Recovery {
        stalled,
        opened: waiting.breaker_opened,
        backlog,
        first: first.unwrap_or(caught_up),
        caught_up,
    })
}

/// The events of a workload without end, in batches.
struct RoundAndRound {
    editions: Editions,
    at: usize,
}

impl RoundAndRound {
    async fn publish_some(&mut self, crew: &mut Crew) -> Result<(), RunError> {
        if self.at >= self.editions.events().len() {
            self.editions.advance();
            self.at = 0;
        }
        let events = &self.editions.events()[self.at..];
        let events = &events[..events.len().min(BATCH)];
        self.at += events.len();
        crew.publish(events).await
    }

    fn last(&self) -> Option<&std::sync::Arc<crucible_events::event::Event>> {
        self.editions.events()[..self.at].last()
    }
}
