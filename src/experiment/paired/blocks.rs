use std::sync::Arc;
use std::time::{Duration, Instant};

use crucible_events::routing::EventSystem;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::experiment::closed_loop::pass;
use crate::experiment::run::{Beginning, Material, MemoryMeter, RunError, Threads, made_in, run_as_task};
use crate::measure::{CpuTime, NotMeasured, Reading};
use crate::sut::{HandlerWork, Publishing, Stage, WorkingHandler};
use crate::workload::{Editions, Owed, Workload};

/// Blocks of passes with one fresh instance. A pass publishes the next `pass` events and ends when all is quiet and
/// dropped; passes take turns through the workload, and after its end through the next edition of it, which is made while
/// no clock runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocks {
    /// Threads for all.
    pub threads: Threads,
    /// One by one or in batches.
    pub publishing: Publishing,
    /// What each delivery costs its service.
    pub work: HandlerWork,
    /// Events of a pass; divides those of the workload.
    pub pass: usize,
    /// Passes of a block.
    pub passes: usize,
}

/// What the blocks of an instance came to; every delivery was checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlocksRun {
    /// Events of all blocks, those thrown away included.
    pub events: u64,
    /// Their deliveries.
    pub deliveries: u64,
    /// Deliveries whose handler failed.
    pub failed: u64,
    /// CPU time of the process during the blocks.
    pub cpu: Reading<Duration>,
    /// Most memory resident meanwhile beyond what the workload itself took before, bytes.
    pub peak_memory: Reading<u64>,
}

/// Does blocks as long as `next` asks for one; it is given what the one before took.
pub(in crate::experiment) fn run<S: EventSystem>(
    make: impl Fn(&Workload) -> S,
    material: &mut Material,
    spec: &Blocks,
    next: &mut dyn FnMut(Option<Duration>) -> bool,
) -> Result<BlocksRun, RunError> {
    let mut scene = Scene::set_up(make, material, spec)?;
    let mut last = None;
    while next(last.take()) {
        last = Some(scene.block()?);
    }
    scene.close()
}

struct Scene<S> {
    spec: Blocks,
    memory: MemoryMeter,
    // Dropped before the runtime, whose tasks serve it.
    stage: Arc<Stage<S>>,
    runtime: Runtime,
    owed: Arc<Owed>,
    editions: Arc<Editions>,
    published: u64,
    cpu: Result<Duration, NotMeasured>,
}

impl<S: EventSystem> Scene<S> {
    fn set_up(
        make: impl Fn(&Workload) -> S,
        material: &mut Material,
        spec: &Blocks,
    ) -> Result<Self, RunError> {
        let Beginning { workload, owed } = material.beginning(usize::MAX);
        let editions = Arc::new(Editions::of(&workload));
        RunError::check("events beyond the last whole pass", 0, (owed.events() % spec.pass.max(1)) as u64)?;
        let memory = MemoryMeter::start();
        let runtime = spec.threads.runtime()?;
        let system = made_in(&runtime, make, &workload);
        let work = spec.work;
        let stage = run_as_task(&runtime, async move {
            let handler = |recorder| WorkingHandler { recorder, work, log: () };
            Ok(Stage::set_up(system, &workload, handler).await?)
        })?;
        let (spec, stage, cpu) = (*spec, Arc::new(stage), Ok(Duration::ZERO));
        Ok(Self { spec, memory, stage, runtime, owed, editions, published: 0, cpu })
    }

    /// What its passes took, each from its first publish to quiet.
    fn block(&mut self) -> Result<Duration, RunError> {
        let mut elapsed = Duration::ZERO;
        for _ in 0..self.spec.passes {
            elapsed += self.timed_pass()?;
        }
        Ok(elapsed)
    }

    fn timed_pass(&mut self) -> Result<Duration, RunError> {
        let begin = self.published as usize % self.owed.events();
        if begin == 0 && self.published > 0 {
            Arc::get_mut(&mut self.editions).expect("a pass that has ended holds no events").advance();
        }
        let before = self.owed.deliveries_of_first(self.published);
        self.published += self.spec.pass as u64;
        let expected = self.owed.deliveries_of_first(self.published) - before;
        let (stage, editions, spec) = (self.stage.clone(), self.editions.clone(), self.spec);
        let (elapsed, cpu) = run_as_task(&self.runtime, async move {
            let events = &editions.events()[begin..begin + spec.pass];
            let cpu = CpuTime::of_this_process();
            let start = Instant::now();
            pass(&stage, events, spec.publishing, expected).await?;
            let elapsed = start.elapsed();
            Ok((elapsed, cpu.and_then(|before| Ok(CpuTime::of_this_process()?.since(&before).total()))))
        })?;
        self.cpu = self.cpu.clone().and_then(|sum| Ok(sum + cpu?));
        Ok(elapsed)
    }

    /// Every delivery is checked, and whether the system still does what it promises.
    fn close(self) -> Result<BlocksRun, RunError> {
        let Self { memory, stage, runtime, owed, editions, published, cpu, .. } = self;
        let peak_memory = memory.peak();
        let deliveries = owed.deliveries_of_first(published);
        let failed = run_as_task(&runtime, async move {
            stage.check(&owed, published).await?;
            let failed = stage.system.ledger().await?.failed;
            let last = (published as usize).checked_sub(1).map(|last| last % owed.events());
            if let Some(last) = last {
                stage.check_still_whole(&editions.events()[last]).await?;
            }
            Ok(failed)
        })?;
        Ok(BlocksRun { events: published, deliveries, failed, cpu: cpu.into(), peak_memory })
    }
}
