use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::Arc;

use crucible_events::crucible_core::ConfigError;
use crucible_events::routing::{Capability, SystemError};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

use crate::load::faults::InvalidPlan;
use crate::load::{ConfigError as LoadConfigError, InvalidPattern};
use crate::measure::heap::HeapError;
use crate::measure::{NotMeasured, OneCore, Reading, ResidentMemory};
use crate::sut::{DriveError, SetUpError, StillWhole, WrongDeliveries};
use crate::workload::{Owed, Workload};

/// Why a run gives no figure.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No runtime.
    #[error("starting the runtime: {0}")]
    Runtime(#[from] io::Error),
    /// The system did not accept its services, groups or rules.
    #[error(transparent)]
    SetUp(#[from] SetUpError),
    /// Publishing failed.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// The system failed otherwise.
    #[error(transparent)]
    System(#[from] SystemError),
    /// Wrong work.
    #[error("wrong work, so no figure is given: {0}")]
    Wrong(#[from] WrongDeliveries),
    /// A promise that figures take for granted does not hold.
    #[error("the measured instance does not keep a promise, so no figure is given: {0}")]
    NotWhole(#[from] StillWhole),
    /// Settings that cannot work.
    #[error("settings: {0}")]
    Settings(#[from] ConfigError),
    /// A plan of faults that makes no sense.
    #[error("plan of faults: {0}")]
    Plan(#[from] InvalidPlan),
    /// Events that were generated have no recorded moments.
    #[error("these events were generated: there are no recorded moments to send them at")]
    NotRecorded,
    /// A pattern of load that makes no sense.
    #[error("pattern of load: {0}")]
    Pattern(#[from] InvalidPattern),
    /// A load test that makes no sense.
    #[error("load test: {0}")]
    LoadTest(#[from] LoadConfigError),
    /// A fault from which the system would not come back.
    #[error(
        "faults: {fault}: this system does not offer {needed} and would not come back; leave it out with --system"
    )]
    NotOffered {
        /// The fault.
        fault: String,
        /// What would bring it back.
        needed: Capability,
    },
    /// Figures that must agree do not.
    #[error("wrong work, so no figure is given: {what}: expected {expected}, got {got}")]
    Accounts {
        /// What they count.
        what: String,
        /// What it must be.
        expected: u64,
        /// What it is.
        got: u64,
    },
    /// The heap could not be counted.
    #[error(transparent)]
    Heap(#[from] HeapError),
    /// A thread of the run panicked.
    #[error("a thread of the run panicked")]
    Panicked,
}

impl RunError {
    /// Figures that do not agree.
    pub(super) fn accounts(what: impl Into<String>, expected: u64, got: u64) -> Self {
        Self::Accounts { what: what.into(), expected, got }
    }

    /// [`RunError::Accounts`] if they do not agree.
    pub(super) fn check(what: impl Into<String>, expected: u64, got: u64) -> Result<(), Self> {
        if expected == got { Ok(()) } else { Err(Self::accounts(what, expected, got)) }
    }
}

/// Threads that run the system's tasks and its publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Threads(pub usize);

impl Threads {
    /// One thread runs all; several are a pool of workers that share the tasks.
    pub(super) fn runtime(self) -> io::Result<Runtime> {
        match self.0 {
            1 => Builder::new_current_thread().enable_time().build(),
            several => Builder::new_multi_thread().worker_threads(several).enable_time().build(),
        }
    }

    /// One thread is held to a core, and so is whatever is started meanwhile; several may run anywhere.
    ///
    /// # Errors
    /// Why it is not held.
    pub(crate) fn on_one_core(self) -> Result<OneCore, NotMeasured> {
        match self.0 {
            1 => OneCore::hold(),
            _ => Err(NotMeasured::new("on one core", format_args!("{self} may run anywhere"))),
        }
    }
}

impl std::fmt::Display for Threads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} thread{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

/// A system, which may start tasks while it is made.
pub(super) fn made_in<S>(runtime: &Runtime, make: impl Fn(&Workload) -> S, workload: &Workload) -> S {
    let _in_runtime = runtime.enter();
    make(workload)
}

/// Runs `work` as a task, so that several threads share it with the system's own tasks.
pub(super) fn run_as_task<T: Send + 'static>(
    runtime: &Runtime,
    work: impl Future<Output = Result<T, RunError>> + Send + 'static,
) -> Result<T, RunError> {
    runtime.block_on(async { tokio::spawn(work).await }).map_err(|_| RunError::Panicked)?
}

/// A workload, its beginnings, and what its services are to receive for each.
#[derive(Debug)]
pub struct Material {
    whole: Arc<Workload>,
    beginnings: BTreeMap<usize, Beginning>,
}

/// The first events of a workload, and what they come to.
#[derive(Debug, Clone)]
pub(super) struct Beginning {
    pub(super) workload: Arc<Workload>,
    pub(super) owed: Arc<Owed>,
}

impl Material {
    /// The oracle is not asked before somebody wants to know.
    pub fn new(workload: Workload) -> Self {
        Self { whole: Arc::new(workload), beginnings: BTreeMap::new() }
    }

    /// All of it.
    pub fn whole(&self) -> &Arc<Workload> {
        &self.whole
    }

    /// The workload with its first `events` events at most: systems that are told the receivers of each
    /// event beforehand must be told of these alone.
    pub(super) fn beginning(&mut self, events: usize) -> Beginning {
        let whole = &self.whole;
        let events = events.min(whole.events.len());
        self.beginnings.entry(events).or_insert_with(|| Beginning::new(whole, events)).clone()
    }
}

impl Beginning {
    fn new(whole: &Arc<Workload>, events: usize) -> Self {
        let workload = match events == whole.events.len() {
            true => whole.clone(),
            false => Arc::new(whole.beginning(events)),
        };
        let owed = Arc::new(Owed::of(&workload));
        Self { workload, owed }
    }
}

/// The growth of resident memory from now on.
pub(super) struct MemoryMeter(Result<(ResidentMemory, u64), NotMeasured>);

impl MemoryMeter {
    pub(super) fn start() -> Self {
        Self(ResidentMemory::open().and_then(|memory| {
            memory.reset_peak()?;
            let before = memory.now_bytes()?;
            Ok((memory, before))
        }))
    }

    pub(super) fn peak(self) -> Reading<u64> {
        self.0.and_then(|(memory, before)| Ok(memory.peak_bytes()?.saturating_sub(before))).into()
    }
}
