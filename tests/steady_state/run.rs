use std::sync::Arc;

use crucible_events::event::Payload;
use crucible_events::routing::Ledger;
use crucible_perf::experiment::{HeapCycles, HeapRun, Lineup, Material, RunError, UnknownSystem};
use crucible_perf::sut::Publishing;
use crucible_perf::workload::{Scenario, Workload};

/// Of every workload here; any other would do as well.
const SEED: u64 = 42;

/// Passes before anything is counted. Queues and buffers have then grown to what a pass needs. Two
/// would do, since all passes are alike.
const WARM_UP: u64 = 4;

/// What every system gets, and what is to come of it.
pub(crate) struct Task {
    workload: Workload,
    /// For each event, how many services get it.
    pub(crate) fan_outs: Vec<usize>,
}

/// Blocks and bytes on the heap at one moment; those that are older than the system are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Live {
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
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
    pub(crate) peak_bytes: u64,
    /// Of the whole run, the warm-up included.
    pub(crate) ledger: Ledger,
    /// Deliveries in all, as the oracle says, the warm-up included.
    pub(crate) owed: u64,
    /// After the system and its runtime were dropped.
    pub(crate) left: Live,
}

/// A run that did not come to its end, or not to the right one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error(transparent)]
    System(#[from] UnknownSystem),
    #[error(transparent)]
    Run(#[from] RunError),
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
        Self { workload, fan_outs }
    }

    /// Of one pass.
    pub(crate) fn events(&self) -> usize {
        self.workload.events.len()
    }

    /// Of one pass.
    pub(crate) fn deliveries(&self) -> u64 {
        self.fan_outs.iter().sum::<usize>() as u64
    }

    /// Ten times `tenth` passes of all events through a system of the lineup, each pass another edition of them.
    pub(crate) fn run(&self, system: &str, publishing: Publishing, tenth: u64) -> Result<Counted, Failed> {
        let (events, passes) = (self.events(), 10 * tenth);
        let spec = HeapCycles {
            publishing,
            events,
            warm_up: WARM_UP,
            cycles: passes,
            sample_every: events,
            gauges: false,
            profile: None,
        };
        let lineup = Lineup::standard();
        let subject = &lineup.find(system)?.subject;
        let run = subject.heap(&mut Material::new(self.workload.clone()), &spec, &mut |_| ())?;
        Ok(self.counted(&run, passes))
    }

    fn counted(&self, run: &HeapRun, passes: u64) -> Counted {
        let spent = run.spent();
        let before = Live { blocks: run.before.blocks.live, bytes: run.before.bytes.live };
        let mut live = [before; 11];
        let each = run.quiet.len() / 10;
        for (tenth, live) in live.iter_mut().enumerate().skip(1) {
            let sample = run.quiet[tenth * each - 1];
            *live = Live { blocks: sample.blocks, bytes: sample.bytes };
        }
        let left = run.left.expect("nothing was profiled, so that all was counted to the end");
        Counted {
            passes,
            events: run.events,
            deliveries: run.deliveries,
            blocks: spent.blocks.allocated,
            bytes: spent.bytes.allocated,
            live,
            peak_bytes: run.after.bytes.peak,
            ledger: run.ledger,
            owed: (WARM_UP + passes) * self.deliveries(),
            left: Live { blocks: left.blocks.live, bytes: left.bytes.live },
        }
    }
}
