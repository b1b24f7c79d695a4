use std::process::ExitCode;

use serde::Serialize;

/// What a program can act on: the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Told, and within all limits.
    Fine = 0,
    /// There was nothing that could be told, or telling it went wrong.
    CannotJudge = 1,
    /// A limit is exceeded.
    Exceeded = 3,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}
