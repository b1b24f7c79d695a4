//! Two systems in turns: a process each, fresh instances each round, adjacent blocks in random order.
//!
//! One block at a time runs on the machine: the worker whose turn it is is told so by a line, times its own block, and
//! answers; the other one waits in a read. What the pipes take lies outside of every timed span.

mod blocks;
mod pair;
mod run;
mod sizing;

pub(super) use blocks::run;
pub use blocks::{Blocks, BlocksRun};
pub use pair::{Pair, PairRound, Shape};
pub use run::Paired;
pub use sizing::{Sizing, pass_events, sized};
