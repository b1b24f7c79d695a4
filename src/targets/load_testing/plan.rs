use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use super::{Figure, Known};
use crate::analysis::machine::{Known as Answered, known};
use crate::analysis::thresholds::judge;
use crate::experiment::{Assignment, Entry, Interval, Lineup, LoadRun, ProcessError, SystemProcess};
use crate::load::{LoadTestConfig, Threshold};
use crate::measure::lost_percent;
use crate::results::daemon_performance::ScenarioFacts;
use crate::results::load_testing::{KnownAnswer, LoadFigure, LoadTesting, Outcome, Second, SystemLoad};
use crate::results::{IntervalLog, StoreError};
use crate::targets::{Failure, PlanError, scenario_facts, workload_facts};
use crate::workload::{NoWorkload, Recipe};

/// How long is looked, before and after, for what the machine takes from busy threads.
const LOOK_FOR_LOSSES: Duration = Duration::from_millis(500);

/// A second of the test that is running.
#[derive(Debug, Clone, Copy)]
pub struct Live<'a> {
    /// Its system.
    pub system: &'a str,
    /// What happened in it.
    pub second: &'a Second,
}

/// Who is told and asked meanwhile.
#[derive(Clone, Copy)]
pub struct Callbacks<'a> {
    /// Whether to stop.
    pub interrupted: &'a dyn Fn() -> bool,
    /// Sees each second.
    pub watch: &'a dyn Fn(Live<'_>),
    /// Where the interval log of a figure and system goes, without its extension; none is written where there is none.
    pub log: &'a dyn Fn(&str, &str) -> Option<PathBuf>,
}

/// What a run as a whole has to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// All held.
    Fine,
    /// A load was not the one that was asked for, or the machine was not idle where theory wants it to be.
    Invalid,
    /// A threshold did not hold.
    Crossed,
    /// A known answer was missed.
    Wrong,
}

/// Takes figures, one after the other, and keeps what was taken.
pub struct Plan<'a> {
    lineup: &'a Lineup,
    thresholds: &'a [Threshold],
    callbacks: Callbacks<'a>,
    /// What was taken so far.
    pub taken: LoadTesting,
    facts: BTreeMap<String, ScenarioFacts>,
}

impl<'a> Plan<'a> {
    /// Nothing taken yet. `thresholds` hold for every figure, beside those of its own.
    pub fn new(lineup: &'a Lineup, thresholds: &'a [Threshold], callbacks: Callbacks<'a>) -> Self {
        Self { lineup, thresholds, callbacks, taken: LoadTesting::default(), facts: BTreeMap::new() }
    }

    /// Takes one figure of every system. After an error the systems before are kept.
    ///
    /// # Errors
    /// Why it could not be taken whole.
    pub fn take(&mut self, figure: &Figure) -> Result<(), PlanError> {
        let (name, config) = (figure.name(), figure.load_test());
        let recipe = config.recipe().expect("figures are checked before they are taken");
        // Of a trace all that is told here is read from it; where it cannot be, nothing is measured.
        let scenario = self.facts(&recipe, config.seed).map_err(|source| PlanError::new(&name, source))?;
        let lost_before = self.lost_beside(figure);
        let mut systems = Vec::new();
        let mut outcome = Ok(());
        for entry in self.lineup.entries() {
            match self.one(&name, &config, &recipe, entry) {
                Ok(system) => systems.push(system),
                Err(why) => outcome = Err(why),
            }
            if outcome.is_ok() && (self.callbacks.interrupted)() {
                outcome = Err(PlanError::new(&name, Failure::Interrupted));
            }
            if outcome.is_err() {
                break;
            }
        }
        if let (Figure::Known { case, .. }, Ok(())) = (figure, &outcome) {
            let valid = systems.iter().filter(|system: &&SystemLoad| system.run.pacing.valid().is_ok());
            let answers = valid.flat_map(|system| case.answers(&name, &system.system, &system.run));
            let lost = lost_before.into_iter().chain(self.lost_beside(figure)).reduce(f64::max);
            let answers = answers.map(|answer| KnownAnswer { lost_percent: lost, ..answer });
            self.taken.known_answers.extend(answers.collect::<Vec<_>>());
        }
        self.taken.figures.push(LoadFigure { name, config, scenario, systems });
        outcome
    }

    /// What busy threads lose on this machine, if that can move what theory has a say in.
    fn lost_beside(&self, figure: &Figure) -> Option<f64> {
        // A stall shows whatever the machine takes, and a trial judges nothing.
        let is_moved = |case: &Known| !matches!(case, Known::Stall);
        let is_judged = matches!(figure, Figure::Known { case, .. } if is_moved(case) && !figure.is_trial());
        is_judged.then(|| lost_percent(LOOK_FOR_LOSSES)).and_then(Result::ok)
    }

    fn one(
        &self,
        name: &str,
        config: &LoadTestConfig,
        recipe: &Recipe,
        entry: &Entry,
    ) -> Result<SystemLoad, PlanError> {
        let failed = |source: ProcessError| PlanError::new(name, source);
        let not_logged = |source: StoreError| PlanError::new(name, source);
        let system = entry.name.clone();
        let log = (self.callbacks.log)(name, &system);
        let log = log.map(|stem| IntervalLog::create(&stem, format!("{name}, {system}"))).transpose();
        let mut log = log.map_err(not_logged)?;
        let assignment = Assignment { system: system.clone(), workload: recipe.clone(), seed: config.seed };
        let mut process = SystemProcess::start(&assignment).map_err(failed)?;
        let (mut seconds, mut logged) = (Vec::new(), Ok(()));
        let run = process.load_test(config, &mut |interval: Interval| {
            let second = Second::from(&interval);
            (self.callbacks.watch)(Live { system: &system, second: &second });
            seconds.push(second);
            if let (Some(log), Ok(())) = (&mut log, &logged) {
                logged = log.add(&interval);
            }
            let go_on = logged.is_ok() && !(self.callbacks.interrupted)();
            if go_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        let run = run.map_err(failed)?;
        logged.map_err(not_logged)?;
        let thresholds = self.judge(config, &run);
        let files = log.map(|log| log.files()).unwrap_or_default();
        Ok(SystemLoad { system, role: entry.role, run, seconds, files, thresholds })
    }

    fn judge(&self, config: &LoadTestConfig, run: &LoadRun) -> Vec<crate::results::load_testing::Judged> {
        let all: Vec<Threshold> = self.thresholds.iter().chain(&config.thresholds).copied().collect();
        judge(&all, run)
    }

    fn facts(&mut self, recipe: &Recipe, seed: u64) -> Result<ScenarioFacts, NoWorkload> {
        let key = format!("{recipe:?}");
        if let Some(known) = self.facts.get(&key) {
            return Ok(known.clone());
        }
        let facts = match recipe.trace() {
            Some(_) => workload_facts(&recipe.make(seed)?),
            None => scenario_facts(recipe.scenario(), seed),
        };
        Ok(self.facts.entry(key).or_insert(facts).clone())
    }

    /// The worst that is to be reported of what was taken.
    pub fn status(&self) -> Status {
        let of = |system: &SystemLoad| {
            let crossed =
                |outcome: &Outcome| matches!(outcome, Outcome::Crossed(_) | Outcome::NotMeasured(_));
            match system.thresholds.iter().any(|judged| crossed(&judged.outcome)) {
                true => Status::Crossed,
                false if system.run.pacing.valid().is_err() => Status::Invalid,
                false => Status::Fine,
            }
        };
        let systems = self.taken.figures.iter().flat_map(|figure| &figure.systems).map(of);
        let answers = &self.taken.known_answers;
        let answers = answers.iter().map(|answer| match known(answer) {
            Answered::Holds => Status::Fine,
            Answered::NotIdle => Status::Invalid,
            Answered::Missed => Status::Wrong,
        });
        systems.chain(answers).max().unwrap_or(Status::Fine)
    }
}
