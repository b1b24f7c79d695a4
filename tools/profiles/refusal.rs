use std::io;
use std::path::Path;

use crate::ProfileError;

/// Why a tool could tell or write nothing: what, where, and what to do, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(String);

/// Of everything that may be refused.
pub type Result<T> = std::result::Result<T, Refusal>;

impl Refusal {
    /// For the reason `why`.
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// The system's refusal of a file.
    pub fn file(path: &Path, source: &io::Error) -> Self {
        Self(format!("`{}`: {source}", path.display()))
    }
}

impl From<ProfileError> for Refusal {
    fn from(error: ProfileError) -> Self {
        Self(error.to_string())
    }
}
