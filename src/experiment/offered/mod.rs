//! Loads offered one after the other to one instance of a system: whether it keeps up, and what happens if it does not.

mod log;
mod run;
mod saturate;
mod scene;
mod trial;
mod watch;

pub(super) use log::nanoseconds;
pub(super) use run::run;
pub use saturate::Deliveries;
pub(super) use saturate::saturate;
pub use trial::{EndedEarly, Keeping, LoadSample, OfferedLoad, Trial, TrialRun, Window};
