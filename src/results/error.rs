//! What can go wrong with files of results: what, where, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::SCHEMA;

/// Why a document was not stored or read.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Neither there nor to be made.
    #[error("{}: the results folder cannot be made: {source}; name another one with --out DIR", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// No file can be made there.
    #[error("{}: the results folder cannot be written to: {source}; name another one with --out DIR", path.display())]
    NotWritable {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// No room left on the disk, or in the user's share of it.
    #[error("{}: the disk is full ({source}), the file was left as it was; free some space and run again", path.display())]
    Full {
        /// The file that was to be.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Writing failed in another way.
    #[error("{}: writing failed: {source}; the file was left as it was", path.display())]
    Write {
        /// The file that was to be.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A result that JSON has no words for.
    #[error("{}: the results do not fit into JSON: {source}", path.display())]
    Encode {
        /// The folder or file that was to be written.
        path: PathBuf,
        /// What the encoder says.
        source: serde_json::Error,
    },
    /// The file cannot be read.
    #[error("{}: reading failed: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no results document, or not one with results of this kind.
    #[error("{}: not a document of crucible-perf results as expected here: {source}", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: serde_json::Error,
    },
    /// Written by another version.
    #[error("{}: its schema is `{found}`, this program reads `{SCHEMA}`; measure again, or read it with the version that wrote it", path.display())]
    OtherSchema {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: String,
    },
}

impl StoreError {
    /// A failure while the file at `path` was written.
    pub(super) fn writing(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path, source },
            _ => Self::Write { path, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_as_such() {
        let full = StoreError::writing(Path::new("out/a.json"), io::ErrorKind::StorageFull.into());
        assert!(full.to_string().starts_with("out/a.json: the disk is full"), "{full}");
        let quota = StoreError::writing(Path::new("out/a.json"), io::ErrorKind::QuotaExceeded.into());
        assert!(matches!(quota, StoreError::Full { .. }));
        let other = StoreError::writing(Path::new("out/a.json"), io::ErrorKind::BrokenPipe.into());
        assert!(matches!(other, StoreError::Write { .. }));
    }
}
