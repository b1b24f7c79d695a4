use std::future::Future;
use std::sync::Arc;

use crucible_events::event::Payload;
use crucible_events::routing::{EventSystem, Ledger, Recorder, SystemError};
use crucible_perf::sut::{DriveError, Publishing, SetUpError, Stage, WrongDeliveries, publish_all};
use crucible_perf::workload::{Editions, Owed, Scenario, Workload};
use dhat::{HeapStats, Profiler};
use tokio::runtime::Builder;

/// Of every workload here; any other would do as well.
const SEED: u64 = 42;

/// Passes before anything is counted. Queues and buffers have then grown to what a pass needs. Two
/// would do, since all passes are alike.
const WARM_UP: u64 = 4;

/// What every system gets, and what is to come of it.
pub(crate) struct Task {
    workload: Workload,
    owed: Owed,
    /// For each event, how many services get it.
    pub(crate) fan_outs: Vec<usize>,
}

/// Blocks and bytes on the heap at one moment; those that are older than the system are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Live {
    pub(crate) blocks: usize,
    pub(crate) bytes: usize,
}

/// What was counted of a run.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) passes: u64,
    pub(crate) events: u64,
    pub(crate) deliveries: u64,
    /// Allocated between the first and the last sample. A block that grows counts as one more.
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
    /// After the warm-up and after each tenth, always at quiet.
    pub(crate) live: [Live; 11],
    /// The most bytes at one moment, set-up and warm-up included.
    pub(crate) peak_bytes: usize,
    /// Of the whole run, the warm-up included.
    pub(crate) ledger: Ledger,
    /// Deliveries in all, as the oracle says, the warm-up included.
    pub(crate) owed: u64,
    /// After the system and its runtime were dropped.
    pub(crate) left: Live,
}

/// A run that did not come to its end, or not to the right one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error(transparent)]
    SetUp(#[from] SetUpError),
    #[error(transparent)]
    Drive(#[from] DriveError),
    #[error(transparent)]
    System(#[from] SystemError),
    #[error(transparent)]
    Deliveries(#[from] WrongDeliveries),
}

impl Task {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self::of(Workload::generate(scenario, SEED))
    }

    /// The same with payloads in which no rule can look anything up: bytes, not JSON.
    pub(crate) fn opaque(scenario: &Scenario) -> Self {
        let mut workload = Workload::generate(scenario, SEED);
        for event in &mut workload.events {
            let bytes = event.payload.as_bytes().to_vec();
            Arc::make_mut(event).payload = Payload::Binary(bytes.into());
        }
        Self::of(workload)
    }

    fn of(workload: Workload) -> Self {
        let fan_outs = workload.plan().iter().map(|services| services.len()).collect();
        Self { owed: Owed::of(&workload), workload, fan_outs }
    }

    /// Of one pass.
    pub(crate) fn events(&self) -> usize {
        self.workload.events.len()
    }

    /// Of one pass.
    pub(crate) fn deliveries(&self) -> u64 {
        self.owed.deliveries()
    }

    /// Ten times `tenth` passes of all events through a system that `make` makes, each pass another
    /// edition of them. On one thread and without a timer: what is allocated is the same in every run,
    /// to the byte. Events are made before anything is counted, and renewed where they are: a system
    /// that held one beyond the end of its pass would be charged for a copy.
    pub(crate) fn run<S: EventSystem>(
        &self,
        make: fn(&Workload) -> S,
        publishing: Publishing,
        tenth: u64,
    ) -> Result<Counted, RunError> {
        // What is allocated once in a process or thread is not the system's: arc-swap's list of
        // readers, and the counter that `Bytes` puts beside a payload when it is first cloned.
        on_one_thread(async {
            let stage = self.set_up(make).await?;
            self.pass(&stage, &Editions::of(&self.workload), publishing).await
        })?;
        let editions = Editions::of(&self.workload);
        // Nobody looks at stacks here, and the fewer frames the sooner it is done; 4 is the least.
        let _counting = Profiler::builder().testing().trim_backtraces(Some(4)).build();
        let counted = on_one_thread(self.passes(make, editions, publishing, tenth))?;
        Ok(Counted { left: live(&HeapStats::get()), ..counted })
    }

    async fn set_up<S: EventSystem>(&self, make: fn(&Workload) -> S) -> Result<Stage<S>, SetUpError> {
        Stage::set_up(make(&self.workload), &self.workload, |recorder: Recorder| recorder).await
    }

    async fn passes<S: EventSystem>(
        &self,
        make: fn(&Workload) -> S,
        mut editions: Editions,
        publishing: Publishing,
        tenth: u64,
    ) -> Result<Counted, RunError> {
        let stage = self.set_up(make).await?;
        for _ in 0..WARM_UP {
            self.pass(&stage, &editions, publishing).await?;
            editions.advance();
        }
        let before = HeapStats::get();
        let mut samples = [live(&before); 11];
        for sample in &mut samples[1..] {
            for _ in 0..tenth {
                self.pass(&stage, &editions, publishing).await?;
                editions.advance();
            }
            *sample = live(&HeapStats::get());
        }
        let after = HeapStats::get();
        let passes = 10 * tenth;
        stage.check(&self.owed, (WARM_UP + passes) * self.events() as u64)?;
        Ok(Counted {
            passes,
            events: passes * self.events() as u64,
            deliveries: passes * self.deliveries(),
            blocks: after.total_blocks - before.total_blocks,
            bytes: after.total_bytes - before.total_bytes,
            live: samples,
            peak_bytes: after.max_bytes,
            ledger: stage.system.ledger().await?,
            owed: (WARM_UP + passes) * self.deliveries(),
            left: Live::default(),
        })
    }

    /// Publishes all events of the current edition and waits until all is quiet.
    async fn pass<S: EventSystem>(
        &self,
        stage: &Stage<S>,
        editions: &Editions,
        publishing: Publishing,
    ) -> Result<(), RunError> {
        let announced = publish_all(&stage.system, editions.events(), publishing).await?;
        stage.system.quiesce().await?;
        let expected = self.deliveries();
        match announced {
            Some(announced) if announced != expected => {
                Err(WrongDeliveries::Announced { announced, expected }.into())
            }
            _ => Ok(()),
        }
    }
}

fn on_one_thread<T>(future: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().build();
    runtime.expect("a runtime without I/O and timer asks nothing of the machine").block_on(future)
}

fn live(stats: &HeapStats) -> Live {
    Live { blocks: stats.curr_blocks, bytes: stats.curr_bytes }
}
