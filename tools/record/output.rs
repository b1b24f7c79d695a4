use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::refusal::Refusal;

/// The file of a trace. It is written as events come, so that whatever ends the program what was recorded is there, and it
/// is never one that was there before.
#[derive(Debug)]
pub struct Output(PathBuf);

impl Output {
    /// Of this name, or one that tells the time (UTC).
    pub fn named(path: Option<PathBuf>) -> Self {
        Self(
            path.unwrap_or_else(|| Timestamp::now().strftime("trace_%Y%m%d_%H%M%S.jsonl").to_string().into()),
        )
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes the file.
    pub fn create(&self) -> Result<File, Refusal> {
        let path = self.0.clone();
        OpenOptions::new().write(true).create_new(true).open(&self.0).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => Refusal::Exists { path },
            _ => Refusal::Create { path, source },
        })
    }
}
