use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::Arc;

use crucible_events::routing::{Expected, SystemError};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

use crate::sut::{DriveError, SetUpError, StillWhole, WrongDeliveries};
use crate::workload::Workload;

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
    /// A thread of the run panicked.
    #[error("a thread of the run panicked")]
    Panicked,
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
}

impl std::fmt::Display for Threads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} thread{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

/// Runs `work` as a task, so that several threads share it with the system's own tasks.
pub(super) fn run_as_task<T: Send + 'static>(
    runtime: &Runtime,
    work: impl Future<Output = Result<T, RunError>> + Send + 'static,
) -> Result<T, RunError> {
    runtime.block_on(async { tokio::spawn(work).await }).map_err(|_| RunError::Panicked)?
}

/// A workload, and what its services are to receive for its first events.
#[derive(Debug)]
pub struct Material {
    /// Shared with the runs.
    pub workload: Arc<Workload>,
    expected: BTreeMap<usize, Arc<Expected>>,
}

impl Material {
    /// Nothing expected yet.
    pub fn new(workload: Workload) -> Self {
        Self { workload: Arc::new(workload), expected: BTreeMap::new() }
    }

    /// The number of events that a run of at most `events` publishes in a pass.
    pub fn events(&self, events: usize) -> usize {
        events.min(self.workload.events.len())
    }

    /// What the first `events` lead to, told by the oracle once.
    pub fn expected(&mut self, events: usize) -> Arc<Expected> {
        let workload = &self.workload;
        let expected = self.expected.entry(events).or_insert_with(|| {
            let mut expected = Expected::default();
            let mut oracle = workload.oracle();
            for event in &workload.events[..events] {
                let receivers = oracle.publish(event);
                let receivers = receivers.expect("generated events are within the limits");
                expected.note(event.id, &receivers);
            }
            Arc::new(expected)
        });
        expected.clone()
    }
}
