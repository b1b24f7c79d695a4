use std::path::PathBuf;

use crucible_profiles::dhat::{Figures, Profile};

use super::leak;
use crate::experiment::{
    Assignment, AtEnd, Full, HeapCycles, HeapRun, HeapSample, Lineup, Pressure, Role, SystemProcess,
};
use crate::results::memory_profiling::{
    MemoryProfiling, PressureFigure, ProfileFigure, SizeClass, SystemUsage, UsageFigure,
};
use crate::sut::{self, Publishing};
use crate::targets::{Failure, PlanError, check_interrupt, scenario_facts};
use crate::workload::Scenario;

/// All systems, and CrucibleCore with a byte budget: half of what it may have under pressure.
pub fn lineup() -> Lineup {
    Lineup::standard().with(with_budget(), Role::Candidate, sut::crucible_core_with_budget)
}

/// Its name.
pub(super) fn with_budget() -> String {
    format!("CrucibleCore-{}MiB", sut::BUDGET >> 20)
}

/// How much is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Cycles of 1,000 events of the shorter run for leaks. Half-way through the longer one, which has three times as many,
    /// so many more went by than half-way through this: a block that leaks meanwhile is found.
    pub cycles: u64,
    /// Of the workload.
    pub seed: u64,
}

impl Settings {
    /// Finds a block that leaks every 400,000 events.
    pub const USUAL: Self = Self { cycles: 400, seed: 42 };
    /// To see that everything works and nothing leaks: enough cycles for each buffer to have found its size by then, so
    /// that whatever still grows is wrong.
    pub const TRIAL: Self = Self { cycles: 20, ..Self::USUAL };
}

/// Something to measure, of every system.
#[derive(Debug, Clone, PartialEq)]
pub enum Figure {
    /// Heap use by size of payload, in KiB.
    Payload(usize),
    /// Heap use of small events, many of them.
    HighFrequency(Publishing),
    /// Heap use over a long time.
    Stability,
    /// Whether it leaks.
    Leak(Publishing),
    /// What it does as memory runs out, with events of so many bytes.
    Pressure(usize),
    /// A profile by line.
    Profile,
}

/// Payloads of every size, KiB.
const PAYLOADS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

/// All there are.
pub fn figures() -> Vec<Figure> {
    let both = [Publishing::Batch, Publishing::Single];
    let mut figures: Vec<Figure> = PAYLOADS.map(Figure::Payload).into();
    figures.extend(both.map(Figure::HighFrequency));
    figures.push(Figure::Stability);
    figures.extend(both.map(Figure::Leak));
    figures.extend([KIB, TOO_LARGE].map(Figure::Pressure));
    figures.push(Figure::Profile);
    figures
}

impl Figure {
    /// As in `--list`.
    pub fn name(&self) -> String {
        match self {
            Self::Payload(kib) => format!("payload/{kib}_kib"),
            Self::HighFrequency(publishing) => format!("high_frequency/{publishing}"),
            Self::Stability => "stability".to_owned(),
            Self::Leak(publishing) => format!("leak/{publishing}"),
            Self::Pressure(bytes) => format!("pressure/{}_kib", bytes / KIB),
            Self::Profile => "profile".to_owned(),
        }
    }
}

const KIB: usize = 1024;

/// Payloads of which a mailbox that counts deliveries takes more than there is memory under pressure.
pub(super) const TOO_LARGE: usize = 64 * KIB;

/// Small events, as telemetry has them.
const SMALL: usize = 128;

/// Ids that CrucibleCore remembers by default: a table of them has its size when so many went by.
const WARM_UP_EVENTS: usize = 16_384;

/// What a system may have under pressure, beyond what its set-up took.
const LIMIT: u64 = 2 * sut::BUDGET;

/// Takes figures, one after the other, and keeps what was taken.
pub struct Plan<'a> {
    lineup: &'a Lineup,
    pub(super) settings: Settings,
    interrupted: &'a dyn Fn() -> bool,
    /// Sees each sample as it is taken: of which figure and system.
    pub(super) watch: &'a dyn Fn(&str, &str, HeapSample),
    /// Where a profile of this system is kept.
    profile: &'a dyn Fn(&str) -> PathBuf,
    /// What was taken so far.
    pub taken: MemoryProfiling,
}

impl<'a> Plan<'a> {
    /// Nothing taken yet.
    pub fn new(
        lineup: &'a Lineup,
        settings: Settings,
        interrupted: &'a dyn Fn() -> bool,
        watch: &'a dyn Fn(&str, &str, HeapSample),
        profile: &'a dyn Fn(&str) -> PathBuf,
    ) -> Self {
        Self { lineup, settings, interrupted, watch, profile, taken: MemoryProfiling::default() }
    }

    /// Takes one figure. After an error nothing of it is kept.
    ///
    /// # Errors
    /// Why it could not be taken.
    pub fn take(&mut self, figure: &Figure) -> Result<(), PlanError> {
        match figure {
            Figure::Payload(kib) => {
                self.usage(figure, sized(Scenario::MEDIUM, kib * KIB), Publishing::Batch, 200, 5)
            }
            Figure::HighFrequency(publishing) => {
                let scenario = sized(Scenario::LIGHT, SMALL);
                self.usage(figure, scenario, *publishing, usize::MAX, self.settings.cycles)
            }
            Figure::Stability => {
                self.usage(figure, Scenario::MEDIUM, Publishing::Batch, usize::MAX, self.settings.cycles)
            }
            Figure::Leak(publishing) => {
                let mut found = Vec::new();
                for system in self.systems() {
                    found.push(leak::look(self, figure, &system, *publishing)?);
                }
                self.taken.leaks.extend(found);
                Ok(())
            }
            Figure::Pressure(bytes) => self.pressure(figure, *bytes),
            Figure::Profile => self.profiles(figure),
        }
    }

    fn systems(&self) -> Vec<String> {
        self.lineup.entries().iter().map(|entry| entry.name.clone()).collect()
    }

    fn usage(
        &mut self,
        figure: &Figure,
        scenario: Scenario,
        publishing: Publishing,
        events: usize,
        cycles: u64,
    ) -> Result<(), PlanError> {
        let events = events.min(scenario.events());
        let spec = cycles_of(publishing, events, cycles, None);
        let mut systems = Vec::new();
        for system in self.systems() {
            let run = self.run(figure, &system, &scenario, &spec)?;
            systems.push(SystemUsage { system, run });
        }
        let first = scenario.with_events(events).expect("one event or more");
        let scenario = scenario_facts(&first, self.settings.seed);
        self.taken.usage.push(UsageFigure { name: figure.name(), scenario, publishing, systems });
        Ok(())
    }

    pub(super) fn run(
        &self,
        figure: &Figure,
        system: &str,
        scenario: &Scenario,
        spec: &HeapCycles,
    ) -> Result<HeapRun, PlanError> {
        self.check_interrupt(figure)?;
        let assignment = self.assignment(system, scenario);
        let start = if spec.profile.is_some() { SystemProcess::start_silent } else { SystemProcess::start };
        let mut process = start(&assignment).map_err(|source| PlanError::new(figure.name(), source))?;
        let name = figure.name();
        let run = process.heap(spec, &mut |sample| (self.watch)(&name, system, sample));
        run.map_err(|source| PlanError::new(figure.name(), source))
    }

    fn check_interrupt(&self, figure: &Figure) -> Result<(), PlanError> {
        check_interrupt(self.interrupted, || figure.name())
    }

    fn assignment(&self, system: &str, scenario: &Scenario) -> Assignment {
        Assignment { system: system.to_owned(), workload: scenario.clone().into(), seed: self.settings.seed }
    }

    fn pressure(&mut self, figure: &Figure, payload_bytes: usize) -> Result<(), PlanError> {
        let mut found = Vec::new();
        for entry in self.lineup.entries().iter().filter(|entry| !matches!(entry.role, Role::Reference(_))) {
            // What is asked for makes a difference where there is a bound.
            let asked: &[Full] = match entry.role {
                Role::Baseline => &[Full::Wait],
                _ => &[Full::Wait, Full::Refuse, Full::DropLowest],
            };
            for &on_full in asked {
                let spec = Pressure { limit: LIMIT, payload_bytes, on_full };
                self.check_interrupt(figure)?;
                let assignment = self.assignment(&entry.name, &Scenario::LIGHT);
                let ended =
                    SystemProcess::start_silent(&assignment).and_then(|process| process.pressure(&spec));
                let ended = ended.map_err(|source| PlanError::new(figure.name(), source))?;
                found.push(PressureFigure {
                    name: figure.name(),
                    system: entry.name.clone(),
                    limit: LIMIT,
                    payload_bytes,
                    on_full,
                    last: ended.last,
                    died: ended.died,
                });
            }
        }
        self.taken.pressure.extend(found);
        Ok(())
    }

    fn profiles(&mut self, figure: &Figure) -> Result<(), PlanError> {
        let mut found = Vec::new();
        for system in self.systems() {
            let file = (self.profile)(&system);
            let spec = cycles_of(Publishing::Batch, usize::MAX, 5, Some((file.clone(), AtEnd::Open)));
            let run = self.run(figure, &system, &Scenario::MEDIUM, &spec)?;
            let profile = Profile::read(&file);
            let profile =
                profile.map_err(|why| PlanError::new(figure.name(), Failure::Profile(why.to_string())))?;
            found.push(ProfileFigure { sizes: sizes(&profile), system, file, events: run.events });
        }
        self.taken.profiles.extend(found);
        Ok(())
    }
}

/// Blocks by size. The format has the mean of each stack; a stack that asks for several sizes counts as its mean.
fn sizes(profile: &Profile) -> Vec<SizeClass> {
    let mut classes: Vec<SizeClass> = SIZES.map(|up_to| SizeClass { up_to, blocks: 0, bytes: 0 }).into();
    for (Figures { total, .. }, _) in profile.stacks().filter(|(figures, _)| figures.total.blocks > 0) {
        let mean = total.bytes.div_ceil(total.blocks);
        let class =
            classes.iter_mut().find(|class| mean <= class.up_to).expect("the last class has no bound");
        class.blocks += total.blocks;
        class.bytes += total.bytes;
    }
    classes
}

/// Upper bounds, bytes.
const SIZES: [u64; 6] = [64, 256, 1024, 4 * 1024, 64 * 1024, u64::MAX];

/// Some 100 samples in all, so that they can be drawn.
pub(super) fn cycles_of(
    publishing: Publishing,
    events: usize,
    cycles: u64,
    profile: Option<(PathBuf, AtEnd)>,
) -> HeapCycles {
    let per_cycle = events.min(Scenario::MEDIUM.events());
    let warm_up = WARM_UP_EVENTS.div_ceil(per_cycle) as u64;
    let sample_every = per_cycle.div_ceil(usize::try_from(100 / cycles.max(1)).unwrap_or(1).max(1));
    HeapCycles { publishing, events, warm_up, cycles, sample_every, gauges: false, profile }
}

fn sized(scenario: Scenario, payload_bytes: usize) -> Scenario {
    scenario.with_payload_bytes(payload_bytes).expect("from the smallest payload to 64 KiB")
}
