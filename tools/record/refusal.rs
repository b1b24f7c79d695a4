use std::io;
use std::path::PathBuf;

use crucible_traces::{TraceError, WriteError};

/// Why there is no trace, or none to the end: what, where, and what to do, in one line.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("{}: {what}; name a folder to watch", folder.display())]
    Folder { folder: PathBuf, what: String },
    #[error("{}: cannot be read ({source}); make it readable, or leave it out with --ignore", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(
        "{}: the system allows no more watches; allow more (sysctl fs.inotify.max_user_watches) or watch a smaller folder",
        folder.display()
    )]
    Watches { folder: PathBuf },
    #[error("{}: cannot be watched: {what}", folder.display())]
    Watching { folder: PathBuf, what: String },
    #[error("{input}: cannot be read: {source}")]
    Input { input: String, source: io::Error },
    #[error("{input}: line {line}: {what}")]
    Line { input: String, line: u64, what: String },
    #[error("{}: is there already; name another file with --out, or remove it", path.display())]
    Exists { path: PathBuf },
    #[error("{}: cannot be made: {source}; name another file with --out", path.display())]
    Create { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Write { path: PathBuf, source: WriteError },
    #[error(transparent)]
    Trace(#[from] TraceError),
    #[error("Ctrl-C cannot be caught: {0}")]
    CtrlC(#[from] ctrlc::Error),
    #[error("the result cannot be printed: {0}")]
    Print(io::Error),
}
