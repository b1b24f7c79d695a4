//! Loads offered one after the other to one instance of a system: whether it keeps up, and what happens if it does not.

mod log;
mod run;
mod trial;
mod watch;

pub(super) use log::nanoseconds;
pub(super) use run::run;
pub use trial::{Keeping, LoadSample, OfferedLoad, Trial, TrialRun, Window};
