use std::collections::BTreeMap;
use std::time::Duration;

use super::{Figure, dimension, limit};
use crate::experiment::bottleneck::Look;
use crate::experiment::search::{LongRun, Overload, Steps, Walk};
use crate::experiment::{Assignment, Entry, Lineup, SystemProcess, Threads};
use crate::results::scalability_testing::{Dimension, ScalabilityTesting};
use crate::targets::{PlanError, check_interrupt};
use crate::workload::Scenario;

/// How much is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// More sizes along each dimension, references among the limits.
    pub full: bool,
    /// Staircases of each limit.
    pub staircases: usize,
    /// How each is walked.
    pub walk: Walk,
    /// What a rate has to stand.
    pub long: LongRun,
    /// What comes on top of it.
    pub overload: Overload,
    /// How long is looked for what limits it.
    pub look: Look,
    /// Closed-loop rounds at each size.
    pub rounds: usize,
    /// Least time of the passes of a round.
    pub round: Duration,
    /// How long a load is offered at each size, for latency.
    pub offered: Duration,
    /// Threads where they do not grow: of the limits, and along publishers.
    pub threads: Threads,
    /// Cores of the machine.
    pub cores: usize,
    /// What throughput should grow by along a dimension, from the smallest size to the largest, where that is not the
    /// ideal.
    pub expected: BTreeMap<Dimension, f64>,
    /// Of events, arrivals, orders and resampling.
    pub seed: u64,
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Settings {
    /// Three staircases a limit, of which half as many trials count, and no interval.
    pub fn quick(cores: usize) -> Self {
        let steps = Steps { coarse: 0.08, fine: 0.03, trials: 14 };
        Self {
            full: false,
            staircases: 3,
            walk: Walk { lasting: ms(100), steps },
            long: LongRun { lasting: ms(5_000), p99: ms(10), attempts: 6, next: 0.90 },
            overload: Overload { factor: 1.5, before: ms(500), during: ms(1_000), after: ms(1_500) },
            look: Look { watched: ms(1_000), turn: ms(100), turns: 3 },
            rounds: 3,
            round: ms(25),
            offered: ms(300),
            threads: Threads(cores.max(2)),
            cores,
            expected: BTreeMap::new(),
            seed: 42,
        }
    }

    /// Seven staircases a limit, with an interval; rates confirmed for 30 s, in smaller steps.
    pub fn full(cores: usize) -> Self {
        let quick = Self::quick(cores);
        Self {
            full: true,
            staircases: 7,
            walk: Walk { steps: Steps { trials: 30, ..quick.walk.steps }, ..quick.walk },
            long: LongRun { lasting: ms(30_000), attempts: 12, next: 0.93, ..quick.long },
            overload: Overload { before: ms(1_000), during: ms(3_000), after: ms(4_500), ..quick.overload },
            look: Look { watched: ms(2_000), turn: ms(300), turns: 5 },
            rounds: 9,
            offered: ms(2_000),
            ..quick
        }
    }

    /// The least of everything, to see that it works.
    pub fn trial(cores: usize) -> Self {
        let quick = Self::quick(cores);
        Self {
            staircases: 1,
            walk: Walk { lasting: ms(20), steps: Steps { trials: 2, ..quick.walk.steps } },
            long: LongRun { lasting: ms(100), p99: ms(1_000), attempts: 1, ..quick.long },
            overload: Overload { before: ms(50), during: ms(50), after: ms(50), ..quick.overload },
            look: Look { watched: ms(20), turn: ms(5), turns: 1 },
            rounds: 1,
            round: Duration::ZERO,
            offered: ms(50),
            ..quick
        }
    }
}

/// Takes figures, one after the other, and keeps what was taken.
pub struct Plan<'a> {
    pub(super) lineup: &'a Lineup,
    pub(super) settings: Settings,
    pub(super) interrupted: &'a dyn Fn() -> bool,
    /// Sees what is being done within a figure.
    pub(super) show: &'a dyn Fn(&str),
    /// What was taken so far.
    pub taken: ScalabilityTesting,
}

impl<'a> Plan<'a> {
    /// Nothing taken yet.
    pub fn new(
        lineup: &'a Lineup,
        settings: Settings,
        interrupted: &'a dyn Fn() -> bool,
        show: &'a dyn Fn(&str),
    ) -> Self {
        Self { lineup, settings, interrupted, show, taken: ScalabilityTesting::default() }
    }

    /// Takes one figure. After an error nothing of it is kept.
    ///
    /// # Errors
    /// Why it could not be taken.
    pub fn take(&mut self, figure: &Figure) -> Result<(), PlanError> {
        match figure {
            Figure::KnownAnswer => {
                let taken = limit::take(self, figure, super::figure::known_answer())?;
                self.taken.limits.push(taken);
            }
            Figure::Limit(work) => {
                let taken = limit::take(self, figure, super::figure::limit(*work))?;
                self.taken.limits.push(taken);
            }
            Figure::Dimension(along) => {
                let taken = dimension::take(self, figure, *along)?;
                self.taken.dimensions.push(taken);
            }
        }
        Ok(())
    }

    /// A process for this system with this scenario.
    pub(super) fn start(
        &self,
        entry: &Entry,
        scenario: &Scenario,
        figure: &Figure,
    ) -> Result<SystemProcess, PlanError> {
        self.check_interrupt(figure)?;
        let (system, scenario) = (entry.name.clone(), scenario.clone());
        let assignment = Assignment { system, workload: scenario.into(), seed: self.settings.seed };
        SystemProcess::start(&assignment).map_err(|why| PlanError::new(figure.name(), why))
    }

    pub(super) fn check_interrupt(&self, figure: &Figure) -> Result<(), PlanError> {
        check_interrupt(self.interrupted, || figure.name())
    }
}
