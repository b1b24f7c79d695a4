//! With which instrument a run is watched, and under which circumstances.
//!
//! What an instrument cannot read it does not replace by zero: it says [`NotMeasured`] and why.

mod absent;
mod build;
pub mod heap;
pub mod instructions;
mod latency;
mod machine;
mod one_core;
mod process;
mod provenance;
mod source;
pub mod threads;

pub use absent::{NotMeasured, Reading};
pub use build::Build;
pub use latency::{Latency, LatencySummary};
pub use machine::{LoadAverage, Machine, Quietness, StealMeter, lost_percent};
pub use one_core::OneCore;
pub use process::{CpuTime, ResidentMemory};
pub use provenance::{Moment, Provenance, Run};
pub use source::Source;
