use std::io::Write;

use crucible_events::event::Limits;

use crate::sequence::Sequence;
use crate::{Header, Record, Recorded, WriteError};

/// Lines gather up to this size: a system call for each would cost more than all the rest.
const BUFFER_BYTES: usize = 64 << 10;

/// Writes a trace line by line. What it takes a [`TraceReader`](crate::TraceReader) takes.
///
/// Only whole lines are handed on, several at once: after a [`flush`](TraceWriter::flush), or when much has gathered.
/// Whatever ends the program, what was handed on is a trace.
#[derive(Debug)]
pub struct TraceWriter<W> {
    out: W,
    gathered: Vec<u8>,
    sequence: Sequence,
    limits: Limits,
}

impl<W: Write> TraceWriter<W> {
    /// Writes the header at once: a recording without events is a trace, too.
    ///
    /// # Errors
    /// [`WriteError::File`].
    pub fn new(out: W, header: &Header) -> Result<Self, WriteError> {
        let (gathered, sequence, limits) = (Vec::new(), Sequence::default(), Limits::default());
        let mut writer = Self { out, gathered, sequence, limits };
        header.write(&mut writer.gathered);
        writer.flush()?;
        Ok(writer)
    }

    /// Adds a line.
    ///
    /// # Errors
    /// [`WriteError::Refused`] for what a reader would refuse; the trace goes on without it.
    pub fn write(&mut self, record: &Record) -> Result<(), WriteError> {
        if let Recorded::Event(event) = &record.what {
            self.limits.check(event).map_err(crate::Fault::from)?;
        }
        self.sequence.admit(record)?;
        record.write(&mut self.gathered);
        if self.gathered.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    /// Hands on what has gathered.
    ///
    /// # Errors
    /// [`WriteError::File`].
    pub fn flush(&mut self) -> Result<(), WriteError> {
        self.out.write_all(&self.gathered)?;
        self.gathered.clear();
        Ok(self.out.flush()?)
    }

    /// Hands on what has gathered, and is done.
    ///
    /// # Errors
    /// [`WriteError::File`].
    pub fn finish(mut self) -> Result<W, WriteError> {
        self.flush()?;
        Ok(self.out)
    }
}
