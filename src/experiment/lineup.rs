use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crucible_events::routing::EventSystem;
use serde::{Deserialize, Serialize};

use super::offered::{self, Deliveries, OfferedLoad, Trial, TrialRun};
use super::run::{Material, RunError, Threads};
use super::{
    Blocks, BlocksRun, ClosedLoop, ClosedRound, HeapCycles, HeapLimit, HeapRun, HeapSample, Interval,
    LoadRun, OpenLoop, OpenRun, Pressure, Standing, closed_loop, heap_cycles, load_test, open_loop, paired,
    pressure, timed_pass,
};
use crate::kernels::Prepared;
use crate::load::LoadTestConfig;
use crate::sut::{self, Publishing};
use crate::workload::Workload;

/// What a system is compared as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// What the others are compared with.
    Baseline,
    /// One of the systems to choose from.
    Candidate,
    /// A floor, not a choice: it knows its targets beforehand. Compared under this publishing only.
    Reference(Publishing),
}

/// A system of any type, as far as experiments are concerned.
pub trait Subject: Send + Sync {
    /// One closed-loop round with a fresh instance.
    ///
    /// # Errors
    /// Why there is no figure.
    fn closed(&self, material: &mut Material, spec: &ClosedLoop) -> Result<ClosedRound, RunError>;

    /// Blocks with one fresh instance, as long as `next` asks for one: it is given what the one before took.
    ///
    /// # Errors
    /// Why there is no figure.
    fn blocks(
        &self,
        material: &mut Material,
        spec: &Blocks,
        next: &mut dyn FnMut(Option<Duration>) -> bool,
    ) -> Result<BlocksRun, RunError>;

    /// One run under offered load with a fresh instance.
    ///
    /// # Errors
    /// Why there is no figure.
    fn open(&self, material: &mut Material, spec: &OpenLoop) -> Result<OpenRun, RunError>;

    /// Trials with one fresh instance, as long as `next` has one: it is given what the one before came to.
    ///
    /// # Errors
    /// Why there is no figure.
    fn trials(
        &self,
        material: &mut Material,
        load: &OfferedLoad,
        next: &mut dyn FnMut(Option<TrialRun>) -> Option<Trial>,
    ) -> Result<(), RunError>;

    /// Keeps a fresh instance busy until `stop` is set; `begun` gets the counter of its deliveries.
    ///
    /// # Errors
    /// Wrong work.
    fn saturate(
        &self,
        material: &mut Material,
        load: &OfferedLoad,
        stop: &Arc<AtomicBool>,
        begun: &mut dyn FnMut(Deliveries),
    ) -> Result<(), RunError>;

    /// A load test of a fresh instance; `show` sees each second of it at its end. Once `stop` is set no more events are
    /// sent.
    ///
    /// # Errors
    /// Why there is no figure.
    fn load_test(
        &self,
        material: &mut Material,
        config: &LoadTestConfig,
        stop: &Arc<AtomicBool>,
        show: &mut (dyn FnMut(&Interval) + Send),
    ) -> Result<LoadRun, RunError>;

    /// Cycles with the heap counted; `show` sees each sample as it is taken.
    ///
    /// # Errors
    /// Why there is no figure.
    fn heap(
        &self,
        material: &mut Material,
        spec: &HeapCycles,
        show: &mut dyn FnMut(HeapSample),
    ) -> Result<HeapRun, RunError>;

    /// Publishes to services that stand still until memory runs out; `show` sees how far it got.
    ///
    /// # Errors
    /// Why there is no figure.
    fn pressure(
        &self,
        spec: &Pressure,
        limit: HeapLimit,
        show: &mut dyn FnMut(&Standing),
    ) -> Result<Standing, RunError>;

    /// A pass over the workload's events as a unit that Divan can time.
    ///
    /// # Errors
    /// Why it cannot be set up.
    fn prepare_pass(&self, workload: &Arc<Workload>, threads: Threads) -> Result<Prepared, RunError>;
}

impl<S: EventSystem, F: Fn(&Workload) -> S + Send + Sync> Subject for F {
    fn closed(&self, material: &mut Material, spec: &ClosedLoop) -> Result<ClosedRound, RunError> {
        closed_loop::round(self, material, spec)
    }

    fn blocks(
        &self,
        material: &mut Material,
        spec: &Blocks,
        next: &mut dyn FnMut(Option<Duration>) -> bool,
    ) -> Result<BlocksRun, RunError> {
        paired::run(self, material, spec, next)
    }

    fn open(&self, material: &mut Material, spec: &OpenLoop) -> Result<OpenRun, RunError> {
        open_loop::run(self, material, spec)
    }

    fn trials(
        &self,
        material: &mut Material,
        load: &OfferedLoad,
        next: &mut dyn FnMut(Option<TrialRun>) -> Option<Trial>,
    ) -> Result<(), RunError> {
        offered::run(self, material, load, next)
    }

    fn saturate(
        &self,
        material: &mut Material,
        load: &OfferedLoad,
        stop: &Arc<AtomicBool>,
        begun: &mut dyn FnMut(Deliveries),
    ) -> Result<(), RunError> {
        offered::saturate(self, material, load, stop, begun)
    }

    fn load_test(
        &self,
        material: &mut Material,
        config: &LoadTestConfig,
        stop: &Arc<AtomicBool>,
        show: &mut (dyn FnMut(&Interval) + Send),
    ) -> Result<LoadRun, RunError> {
        load_test::run(self, material, config, stop, show)
    }

    fn heap(
        &self,
        material: &mut Material,
        spec: &HeapCycles,
        show: &mut dyn FnMut(HeapSample),
    ) -> Result<HeapRun, RunError> {
        heap_cycles::run(self, material, spec, show)
    }

    fn pressure(
        &self,
        spec: &Pressure,
        limit: HeapLimit,
        show: &mut dyn FnMut(&Standing),
    ) -> Result<Standing, RunError> {
        pressure::run(self, spec, limit, show)
    }

    fn prepare_pass(&self, workload: &Arc<Workload>, threads: Threads) -> Result<Prepared, RunError> {
        timed_pass::prepare(self, workload, threads)
    }
}

/// A system and the name under which it appears.
pub struct Entry {
    /// In tables, results and arguments.
    pub name: String,
    /// What it is compared as.
    pub role: Role,
    /// The system.
    pub subject: Box<dyn Subject>,
}

/// The systems that are measured side by side. Every experiment, table and report follows this list.
pub struct Lineup {
    entries: Vec<Entry>,
}

/// A name that no system has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown system \"{name}\"; try {known}")]
pub struct UnknownSystem {
    name: String,
    known: String,
}

impl Lineup {
    /// The two systems and the two references.
    pub fn standard() -> Self {
        Self { entries: Vec::new() }
            .with("DataCoordinator", Role::Baseline, sut::data_coordinator)
            .with("CrucibleCore", Role::Candidate, sut::crucible_core)
            .with("reference-single", Role::Reference(Publishing::Single), sut::reference_one_by_one)
            .with("reference-batched", Role::Reference(Publishing::Batch), sut::reference_batched)
    }

    /// One more. `make` makes a fresh instance, within a tokio runtime.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, role: Role, make: impl Subject + 'static) -> Self {
        self.entries.push(Entry { name: name.into(), role, subject: Box::new(make) });
        self
    }

    /// In the order in which they are shown.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Those that take part where events are published this way.
    pub fn under(&self, publishing: Publishing) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| match entry.role {
            Role::Baseline | Role::Candidate => true,
            Role::Reference(only) => only == publishing,
        })
    }

    /// Without those whose name `keep` does not keep.
    #[must_use]
    pub fn only(mut self, keep: impl Fn(&str) -> bool) -> Self {
        self.entries.retain(|entry| keep(&entry.name));
        self
    }

    /// Those of these names, whatever their case; all if there are none.
    ///
    /// # Errors
    /// A name that no system has, with those there are.
    pub fn named(self, names: &[String]) -> Result<Self, UnknownSystem> {
        for name in names {
            self.find(name)?;
        }
        let is_wanted = |entry: &str| names.iter().any(|name| name.eq_ignore_ascii_case(entry));
        Ok(if names.is_empty() { self } else { self.only(is_wanted) })
    }

    /// The system of this name, whatever its case.
    ///
    /// # Errors
    /// The names there are.
    pub fn find(&self, name: &str) -> Result<&Entry, UnknownSystem> {
        self.entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
            let known: Vec<&str> = self.entries.iter().map(|entry| &*entry.name).collect();
            UnknownSystem { name: name.to_owned(), known: known.join(", ") }
        })
    }
}
