use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use crucible_events::event::Limits;

use crate::sequence::Sequence;
use crate::{Fault, Header, MAX_LINE_BYTES, Record, TraceError};

/// Reads a trace line by line: each record when it is asked for, and nothing after the first error.
#[derive(Debug)]
pub struct TraceReader<R> {
    lines: Lines<R>,
    header: Header,
    sequence: Sequence,
    limits: Limits,
    ended: bool,
}

impl TraceReader<BufReader<File>> {
    /// Of a file.
    ///
    /// # Errors
    /// If it cannot be read, or does not begin as a trace of this version does.
    pub fn open(file: &Path) -> Result<Self, TraceError> {
        match File::open(file) {
            Ok(input) => Self::new(BufReader::new(input), file),
            Err(source) => Err(TraceError::File { file: file.to_owned(), source }),
        }
    }
}

impl<R: BufRead> TraceReader<R> {
    /// Of anything; errors call it `file`.
    ///
    /// # Errors
    /// If it cannot be read, or does not begin as a trace of this version does.
    pub fn new(input: R, file: impl Into<PathBuf>) -> Result<Self, TraceError> {
        let mut lines = Lines { input, file: file.into(), number: 0 };
        let Line { text, is_whole } = lines.next()?.ok_or_else(|| lines.refuse(Fault::Empty))?;
        let header = match (Header::read(&text), is_whole) {
            (Ok(header), true) => Ok(header),
            (Ok(_), false) => Err(Fault::CutOff),
            (Err(fault), _) => Err(fault),
        };
        let header = header.map_err(|fault| lines.refuse(fault))?;
        let (sequence, limits) = (Sequence::default(), Limits::default());
        Ok(Self { lines, header, sequence, limits, ended: false })
    }

    /// Where the trace comes from.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// A complaint about the line that was read last.
    pub(crate) fn refuse(&self, fault: Fault) -> TraceError {
        self.lines.refuse(fault)
    }

    fn read(&mut self) -> Result<Option<Record>, TraceError> {
        let Some(Line { text, is_whole }) = self.lines.next()? else { return Ok(None) };
        if !is_whole {
            return Err(self.refuse(Fault::CutOff));
        }
        let record = Record::read(&text, &self.limits)
            .and_then(|record| self.sequence.admit(&record).map(|()| record))
            .map_err(|fault| self.refuse(fault))?;
        Ok(Some(record))
    }
}

impl<R: BufRead> Iterator for TraceReader<R> {
    type Item = Result<Record, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.read().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

#[derive(Debug)]
struct Lines<R> {
    input: R,
    file: PathBuf,
    /// Of the line that was read last; from 1.
    number: u64,
}

struct Line {
    text: Bytes,
    /// Whether it ends with a newline, which is not in the text.
    is_whole: bool,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<Line>, TraceError> {
        self.number += 1;
        let mut text = Vec::new();
        // One more than a line may have, with its end: what is longer is not read into memory.
        let mut input = (&mut self.input).take(MAX_LINE_BYTES as u64 + 2);
        if let Err(source) = input.read_until(b'\n', &mut text) {
            return Err(TraceError::File { file: self.file.clone(), source });
        }
        if text.is_empty() {
            return Ok(None);
        }
        let is_whole = text.pop_if(|last| *last == b'\n').is_some();
        if text.len() > MAX_LINE_BYTES {
            return Err(self.refuse(Fault::LongLine));
        }
        Ok(Some(Line { text: text.into(), is_whole }))
    }

    fn refuse(&self, fault: Fault) -> TraceError {
        TraceError::Content { file: self.file.clone(), line: self.number, fault }
    }
}
