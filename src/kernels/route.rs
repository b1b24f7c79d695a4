//! From publish to acknowledged: a whole system, on one thread, with events built beforehand.

use crucible_events::crucible_core::{Config, CrucibleCore, ManualClock};
use crucible_events::event::Timestamp;
use crucible_events::routing::{EventSystem, Recorder, Tally, WindowPolicy};
use tokio::runtime::{Builder, Runtime};

use super::{Kernel, Prepared, Work};
use crate::sut::{Publishing, Stage, publish_all};
use crate::workload::{Scenario, Workload};

/// Of every workload of the kernels; any other would do as well.
const SEED: u64 = 42;

/// Events of a run at most: enough to spread what each run costs beside them, few enough to count.
const EVENTS: usize = 1_000;

/// All events of a scenario, or its first thousand, through the system that `make` makes, and the
/// wait until all is quiet.
pub(super) fn prepare<S: EventSystem>(
    make: fn(&Workload) -> S,
    scenario: &Scenario,
    publishing: Publishing,
) -> Prepared {
    prepare_with(make, || {}, scenario, publishing)
}

/// The same through CrucibleCore with its default configuration. It remembers ids for a while: before each
/// run its clock moves by that much, so that a run finds the same events new and lets go of as many ids as it
/// remembers, as in the long run.
pub(super) fn core(scenario: &Scenario, publishing: Publishing) -> Prepared {
    let hand = ManualClock::new(Timestamp(0));
    let clock = hand.clock();
    let make = move |_: &Workload| {
        CrucibleCore::with_clock(Config::default(), clock).expect("the default settings work")
    };
    prepare_with(make, move || hand.advance(WindowPolicy::default().time), scenario, publishing)
}

fn prepare_with<S: EventSystem>(
    make: impl FnOnce(&Workload) -> S,
    begin: impl FnMut() + 'static,
    scenario: &Scenario,
    publishing: Publishing,
) -> Prepared {
    let scenario = scenario.clone().with_events(scenario.events().min(EVENTS)).expect("not zero");
    let workload = Workload::generate(&scenario, SEED);
    let expected = expected(&workload);
    let runtime = runtime();
    let stage = runtime.block_on(async { Stage::set_up(make(&workload), &workload, |r: Recorder| r).await });
    let stage = stage.unwrap_or_else(|why| panic!("kernel route, {scenario}: {why}"));
    let bytes = payload_bytes(&workload);
    let route = Route { stage, runtime, workload, begin, publishing, bytes, before: Tally::default() };
    Prepared::new(route, expected)
}

/// One thread and no timer: a timer would read the clock, and counts would differ from run to run.
pub(super) fn runtime() -> Runtime {
    Builder::new_current_thread()
        .build()
        .expect("a runtime without I/O and timer asks nothing of the machine")
}

fn expected(workload: &Workload) -> Work {
    work(workload.events.len(), payload_bytes(workload), workload.expected().total())
}

fn payload_bytes(workload: &Workload) -> u64 {
    workload.events.iter().map(|event| event.payload.len() as u64).sum()
}

pub(super) fn work(events: usize, bytes: u64, tally: Tally) -> Work {
    Work { events: events as u64, deliveries: tally.deliveries, bytes, checksum: tally.checksum }
}

struct Route<S, B> {
    // Dropped before the runtime, whose tasks serve it.
    stage: Stage<S>,
    runtime: Runtime,
    workload: Workload,
    /// Comes before each run.
    begin: B,
    publishing: Publishing,
    bytes: u64,
    before: Tally,
}

impl<S: EventSystem, B: FnMut()> Kernel for Route<S, B> {
    fn run(&mut self) -> Work {
        (self.begin)();
        let Self { stage, runtime, workload, publishing, .. } = self;
        let quiet = runtime.block_on(async {
            let announced = publish_all(&stage.system, &workload.events, *publishing).await?;
            stage.system.quiesce().await?;
            Ok::<_, crate::sut::DriveError>(announced)
        });
        let now = stage.received();
        let got = Tally {
            deliveries: now.deliveries - self.before.deliveries,
            checksum: now.checksum.wrapping_sub(self.before.checksum),
        };
        self.before = now;
        match quiet {
            Ok(announced) if announced.is_none_or(|announced| announced == got.deliveries) => {
                work(self.workload.events.len(), self.bytes, got)
            }
            // No work that could pass for the expected one.
            _ => Work { events: 0, ..work(0, 0, got) },
        }
    }
}
