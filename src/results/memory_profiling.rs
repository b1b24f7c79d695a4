//! What `memory_profiling` leaves behind.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::daemon_performance::ScenarioFacts;
use crate::experiment::{Entries, Full, HeapRun, Standing};
use crate::sut::Publishing;

/// All figures of a run, in the order in which they were taken.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct MemoryProfiling {
    /// What systems ask of the heap.
    pub usage: Vec<UsageFigure>,
    /// Whether they hold more and more.
    pub leaks: Vec<LeakFigure>,
    /// What they do as memory runs out.
    pub pressure: Vec<PressureFigure>,
    /// Which lines ask for what: profiles to be read with `cargo heap`.
    pub profiles: Vec<ProfileFigure>,
}

/// Systems side by side: cycles of the same work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsageFigure {
    /// As in `--list`.
    pub name: String,
    /// What arrived in each cycle.
    pub scenario: ScenarioFacts,
    /// One by one or in batches.
    pub publishing: Publishing,
    /// Each of them.
    pub systems: Vec<SystemUsage>,
}

/// One system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SystemUsage {
    /// Its name.
    pub system: String,
    /// What was counted.
    pub run: HeapRun,
}

/// One system: whether what it holds depends on how much went through it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeakFigure {
    /// As in `--list`.
    pub name: String,
    /// The system.
    pub system: String,
    /// What that says.
    pub verdict: Verdict,
    /// Two runs, or three if the first two differ.
    pub runs: Vec<Residue>,
    /// Who asked for what leaks, the most blocks first; empty if nothing does.
    pub sites: Vec<LeakSite>,
    /// The structures that hold it, with entries per event; empty if nothing leaks, or if it hangs on none that the
    /// system knows of.
    pub holders: Vec<(String, f64)>,
}

/// What is held after some cycles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Residue {
    /// Published before, since the warm-up.
    pub events: u64,
    /// Published before the last half of the cycles, of which `open` and `gauges` tell.
    pub half_way: u64,
    /// The least that was held at quiet in the last half of the cycles: what fills and is emptied again is no leak.
    pub open: Held,
    /// After the system was shut down and dropped.
    pub closed: Held,
    /// What its structures held.
    pub gauges: Vec<Entries>,
}

/// Blocks and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Held {
    /// How many blocks.
    pub blocks: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// Whether a system leaks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// However many cycles, as much is held.
    Clean,
    /// It goes on, event by event.
    Leaking(Growth),
    /// It grew, and it grew again, but more slowly.
    Unclear(Growth),
}

/// How much more is held for each event, from the last run but one to the last.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// Blocks per event.
    pub blocks_per_event: f64,
    /// Bytes per event.
    pub bytes_per_event: f64,
    /// Whether it stays when the system is closed, or goes with it.
    pub outlives_the_system: bool,
}

/// A place that asked for blocks that are not given back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeakSite {
    /// The first function on its stack that is the project's own, with file and line.
    pub place: String,
    /// Blocks per event.
    pub blocks_per_event: f64,
    /// Bytes per event.
    pub bytes_per_event: f64,
}

/// One system under a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PressureFigure {
    /// As in `--list`.
    pub name: String,
    /// The system, with the setting that matters.
    pub system: String,
    /// Bytes that it may have.
    pub limit: u64,
    /// Of each event.
    pub payload_bytes: usize,
    /// What the publisher asked for.
    pub on_full: Full,
    /// How far it got.
    pub last: Standing,
    /// With which exit status its process died, if it did.
    pub died: Option<String>,
}

/// A heap profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileFigure {
    /// The system.
    pub system: String,
    /// The file, in dhat's format.
    pub file: PathBuf,
    /// Events that went through the system meanwhile, set-up and warm-up before them.
    pub events: u64,
    /// All blocks that were asked for, by size.
    pub sizes: Vec<SizeClass>,
}

/// Blocks of some size. A profile has the mean of each stack: all blocks of a stack that asks for several sizes are in the
/// class of their mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizeClass {
    /// At most so many bytes, and more than the class before.
    pub up_to: u64,
    /// How many blocks.
    pub blocks: u64,
    /// How many bytes they have.
    pub bytes: u64,
}
