use std::io;
use std::path::PathBuf;

use crucible_events::event::{EventId, Invalid};

use crate::line::{FORMAT, MAX_LINE_BYTES, VERSION};

/// Why a trace cannot be read: which file, where in it, what is wrong, what to do.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// It is not there, or cannot be read.
    #[error("{}: cannot be read: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What is in it is not as it should be.
    #[error("{}: line {line}: {fault}", file.display())]
    Content {
        /// The file.
        file: PathBuf,
        /// From 1.
        line: u64,
        /// What.
        fault: Fault,
    },
}

/// Why a line is refused, by whoever reads or writes it.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum Fault {
    #[error("the file is empty; `cargo record` writes traces")]
    Empty,
    #[error(
        "no trace: `{found}` stands where a header of the format `{FORMAT}` should; `cargo record` writes traces"
    )]
    NotATrace { found: String },
    #[error(
        "version {found} of the format, but this program reads version {VERSION}: record it again, or use the program that fits"
    )]
    OtherVersion { found: u64 },
    #[error("the header is not as it should be: {0}; `cargo record` writes traces")]
    Header(String),
    #[error("the file is cut off in its last line; remove that line, and the rest is a trace")]
    CutOff,
    #[error("longer than {MAX_LINE_BYTES} bytes, which no event is; remove the line")]
    LongLine,
    #[error("neither an event nor a gap: {0}; mend or remove the line")]
    Line(String),
    #[error("{0}; mend or remove the line")]
    Event(String),
    #[error("the event breaks a limit: {0}")]
    Invalid(#[from] Invalid),
    #[error("`at_ns` goes back from {before_ns} to {at_ns}; sort the lines by it")]
    GoesBack { at_ns: u64, before_ns: u64 },
    #[error("the id {0} was there before; give each event one of its own")]
    IdAgain(EventId),
    #[error("there are no events in it; record for longer, or where something happens")]
    NoEvents,
}

/// Why a trace cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// No room, or gone.
    #[error("the trace cannot be written: {0}")]
    File(#[from] io::Error),
    /// A reader would refuse the line, so it is not written.
    #[error("not written: {0}")]
    Refused(#[from] Fault),
}
