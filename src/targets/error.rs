use std::io;

use crate::experiment::{Halted, ProcessError, UnknownSystem};
use crate::results::StoreError;
use crate::stats::RatioError;
use crate::workload::NoWorkload;

/// Why a figure could not be taken.
#[derive(Debug, thiserror::Error)]
#[error("{figure}: {why}")]
pub struct PlanError {
    /// Its name.
    pub figure: String,
    /// What happened.
    pub why: Failure,
}

/// What can happen to a figure.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A system gave none.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A trace cannot be read or replayed.
    #[error(transparent)]
    Workload(#[from] NoWorkload),
    /// Rounds cannot be compared.
    #[error(transparent)]
    Ratio(#[from] RatioError),
    /// Its interval log cannot be written.
    #[error(transparent)]
    Log(#[from] StoreError),
    /// A heap profile cannot be read.
    #[error("{0}")]
    Profile(String),
    /// There is no room for heap profiles.
    #[error("no folder for heap profiles: {0}")]
    Folder(io::Error),
    /// No system has this name.
    #[error(transparent)]
    Unknown(#[from] UnknownSystem),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

impl From<Halted> for Failure {
    fn from(why: Halted) -> Self {
        match why {
            Halted::Process(source) => Self::Process(source),
            Halted::Interrupted => Self::Interrupted,
        }
    }
}

impl PlanError {
    /// Of the figure of this name.
    pub(super) fn new(figure: impl Into<String>, why: impl Into<Failure>) -> Self {
        Self { figure: figure.into(), why: why.into() }
    }

    /// Whether it was Ctrl-C.
    pub fn is_interruption(&self) -> bool {
        matches!(self.why, Failure::Interrupted)
    }
}

/// An error if Ctrl-C was pressed.
pub(super) fn check_interrupt(
    interrupted: &dyn Fn() -> bool,
    figure: impl FnOnce() -> String,
) -> Result<(), PlanError> {
    if interrupted() { Err(PlanError::new(figure(), Failure::Interrupted)) } else { Ok(()) }
}
