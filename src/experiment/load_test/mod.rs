//! A load test of one system: events sent when they are due, deliveries that may fail, and a look at it every second.

mod feed;
mod log;
mod outcome;
mod recovery;
mod run;
#[cfg(test)]
mod tests;
mod watch;

pub use log::Served;
pub use outcome::{Backlog, FailuresSeen, Interval, LoadRun, Phases, Recovery, Waiting};
pub(super) use run::run;
