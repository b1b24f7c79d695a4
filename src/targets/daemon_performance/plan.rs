use std::collections::BTreeMap;
use std::time::Duration;

use super::{closed, latency};
use crate::experiment::{Assignment, Lineup, Role, SystemProcess, Threads};
use crate::results::daemon_performance::{DaemonPerformance, Quantile, ScenarioFacts};
use crate::sut::{HandlerWork, Publishing};
use crate::targets::{PlanError, check_interrupt, scenario_facts, workload_facts};
use crate::workload::trace::Speed;
use crate::workload::{Recipe, Scenario, Workload};

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Rounds of each closed-loop figure. 15 and more give intervals at the confidence that a hundred
    /// comparisons together need.
    pub rounds: usize,
    /// Least time of the passes of a round. Over 25 ms the scheduler's slices even out.
    pub round: Duration,
    /// Rounds of each offered load. 15 and more give intervals, as above; one tells no difference.
    pub latency_rounds: usize,
    /// How fast recorded events are replayed.
    pub speed: Speed,
    /// Of the workload and of the order of systems in each round.
    pub seed: u64,
}

impl Settings {
    /// Enough for every interval.
    pub const USUAL: Self = Self {
        rounds: 15,
        round: Duration::from_millis(25),
        latency_rounds: 1,
        speed: Speed::RECORDED,
        seed: 42,
    };
    /// One pass of everything, to see that it works.
    pub const TRIAL: Self = Self { rounds: 1, round: Duration::ZERO, latency_rounds: 2, ..Self::USUAL };
}

/// Something to measure.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // the types say it
pub enum Figure {
    /// Closed loop, handlers that do nothing.
    Throughput { workload: Recipe, threads: Threads, publishing: Publishing },
    /// Closed loop, handlers that take time.
    HandlerTime { work: HandlerWork, threads: Threads },
    /// Open loop: at some rate, or as recorded.
    Latency { workload: Recipe, threads: Threads },
}

/// The scenario whose handlers take time, and which is graded.
const GRADED: Scenario = Scenario::MEDIUM;

impl Figure {
    /// As in `--list`.
    pub fn name(&self) -> String {
        match self {
            Self::Throughput { workload, threads, publishing } => {
                format!("throughput/{}/{}/{publishing}", workload.name(), threads_name(*threads))
            }
            Self::HandlerTime { work, threads } => {
                format!("handler_time/{}/{}", work_name(*work), threads_name(*threads))
            }
            Self::Latency { workload, threads } => {
                format!("latency/{}/{}", workload.name(), threads_name(*threads))
            }
        }
    }

    /// How many ratios it will have at most: each candidate over the baseline, closed loop over the reference, too; latency by
    /// each quantile at both rates, or as recorded.
    pub fn comparisons(&self, settings: &Settings, lineup: &Lineup) -> usize {
        let publishing = match self {
            Self::Throughput { publishing, .. } => *publishing,
            Self::HandlerTime { .. } | Self::Latency { .. } => Publishing::Batch,
        };
        let systems = |is: fn(Role) -> bool| lineup.under(publishing).filter(|entry| is(entry.role)).count();
        let baselines = systems(|role| role == Role::Baseline);
        let references = systems(|role| matches!(role, Role::Reference(_)));
        let over = match self {
            Self::Throughput { .. } | Self::HandlerTime { .. } => baselines + references,
            Self::Latency { .. } if settings.latency_rounds <= 1 => 0,
            Self::Latency { workload, .. } if workload.trace().is_some() => baselines * Quantile::ALL.len(),
            Self::Latency { .. } => 2 * baselines * Quantile::ALL.len(),
        };
        over * systems(|role| role == Role::Candidate)
    }

    /// The workload that it needs.
    pub fn workload(&self) -> Recipe {
        match self {
            Self::Throughput { workload, .. } | Self::Latency { workload, .. } => workload.clone(),
            Self::HandlerTime { .. } => GRADED.into(),
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

/// All figures for these workloads, on one thread and on `threads`.
pub fn figures(workloads: &[Recipe], threads: Threads) -> Vec<Figure> {
    let both = [Threads(1), threads];
    let mut figures = Vec::new();
    for workload in workloads {
        for threads in both {
            for publishing in [Publishing::Batch, Publishing::Single] {
                figures.push(Figure::Throughput { workload: workload.clone(), threads, publishing });
            }
        }
    }
    if workloads.contains(&GRADED.into()) {
        let micros = |micros| HandlerWork::Spin(Duration::from_micros(micros));
        let awaited = HandlerWork::Await(Duration::from_millis(1));
        for threads in both {
            for work in [HandlerWork::None, micros(1), micros(10), micros(100), awaited] {
                figures.push(Figure::HandlerTime { work, threads });
            }
        }
    }
    for workload in workloads {
        figures.extend(both.map(|threads| Figure::Latency { workload: workload.clone(), threads }));
    }
    figures
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
        #[allow(clippy::cast_precision_loss)] // a hundred or so
        let confidence = 1.0 - 0.05 / comparisons.max(1) as f64;
        let Settings { rounds, latency_rounds, .. } = settings;
        let taken = DaemonPerformance { rounds, latency_rounds, confidence, ..DaemonPerformance::default() };
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
        let (system, workload) = (system.to_owned(), figure.workload());
        let assignment = Assignment { system, workload, seed: self.settings.seed };
        SystemProcess::start(&assignment).map_err(|source| PlanError::new(figure.name(), source))
    }

    pub(super) fn check_interrupt(&self, figure: &Figure) -> Result<(), PlanError> {
        check_interrupt(self.interrupted, || figure.name())
    }

    /// What the oracle counts for the first `events` of the figure's workload.
    pub(super) fn facts(&mut self, figure: &Figure, events: usize) -> Result<ScenarioFacts, PlanError> {
        let (recipe, seed) = (figure.workload(), self.settings.seed);
        let key = format!("{recipe:?} {events}");
        if let Some(known) = self.facts.get(&key) {
            return Ok(known.clone());
        }
        let facts = if recipe.trace().is_some() {
            workload_facts(&self.workload(figure)?.beginning(events))
        } else {
            let scenario = recipe.scenario().clone();
            let scenario = scenario.clone().with_events(scenario.events().min(events)).unwrap_or(scenario);
            scenario_facts(&scenario, seed)
        };
        Ok(self.facts.entry(key).or_insert(facts).clone())
    }

    /// The figure's workload, in this process.
    pub(super) fn workload(&self, figure: &Figure) -> Result<Workload, PlanError> {
        let made = figure.workload().make(self.settings.seed);
        made.map_err(|source| PlanError::new(figure.name(), source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sut;

    #[test]
    fn every_ratio_that_a_figure_may_have_is_counted() {
        let (workload, threads) = (Recipe::from(GRADED), Threads(1));
        let [throughput, handlers, latency] = [
            Figure::Throughput { workload: workload.clone(), threads, publishing: Publishing::Single },
            Figure::HandlerTime { work: HandlerWork::None, threads },
            Figure::Latency { workload, threads },
        ];
        let of_one = Settings::USUAL;
        let of_several = Settings { latency_rounds: 15, ..of_one };
        let standard = Lineup::standard();
        let with_another = Lineup::standard().with("another", Role::Candidate, sut::crucible_core);
        for (lineup, candidates) in [(&standard, 1), (&with_another, 2)] {
            let count = |figure: &Figure, settings| figure.comparisons(settings, lineup);
            // Over the baseline and the one reference that publishes in this way.
            assert_eq!(count(&throughput, &of_one), 2 * candidates);
            assert_eq!(count(&handlers, &of_one), 2 * candidates);
            // Three quantiles at two rates.
            assert_eq!(count(&latency, &of_several), 6 * candidates);
            assert_eq!(count(&latency, &of_one), 0, "one round has no ratio");
        }
        let alone = Lineup::standard().only(|name| name == "CrucibleCore");
        assert_eq!(throughput.comparisons(&of_one, &alone), 0);
    }
}
