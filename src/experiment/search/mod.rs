//! The highest rate that a system sustains: found by staircases of short trials, confirmed by a long one.
//!
//! Known answers are in the tests: one server with a fixed service time under Poisson arrivals, by a clock that stands
//! still.

mod confirm;
mod overload;
mod staircase;
#[cfg(test)]
mod tests;
mod walk;

pub use confirm::{Attempt, Confirmed, LongRun, Stood, confirm};
pub use overload::{Overload, OverloadRun, overload};
pub use staircase::{Landing, Staircase, Steps};
pub use walk::{Walk, saturated, walk};

use super::{ProcessError, SystemProcess, Trial, TrialRun};

/// Something to which loads can be offered: a system in its process or, in tests, one on paper.
pub trait Offer {
    /// Offers one and waits for quiet.
    ///
    /// # Errors
    /// Why there is no figure.
    fn offer(&mut self, trial: &Trial) -> Result<TrialRun, ProcessError>;
}

impl Offer for SystemProcess {
    fn offer(&mut self, trial: &Trial) -> Result<TrialRun, ProcessError> {
        self.trial(trial)
    }
}
