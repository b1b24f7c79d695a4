//! How a figure is obtained: rounds in processes of their own, interleaved, each with a fresh instance
//! whose work is checked.

mod accounts;
pub mod bottleneck;
mod closed_loop;
pub mod failures;
mod heap_cycles;
mod lineup;
mod load_test;
mod offered;
mod open_loop;
mod paired;
mod pressure;
mod process;
mod rounds;
mod run;
pub mod search;
#[cfg(test)]
mod tests;
mod timed_pass;
mod worker;

pub use closed_loop::{ClosedLoop, ClosedRound};
pub use heap_cycles::{AtEnd, Entries, HeapCycles, HeapRun, HeapSample, half_way};
pub use lineup::{Entry, Lineup, Role, Subject, UnknownSystem};
pub use load_test::{Backlog, FailuresSeen, Interval, LoadRun, Phases, Recovery, Served, Waiting};
pub use offered::{Deliveries, EndedEarly, Keeping, LoadSample, OfferedLoad, Trial, TrialRun, Window};
pub use open_loop::{Due, OpenLoop, OpenRun};
pub use paired::{Blocks, BlocksRun, Pair, PairRound, Paired, Shape, Sizing, pass_events, sized};
pub use pressure::{Full, HeapLimit, Pressure, Standing, Still};
pub use process::{Ended, ProcessError, SystemProcess};
pub(crate) use rounds::shuffled;
pub use rounds::{Contender, Halted, interleave};
pub use run::{Material, RunError, Threads};
pub use worker::{Assignment, LISTENER, PACER, WORKER_ARGUMENT, run_if_worker, run_if_worker_under};
