use std::future::Future;
use std::ops::Range;
use std::path::PathBuf;

use crucible_events::routing::{EventSystem, Gauge, Holds, Ledger, Recorder};
use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;

use super::run::{Beginning, Material, RunError};
use crate::measure::heap::{self, Heap, Tracking};
use crate::sut::{Publishing, Stage, StillWhole, WrongDeliveries, publish_all};
use crate::workload::{Editions, Owed, Workload};

/// Cycles of the same work on one thread, with the heap counted: some to warm up, then those that are looked at. Each
/// publishes all events, the next edition of them, and ends when all is quiet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeapCycles {
    /// One by one or in batches.
    pub publishing: Publishing,
    /// Events of a cycle at most.
    pub events: usize,
    /// Cycles before anything is looked at: queues and buffers have then grown to what a cycle needs.
    pub warm_up: u64,
    /// Cycles that are looked at.
    pub cycles: u64,
    /// A sample of the timeline each time so many events were published.
    pub sample_every: usize,
    /// Whether the system's structures are looked at, too. To tell of them it allocates, which is counted.
    pub gauges: bool,
    /// Where a profile is written that tells which lines asked for what, and when counting ends: with the system open,
    /// whose structures are then live, or closed.
    pub profile: Option<(PathBuf, AtEnd)>,
}

/// What of the system is there when counting ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtEnd {
    /// All of it.
    Open,
    /// Nothing: it was shut down and dropped, and its runtime with it.
    Closed,
}

/// The heap after so many events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeapSample {
    /// Published since the warm-up.
    pub events: u64,
    /// Blocks that the system and its runtime hold.
    pub blocks: u64,
    /// Bytes that they hold.
    pub bytes: u64,
}

/// What cycles came to; every delivery was checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeapRun {
    /// Published in the cycles that were looked at.
    pub events: u64,
    /// Deliveries in them.
    pub deliveries: u64,
    /// Of all deliveries, those of the warm-up included.
    pub ledger: Ledger,
    /// After the set-up and the warm-up, at quiet.
    pub before: Heap,
    /// After the last cycle, at quiet.
    pub after: Heap,
    /// After the system was shut down and dropped; none if counting ended before.
    pub left: Option<Heap>,
    /// At quiet, after each cycle.
    pub quiet: Vec<HeapSample>,
    /// While events flow: after each so many, some of them still on their way.
    pub timeline: Vec<HeapSample>,
    /// What each structure of the system holds, if that was looked at.
    pub gauges: Vec<Entries>,
}

/// A structure of the system, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entries {
    /// As the system names it.
    pub structure: String,
    /// The least at quiet in the last half of the cycles.
    pub least: u64,
    /// How many it may keep, if it is one that keeps some.
    pub bound: Option<u64>,
}

/// Of so many quiet moments the first of the last half: what fills and is emptied again is told from what grows by the
/// least that was held from here on.
pub const fn half_way(moments: usize) -> usize {
    moments / 2
}

impl HeapRun {
    /// Asked for in the cycles.
    pub fn spent(&self) -> Heap {
        self.after.since(&self.before)
    }
}

/// Runs the cycles with a system that `make` makes; `show` sees each sample as it is taken and allocates nothing.
pub(super) fn run<S: EventSystem>(
    make: impl Fn(&Workload) -> S,
    material: &mut Material,
    spec: &HeapCycles,
    show: &mut dyn FnMut(HeapSample),
) -> Result<HeapRun, RunError> {
    let Beginning { workload, owed } = material.beginning(spec.events);
    let task = Task { workload: &workload, owed: &owed, spec };
    // What is allocated once in a process or thread is not the system's: arc-swap's list of readers, and the counter
    // that `Bytes` puts beside a payload when it is first cloned.
    on_one_thread(async {
        let stage = task.set_up(&make).await?;
        let mut editions = Editions::of(&workload);
        task.cycle(&stage, &mut editions, &mut |_| ()).await
    })?;
    let mut log = Log::for_spec(spec, workload.events.len());
    let editions = Editions::of(&workload);
    let tracking = match &spec.profile {
        Some((file, _)) => heap::profile(file, FRAMES)?,
        None => heap::track()?,
    };
    let runtime = Builder::new_current_thread().build()?;
    let (stage, mut run) = runtime.block_on(task.cycles(&make, editions, &tracking, &mut log, show))?;
    let open = matches!(&spec.profile, Some((_, AtEnd::Open)));
    let tracking = if open {
        drop(tracking);
        None
    } else {
        Some(tracking)
    };
    runtime.block_on(stage.system.shutdown(std::time::Duration::ZERO))?;
    drop(stage);
    drop(runtime);
    run.left = tracking.as_ref().map(Tracking::now);
    drop(tracking);
    (run.quiet, run.timeline, run.gauges) = (log.quiet, log.timeline, log.floors.told());
    Ok(run)
}

/// Asynchronous code has deep stacks: ten of its frames are the executor's.
const FRAMES: usize = 32;

fn on_one_thread<T>(future: impl Future<Output = Result<T, RunError>>) -> Result<T, RunError> {
    Builder::new_current_thread().build()?.block_on(future)
}

/// Room for all that is noted, made before anything is counted.
struct Log {
    quiet: Vec<HeapSample>,
    timeline: Vec<HeapSample>,
    floors: Floors,
}

impl Log {
    fn for_spec(spec: &HeapCycles, events: usize) -> Self {
        let cycles = usize::try_from(spec.cycles).unwrap_or(usize::MAX);
        let per_cycle = events.div_ceil(spec.sample_every.max(1));
        Self {
            quiet: Vec::with_capacity(cycles),
            timeline: Vec::with_capacity(cycles * per_cycle),
            floors: Floors::with_room(),
        }
    }
}

/// The least that each structure held at the moments that were noted.
struct Floors {
    moments: u64,
    found: Vec<Floor>,
    /// One after the other: a `String` for each would count as the system's.
    names: String,
}

struct Floor {
    name: Range<usize>,
    least: u64,
    bound: Option<u64>,
    /// At how many moments it was there.
    seen: u64,
}

/// Structures, and bytes of a name: a system has some hundred.
const ROOM: (usize, usize) = (4_096, 64);

impl Floors {
    fn with_room() -> Self {
        let (structures, name) = ROOM;
        Self {
            moments: 0,
            found: Vec::with_capacity(structures),
            names: String::with_capacity(structures * name),
        }
    }

    /// What `gauges` tell is kept, and what they are made of goes: it is not the system's.
    fn note(&mut self, gauges: Vec<Gauge>) {
        self.moments += 1;
        for Gauge { structure, len, holds } in gauges {
            let bound = match holds {
                Holds::Kept { most } => Some(most),
                Holds::Passing | Holds::Registered => None,
            };
            match self.found.iter_mut().find(|floor| self.names[floor.name.clone()] == *structure) {
                Some(floor) => {
                    floor.least = floor.least.min(len);
                    floor.bound = bound;
                    floor.seen += 1;
                }
                None => {
                    let begin = self.names.len();
                    self.names.push_str(&structure);
                    self.found.push(Floor { name: begin..self.names.len(), least: len, bound, seen: 1 });
                }
            }
        }
    }

    /// One that was not there at some moment held nothing then.
    fn told(&self) -> Vec<Entries> {
        let told = |floor: &Floor| Entries {
            structure: self.names[floor.name.clone()].to_owned(),
            least: if floor.seen < self.moments { 0 } else { floor.least },
            bound: floor.bound,
        };
        self.found.iter().map(told).collect()
    }
}

struct Task<'a> {
    workload: &'a Workload,
    owed: &'a Owed,
    spec: &'a HeapCycles,
}

impl Task<'_> {
    async fn set_up<S: EventSystem>(&self, make: impl Fn(&Workload) -> S) -> Result<Stage<S>, RunError> {
        Ok(Stage::set_up(make(self.workload), self.workload, |recorder: Recorder| recorder).await?)
    }

    async fn cycles<S: EventSystem>(
        &self,
        make: impl Fn(&Workload) -> S,
        mut editions: Editions,
        tracking: &Tracking,
        log: &mut Log,
        show: &mut dyn FnMut(HeapSample),
    ) -> Result<(Stage<S>, HeapRun), RunError> {
        let (warm_up, cycles) = (self.spec.warm_up, self.spec.cycles);
        let stage = self.set_up(make).await?;
        for _ in 0..warm_up {
            self.cycle(&stage, &mut editions, &mut |_| ()).await?;
        }
        let before = tracking.now();
        let mut done = 0;
        for _ in 0..cycles {
            let timeline = &mut log.timeline;
            let mut take = |events: u64| {
                let sample = sample(done + events, &tracking.now());
                timeline.push(sample);
                show(sample);
            };
            self.cycle(&stage, &mut editions, &mut take).await?;
            done += editions.events().len() as u64;
            log.quiet.push(sample(done, &tracking.now()));
            if self.spec.gauges && log.quiet.len() > half_way(usize::try_from(cycles).unwrap_or(usize::MAX)) {
                log.floors.note(stage.system.gauges().await?);
            }
        }
        let after = tracking.now();
        stage.check(self.owed, (warm_up + cycles) * editions.events().len() as u64).await?;
        let ledger = stage.system.ledger().await?;
        ledger.check().map_err(StillWhole::from)?;
        let run = HeapRun {
            events: done,
            deliveries: cycles * self.owed.deliveries(),
            ledger,
            before,
            after,
            left: None,
            quiet: Vec::new(),
            timeline: Vec::new(),
            gauges: Vec::new(),
        };
        Ok((stage, run))
    }

    /// Publishes all events of the current edition, waits until all is quiet, and goes on to the next one.
    async fn cycle<S: EventSystem>(
        &self,
        stage: &Stage<S>,
        editions: &mut Editions,
        published: &mut dyn FnMut(u64),
    ) -> Result<(), RunError> {
        let (mut announced, mut done) = (Some(0), 0);
        for part in editions.events().chunks(self.spec.sample_every.max(1)) {
            let more = publish_all(&stage.system, part, self.spec.publishing).await?;
            announced = announced.zip(more).map(|(sum, more)| sum + more);
            done += part.len() as u64;
            published(done);
        }
        stage.system.quiesce().await?;
        editions.advance();
        let expected = self.owed.deliveries();
        match announced {
            Some(announced) if announced != expected => {
                Err(WrongDeliveries::Announced { announced, expected }.into())
            }
            _ => Ok(()),
        }
    }
}

fn sample(events: u64, heap: &Heap) -> HeapSample {
    HeapSample { events, blocks: heap.blocks.live, bytes: heap.bytes.live }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_told_by_the_least_that_they_held() {
        let mut floors = Floors::with_room();
        floors.note(vec![Gauge::passing("queue", 7), Gauge::kept("letters\n\n", 3, 10)]);
        floors.note(vec![
            Gauge::passing("late\t1", 4),
            Gauge::passing("queue", 2),
            Gauge::kept("letters\n\n", 5, 10),
        ]);
        floors.note(vec![
            Gauge::passing("queue", 9),
            Gauge::passing("late\t1", 4),
            Gauge::kept("letters\n\n", 5, 10),
        ]);
        let told = floors.told().into_iter().map(|entries| (entries.structure, entries.least, entries.bound));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                ("queue".to_owned(), 2, None),
                ("letters\n\n".to_owned(), 3, Some(10)),
                ("late\t1".to_owned(), 0, None)
            ]
        );
    }

    #[test]
    fn one_that_appears_after_a_moment_without_any_held_nothing_then() {
        let mut floors = Floors::with_room();
        floors.note(Vec::new());
        floors.note(vec![Gauge::passing("queue", 7)]);
        assert_eq!(floors.told(), [Entries { structure: "queue".to_owned(), least: 0, bound: None }]);
    }
}
