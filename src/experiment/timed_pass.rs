use std::sync::Arc;

use crucible_events::routing::{EventSystem, Recorder, Tally};
use tokio::runtime::Runtime;

use super::closed_loop::pass;
use super::run::{RunError, Threads, run_as_task};
use crate::kernels::{Kernel, Prepared, Work};
use crate::sut::{Publishing, Stage};
use crate::workload::Workload;

/// A pass over all events of a workload as a unit that Divan can time: published in batches, until
/// all is quiet. The system stays the same from run to run.
struct TimedPass<S> {
    // Dropped before the runtime, whose tasks serve it.
    stage: Arc<Stage<S>>,
    runtime: Runtime,
    workload: Arc<Workload>,
    expected: Work,
    before: Tally,
}

/// Sets up a system that `make` makes.
pub(super) fn prepare<S: EventSystem>(
    make: impl Fn(&Workload) -> S,
    workload: &Arc<Workload>,
    threads: Threads,
) -> Result<Prepared, RunError> {
    let runtime = threads.runtime()?;
    let stage = runtime.block_on(async { Stage::set_up(make(workload), workload, |r: Recorder| r).await })?;
    let expected = expected(workload);
    let workload = workload.clone();
    let pass = TimedPass { stage: stage.into(), runtime, workload, expected, before: Tally::default() };
    Ok(Prepared::new(pass, expected))
}

fn expected(workload: &Workload) -> Work {
    let Tally { deliveries, checksum } = workload.expected().total();
    let bytes = workload.events.iter().map(|event| event.payload.len() as u64).sum();
    Work { events: workload.events.len() as u64, deliveries, bytes, checksum }
}

impl<S: EventSystem> Kernel for TimedPass<S> {
    fn run(&mut self) -> Work {
        let (stage, workload, announced) =
            (self.stage.clone(), self.workload.clone(), self.expected.deliveries);
        let run = async move { pass(&stage, &workload.events, Publishing::Batch, announced).await };
        let done = run_as_task(&self.runtime, run);
        let now = self.stage.received();
        let deliveries = now.deliveries - self.before.deliveries;
        let checksum = now.checksum.wrapping_sub(self.before.checksum);
        self.before = now;
        match done {
            Ok(()) => Work { deliveries, checksum, ..self.expected },
            // No work that could pass for the expected one.
            Err(_) => Work { events: 0, bytes: 0, deliveries, checksum },
        }
    }
}
