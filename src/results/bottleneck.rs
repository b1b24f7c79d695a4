//! What limits a system, with the figures that say so.

use serde::{Deserialize, Serialize};

use crate::experiment::bottleneck::Observation;

/// What a system was watched doing, and what that means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BottleneckFigure {
    /// What was seen.
    pub observation: Observation,
    /// What it means.
    pub verdict: Verdict,
}

/// What limits a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bottleneck {
    /// Its threads use up the cores.
    Cpu,
    /// They do, or block, over page faults.
    Memory,
    /// Threads wait for locks that others hold, or more cores make each piece of work dearer.
    ThreadContention,
    /// Threads are blocked in calls on files.
    Io,
    /// Threads are blocked in calls on sockets.
    Network,
    /// One thing is done at a time while the other threads have nothing to do: one busy loop, one task that all goes through,
    /// or an asynchronous lock that each piece of work holds in turn. To the operating system these are one and the same.
    SerialStage,
    /// None: there is not more to do than is done.
    NotSaturated,
    /// None inside: there is more to do, and the threads wait to be told or for a moment to come.
    Outside,
    /// The figures do not tell, or what they tell was not confirmed.
    Unclear,
}

impl Bottleneck {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Cpu,
        Self::Memory,
        Self::ThreadContention,
        Self::Io,
        Self::Network,
        Self::SerialStage,
        Self::NotSaturated,
        Self::Outside,
        Self::Unclear,
    ];

    /// For people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Memory => "memory",
            Self::ThreadContention => "thread contention",
            Self::Io => "I/O",
            Self::Network => "network",
            Self::SerialStage => "serial stage",
            Self::NotSaturated => "none: not saturated",
            Self::Outside => "none: waits on something outside",
            Self::Unclear => "unclear",
        }
    }
}

/// What limits a system, and why one thinks so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The answer.
    pub bottleneck: Bottleneck,
    /// Where it is unclear, what it looked like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_like: Option<Bottleneck>,
    /// What the figures do not say; where it is unclear, why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The figures that decided, those that were watched before those of the intervention.
    pub evidence: Vec<Evidence>,
}

/// A figure that decided.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Which.
    pub figure: Figure,
    /// Its value.
    pub value: f64,
    /// What it was held against.
    pub bound: Bound,
}

/// On which side of which threshold a figure lies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Not below it.
    AtLeast(f64),
    /// Not above it.
    AtMost(f64),
}

/// The figures by which bottlenecks are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Samples that were taken.
    Samples,
    /// Cores in use by the process.
    CoresUsed,
    /// Of them, by the threads that bring the load.
    CoresBeside,
    /// Cores that all else on the machine used.
    OthersOnCores,
    /// Threads that were ready and had no core.
    WaitingForCore,
    /// Threads on a core, waiting for one, or blocked by a socket, a file or memory, on average.
    ThreadsAtWork,
    /// Share of the time in which at least one thread was at work.
    OneAtWork,
    /// Of the time of threads that were waiting neither to be told nor for a core, the part blocked on sockets.
    Socket,
    /// The part blocked on files.
    File,
    /// The part spent waiting for locks.
    Lock,
    /// The part blocked over memory.
    BlockedOnMemory,
    /// Page faults per second of CPU time.
    FaultsPerCpuSecond,
    /// Part of the CPU time that was spent in the kernel.
    SystemShare,
    /// Share of the time in which some process of the machine stalled for memory.
    MemoryPressure,
    /// Throughput with half the cores over that without.
    WithHalfTheCores,
    /// Throughput while something else works on each core over that without.
    WithSlowerCores,
    /// Throughput with the named calls delayed over that without.
    WithHeldCalls,
    /// CPU time of a piece of work with half the cores over that without.
    CostWithHalfTheCores,
}

impl Figure {
    /// For people, to be followed by the value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Samples => "samples",
            Self::CoresUsed => "cores used",
            Self::CoresBeside => "cores used to bring the load",
            Self::OthersOnCores => "cores used by others",
            Self::WaitingForCore => "threads waiting for a core",
            Self::ThreadsAtWork => "threads at work",
            Self::OneAtWork => "at least one thread at work",
            Self::Socket => "blocked on sockets",
            Self::File => "blocked on files",
            Self::Lock => "waiting for locks",
            Self::BlockedOnMemory => "blocked over memory",
            Self::FaultsPerCpuSecond => "page faults per CPU second",
            Self::SystemShare => "CPU time in the kernel",
            Self::MemoryPressure => "stalled for memory",
            Self::WithHalfTheCores => "throughput with half the cores",
            Self::WithSlowerCores => "throughput with slower cores",
            Self::WithHeldCalls => "throughput with held calls",
            Self::CostWithHalfTheCores => "CPU time of a delivery with half the cores",
        }
    }
}
