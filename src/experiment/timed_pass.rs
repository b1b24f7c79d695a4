use std::sync::Arc;

use crucible_events::event::Event;
use crucible_events::routing::{EventSystem, Recorder, Tally};
use tokio::runtime::Runtime;

use super::closed_loop::pass;
use super::run::{RunError, Threads, run_as_task};
use crate::kernels::{Kernel, Prepared, Work};
use crate::sut::{Publishing, Stage};
use crate::workload::{Edition, Owed, Workload};

/// Ids that a system sees before one comes again, at least. It may remember the last so many and
/// refuse them (CrucibleCore: 16,384 by default). A run is timed from its first instruction to its
/// last, so events cannot be renewed in it: as many editions as this takes are made beforehand, and
/// gone through in a circle.
const IDS_APART: usize = 20_000;

/// A pass over all events of a workload as a unit that Divan can time: published in batches, until
/// all is quiet. The system stays the same from run to run.
struct TimedPass<S> {
    // Dropped before the runtime, whose tasks serve it.
    stage: Arc<Stage<S>>,
    runtime: Runtime,
    circle: Arc<[Turn]>,
    next: usize,
    expected: Work,
    before: Tally,
}

/// One edition, and what it owes.
struct Turn {
    events: Vec<Arc<Event>>,
    owed: Tally,
}

/// Sets up a system that `make` makes.
pub(super) fn prepare<S: EventSystem>(
    make: impl Fn(&Workload) -> S,
    workload: &Arc<Workload>,
    threads: Threads,
) -> Result<Prepared, RunError> {
    let runtime = threads.runtime()?;
    let stage = runtime.block_on(async { Stage::set_up(make(workload), workload, |r: Recorder| r).await })?;
    let circle = circle(workload);
    let expected = expected(workload, &circle[0]);
    let pass =
        TimedPass { stage: stage.into(), runtime, circle, next: 0, expected, before: Tally::default() };
    Ok(Prepared::new(pass, expected))
}

fn circle(workload: &Workload) -> Arc<[Turn]> {
    let owed = Owed::of(workload);
    let editions = 1 + IDS_APART / workload.events.len();
    let turn = |edition: Edition| Turn {
        events: workload.events.iter().map(|event| Arc::new(edition.of(event))).collect(),
        owed: owed.of_edition(edition),
    };
    (0..).map(Edition).map(turn).take(editions).collect()
}

/// Of every run, with the checksum of the first.
fn expected(workload: &Workload, first: &Turn) -> Work {
    let Tally { deliveries, checksum } = first.owed;
    let bytes = workload.events.iter().map(|event| event.payload.len() as u64).sum();
    Work { events: workload.events.len() as u64, deliveries, bytes, checksum }
}

impl<S: EventSystem> Kernel for TimedPass<S> {
    fn run(&mut self) -> Work {
        let (stage, circle, at) = (self.stage.clone(), self.circle.clone(), self.next);
        self.next = (at + 1) % circle.len();
        let announced = self.expected.deliveries;
        let run = async move { pass(&stage, &circle[at].events, Publishing::Batch, announced).await };
        let done = run_as_task(&self.runtime, run);
        let now = self.stage.received();
        let deliveries = now.deliveries - self.before.deliveries;
        let wrong_by =
            now.checksum.wrapping_sub(self.before.checksum).wrapping_sub(self.circle[at].owed.checksum);
        let checksum = self.expected.checksum.wrapping_add(wrong_by);
        self.before = now;
        match done {
            Ok(()) => Work { deliveries, checksum, ..self.expected },
            // No work that could pass for the expected one.
            Err(_) => Work { events: 0, bytes: 0, deliveries, checksum },
        }
    }
}
