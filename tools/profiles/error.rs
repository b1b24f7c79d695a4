use std::io;
use std::path::{Path, PathBuf};

/// A file of figures that cannot be used: which, and why.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// It is not there, or cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is there, but not what was expected.
    #[error("`{}`: {what}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is missing or wrong, and where.
        what: String,
    },
}

impl ProfileError {
    /// The system's refusal of a file.
    pub fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }

    /// What is wrong within a file.
    pub fn content(path: &Path, what: impl Into<String>) -> Self {
        Self::Content { path: path.to_owned(), what: what.into() }
    }

    /// Whether there is no such file, as opposed to one that cannot be used.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}
