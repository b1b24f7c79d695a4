//! What the threads of another process do, seen from outside: nothing in its code is changed, wrapped or asked.
//!
//! Linux shows for each thread how long it ran and how long it waited for a core (`schedstat`), in which system call it
//! is (`syscall`), and its page faults and CPU time (`stat`). Looked at every seven milliseconds, a second gives some 140
//! samples of each thread. To see the system calls of a process one needs the right to trace it: one's own children
//! usually, others by root.

mod calls;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod task;
#[cfg(target_os = "linux")]
mod watch;

use serde::{Deserialize, Serialize};

use super::Reading;
#[cfg(target_os = "linux")]
pub use task::{cpu_time, is_in_call, task_ids, task_name};
#[cfg(target_os = "linux")]
pub use watch::watch;

/// Between two looks. Seven milliseconds share no period with timers of 1, 4, 5 or 10 ms, so that what is done in their
/// rhythm is seen at all its phases; looking at four threads takes some 60 µs, less than 1 % of a core.
pub const PERIOD: std::time::Duration = std::time::Duration::from_millis(7);

/// What some threads did, as how many of them did it on average: 1.5 are one and a half threads, all the time.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Activity {
    /// On a core.
    pub running: f64,
    /// Ready, and without one.
    pub waiting_for_core: f64,
    /// Waiting for a lock: in `futex`, with the value by which locks wait, at an address where others waited, too.
    pub lock: f64,
    /// Blocked in a system call on a socket.
    pub socket: f64,
    /// Blocked in a system call on a file or file system.
    pub file: f64,
    /// Blocked over memory: in a page fault, or in a call that maps.
    pub memory: f64,
    /// Asleep until a moment.
    pub sleeping: f64,
    /// Waiting to be told that there is something to do: any other `futex`, `epoll`, `poll`.
    pub parked: f64,
    /// Blocked in any other system call.
    pub other: f64,
}

impl Activity {
    /// All but waiting to be told what to do, and for a core: who waits for that is kept by others.
    pub fn engaged(&self) -> f64 {
        self.running + self.lock + self.socket + self.file + self.memory + self.sleeping + self.other
    }
}

/// One thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThreadSeen {
    /// Its name.
    pub name: String,
    /// Shares of its time.
    pub activity: Activity,
}

/// The lock that was waited for most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockSeen {
    /// Of its word, in the process.
    pub address: u64,
    /// Threads that were seen to wait there.
    pub threads: u64,
    /// Of the samples in which a thread waited for a lock, those at this address.
    pub samples: u64,
    /// Samples in which a thread waited for any lock.
    pub of: u64,
}

/// What the threads of a process did for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThreadsSeen {
    /// How long, ns.
    pub lasting_ns: u64,
    /// How often they were looked at.
    pub samples: u64,
    /// Of all that were to be watched together.
    pub activity: Activity,
    /// Share of the samples in which at least one of them was at work: on a core, ready, or blocked by a socket, a file
    /// or memory. (How often several were cannot be told so: who looks takes a core, and whoever is woken meanwhile is seen
    /// waiting for it.)
    pub one_at_work: f64,
    /// Cores that the other threads of the process used: those of who offers the load.
    pub beside: f64,
    /// Cores that all else on the machine used meanwhile, the kernel's own threads included, and what the host took.
    pub others: Reading<f64>,
    /// Absent if nobody waited for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockSeen>,
    /// Page faults that needed no disk.
    pub minor_faults: u64,
    /// Page faults that did.
    pub major_faults: u64,
    /// CPU time, ns; in the kernel as its ticks of 10 ms say.
    pub cpu_ns: u64,
    /// Of it, in the kernel, 0 to 1. Absent with too little CPU time to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_share: Option<f64>,
    /// Share of the time in which some process of the whole machine stalled for memory (PSI), 0 to 1.
    pub memory_pressure: Reading<f64>,
    /// Each of them, the one that ran most first; sixteen at most.
    pub threads: Vec<ThreadSeen>,
}

/// CPU time of the threads of a process, but those beside, since they began.
///
/// # Errors
/// Always: see [`watch`].
#[cfg(not(target_os = "linux"))]
pub fn cpu_time(
    _pid: u32,
    _beside: &dyn Fn(&str) -> bool,
) -> Result<std::time::Duration, super::NotMeasured> {
    Err(super::NotMeasured::new("CPU time of threads", "read from /proc/PID/task, which Linux alone has"))
}

/// Says why it cannot: there is no `/proc` with threads here.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn watch(
    _pid: u32,
    _lasting: std::time::Duration,
    _beside: &dyn Fn(&str) -> bool,
) -> Result<ThreadsSeen, super::NotMeasured> {
    Err(super::NotMeasured::new("threads", "read from /proc/PID/task, which Linux alone has"))
}
