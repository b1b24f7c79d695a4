use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crucible_events::routing::{Handler, ServiceSpec};
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::time::Instant;

use crate::absences::Word;
use crate::injected::Counts;
use crate::{Absences, FaultPlan, Faulty, Injected, InvalidPlan};

/// A plan in force over the services of one run, whose handlers are of type `H`.
#[derive(Debug)]
pub struct Faults<H> {
    plan: FaultPlan,
    run: Arc<Run<H>>,
}

/// What the handlers of a run share.
#[derive(Debug)]
pub(crate) struct Run<H> {
    begin: OnceLock<Instant>,
    ended: AtomicBool,
    pub(crate) counts: Counts,
    pub(crate) absences: UnboundedSender<Word<H>>,
}

impl<H: Handler> Faults<H> {
    /// No fault strikes before [`Faults::begin`]. [`Absences`] are for a task beside the run; if no fault
    /// of the plan lets services vanish, they may be dropped.
    ///
    /// # Errors
    /// As [`FaultPlan::check`].
    pub fn new(plan: FaultPlan) -> Result<(Self, Absences<H>), InvalidPlan> {
        plan.check()?;
        let (absences, words) = mpsc::unbounded_channel();
        let (begin, ended, counts) = (OnceLock::new(), AtomicBool::new(false), Counts::default());
        let run = Arc::new(Run { begin, ended, counts, absences });
        Ok((Self { plan, run }, Absences::new(words)))
    }

    /// The handler for this service, with the plan's faults around it.
    pub fn of(&self, service: ServiceSpec, handler: H) -> Faulty<H> {
        let faults = self.plan.of_service(&service.name);
        Faulty::new(service, handler, faults, self.run.clone())
    }

    /// The moment from which the plan counts; the first that is given stays. It may lie ahead.
    pub fn begin(&self, at: Instant) {
        let _ = self.run.begin.set(at);
    }

    /// From now on no fault strikes, and whoever is away comes back at once. Those that hang keep hanging.
    pub fn end(&self) {
        self.run.ended.store(true, Ordering::Relaxed);
        // Nobody listens if the absences were dropped, and then nobody is away.
        let _ = self.run.absences.send(Word::End);
    }

    /// What is in force.
    pub fn plan(&self) -> &FaultPlan {
        &self.plan
    }

    /// What was injected so far.
    pub fn injected(&self) -> Injected {
        self.run.counts.injected()
    }
}

impl<H> Run<H> {
    /// The time since the beginning, as long as the plan is in force.
    pub(crate) fn moment(&self) -> Option<Duration> {
        let begin = self.begin.get().filter(|_| !self.ended.load(Ordering::Relaxed))?;
        Instant::now().checked_duration_since(*begin)
    }
}
