use std::collections::BTreeMap;
use std::time::Duration;

use super::{closed, latency};
use crate::experiment::{Assignment, Lineup, ProcessError, SystemProcess, Threads};
use crate::results::daemon_performance::{DaemonPerformance, ScenarioFacts};
use crate::stats::RatioError;
use crate::sut::{HandlerWork, Publishing};
use crate::targets::scenario_facts;
use crate::workload::Scenario;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Rounds of each closed-loop figure. 15 and more give intervals at the confidence that some
    /// twenty comparisons together need.
    pub rounds: usize,
    /// Least time of the passes of a round. Over 25 ms the scheduler's slices even out.
    pub round: Duration,
    /// How long each load is offered.
    pub offered_secs: u64,
    /// Of the workload and of the order of systems in each round.
    pub seed: u64,
}

impl Settings {
    /// Enough for every interval.
    pub const USUAL: Self = Self { rounds: 15, round: Duration::from_millis(25), offered_secs: 2, seed: 42 };
    /// One pass of everything, to see that it works.
    pub const TRIAL: Self = Self { rounds: 1, round: Duration::ZERO, offered_secs: 1, ..Self::USUAL };
}

/// Something to measure.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // the types say it
pub enum Figure {
    /// Closed loop, handlers that do nothing.
    Throughput { scenario: Scenario, threads: Threads, publishing: Publishing },
    /// Closed loop, handlers that take time.
    HandlerTime { work: HandlerWork, threads: Threads },
    /// Open loop.
    Latency { scenario: Scenario, threads: Threads },
}

/// The scenario whose handlers take time, and which is graded.
static GRADED: Scenario = Scenario::MEDIUM;

impl Figure {
    /// As in `--list`.
    pub fn name(&self) -> String {
        match self {
            Self::Throughput { scenario, threads, publishing } => {
                format!("throughput/{}/{}/{publishing}", scenario.name(), threads_name(*threads))
            }
            Self::HandlerTime { work, threads } => {
                format!("handler_time/{}/{}", work_name(*work), threads_name(*threads))
            }
            Self::Latency { scenario, threads } => {
                format!("latency/{}/{}", scenario.name(), threads_name(*threads))
            }
        }
    }

    /// The workload that it needs.
    pub fn scenario(&self) -> &Scenario {
        match self {
            Self::Throughput { scenario, .. } | Self::Latency { scenario, .. } => scenario,
            Self::HandlerTime { .. } => &GRADED,
        }
    }
}

fn threads_name(threads: Threads) -> String {
    threads.to_string().replace(' ', "_")
}

fn work_name(work: HandlerWork) -> String {
    match work {
        HandlerWork::None => "none".to_owned(),
        HandlerWork::Spin(time) => format!("spin_{}us", time.as_micros()),
        HandlerWork::Await(time) => format!("await_{}ms", time.as_millis()),
    }
}

/// All figures for these scenarios, on one thread and on `threads`.
pub fn figures(scenarios: &[Scenario], threads: Threads) -> Vec<Figure> {
    let both = [Threads(1), threads];
    let mut figures = Vec::new();
    for scenario in scenarios {
        for threads in both {
            for publishing in [Publishing::Batch, Publishing::Single] {
                figures.push(Figure::Throughput { scenario: scenario.clone(), threads, publishing });
            }
        }
    }
    if scenarios.contains(&GRADED) {
        let micros = |micros| HandlerWork::Spin(Duration::from_micros(micros));
        let awaited = HandlerWork::Await(Duration::from_millis(1));
        for threads in both {
            for work in [HandlerWork::None, micros(1), micros(10), micros(100), awaited] {
                figures.push(Figure::HandlerTime { work, threads });
            }
        }
    }
    for scenario in scenarios {
        figures.extend(both.map(|threads| Figure::Latency { scenario: scenario.clone(), threads }));
    }
    figures
}

/// Why a figure could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A system gave none.
    #[error("{figure}: {source}")]
    Process {
        /// Its name.
        figure: String,
        /// Why.
        source: ProcessError,
    },
    /// Rounds that cannot be compared.
    #[error("{figure}: {source}")]
    Ratio {
        /// Its name.
        figure: String,
        /// Why.
        source: RatioError,
    },
    /// Ctrl-C.
    #[error("{figure}: interrupted")]
    Interrupted {
        /// The one that was being taken.
        figure: String,
    },
}

/// Takes figures, one after the other, and keeps what was taken.
pub struct Plan<'a> {
    pub(super) lineup: &'a Lineup,
    pub(super) settings: Settings,
    pub(super) interrupted: &'a dyn Fn() -> bool,
    /// What was taken so far.
    pub taken: DaemonPerformance,
    facts: BTreeMap<String, ScenarioFacts>,
}

impl<'a> Plan<'a> {
    /// Nothing taken yet. `comparisons`: how many ratios the run will have; their intervals hold
    /// together with 95 % confidence (Bonferroni).
    pub fn new(
        lineup: &'a Lineup,
        settings: Settings,
        comparisons: usize,
        interrupted: &'a dyn Fn() -> bool,
    ) -> Self {
        #[allow(clippy::cast_precision_loss)] // some dozens
        let confidence = 1.0 - 0.05 / comparisons.max(1) as f64;
        let taken = DaemonPerformance { rounds: settings.rounds, confidence, ..DaemonPerformance::default() };
        Self { lineup, settings, interrupted, taken, facts: BTreeMap::new() }
    }

    /// Takes one figure. After an error nothing of it is kept.
    ///
    /// # Errors
    /// Why it could not be taken.
    pub fn take(&mut self, figure: &Figure) -> Result<(), PlanError> {
        match figure {
            Figure::Throughput { threads, publishing, .. } => {
                let spec = closed::spec(self, *threads, *publishing, HandlerWork::None, usize::MAX);
                let taken = closed::take(self, figure, spec)?;
                self.taken.throughput.push(taken);
            }
            Figure::HandlerTime { work, threads } => {
                let events = closed::events_for(*work);
                let spec = closed::spec(self, *threads, Publishing::Batch, *work, events);
                let taken = closed::take(self, figure, spec)?;
                self.taken.handler_time.push(taken);
            }
            Figure::Latency { threads, .. } => {
                let taken = latency::take(self, figure, *threads)?;
                self.taken.latency.extend(taken);
            }
        }
        Ok(())
    }

    /// A process for this system with the figure's workload.
    pub(super) fn start(&self, system: &str, figure: &Figure) -> Result<SystemProcess, PlanError> {
        let (system, scenario) = (system.to_owned(), figure.scenario().clone());
        let assignment = Assignment { system, scenario, seed: self.settings.seed };
        SystemProcess::start(&assignment).map_err(|source| failed(figure, source))
    }

    pub(super) fn check_interrupt(&self, figure: &Figure) -> Result<(), PlanError> {
        if (self.interrupted)() { Err(PlanError::Interrupted { figure: figure.name() }) } else { Ok(()) }
    }

    /// What the oracle counts for the first `events` of the figure's scenario.
    pub(super) fn facts(&mut self, figure: &Figure, events: usize) -> ScenarioFacts {
        let scenario = figure.scenario().clone();
        let scenario = scenario.clone().with_events(scenario.events().min(events)).unwrap_or(scenario);
        let key = format!("{scenario:?}");
        let seed = self.settings.seed;
        self.facts.entry(key).or_insert_with(|| scenario_facts(&scenario, seed)).clone()
    }
}

pub(super) fn failed(figure: &Figure, source: ProcessError) -> PlanError {
    PlanError::Process { figure: figure.name(), source }
}
