use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use crucible_events::event::{DecodeError, Event, Limits, PayloadError, Timestamp, decode, encode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Fault;

/// What the header calls the format.
pub const FORMAT: &str = "crucible-trace";

/// Of the format: another one when something that was there goes or means something else.
pub const VERSION: u64 = 1;

/// No event within the default limits has a longer line, whatever of it is escaped.
pub const MAX_LINE_BYTES: usize = 64 << 20;

/// Where a trace comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// When recording began.
    pub recorded_at: Timestamp,
    /// How, in words; without names of machines and people, and without paths: traces are passed on.
    pub how: String,
}

/// A line of a trace after the header.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Nanoseconds from the first event.
    pub at_ns: u64,
    /// What happened.
    pub what: Recorded,
}

/// What happened at some moment of a trace.
#[derive(Debug, Clone, PartialEq)]
pub enum Recorded {
    /// This.
    Event(Arc<Event>),
    /// Events that nobody saw; why, in words.
    Gap(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderLine<'a> {
    format: Cow<'a, str>,
    version: u64,
    recorded_at: Timestamp,
    how: String,
}

/// What is looked at first: another version may differ in everything else.
#[derive(Deserialize)]
struct Versioned<'a> {
    #[serde(borrow)]
    format: Cow<'a, str>,
    version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordLine<'a> {
    at_ns: u64,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    event: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    gap: Option<Cow<'a, str>>,
}

impl Header {
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        let (recorded_at, how) = (self.recorded_at, self.how.clone());
        write_line(&HeaderLine { format: FORMAT.into(), version: VERSION, recorded_at, how }, to);
    }

    pub(crate) fn read(line: &[u8]) -> Result<Self, Fault> {
        let versioned = serde_json::from_slice::<Versioned<'_>>(line).ok();
        let Some(Versioned { version, .. }) = versioned.filter(|header| header.format == FORMAT) else {
            let found = String::from_utf8_lossy(&line[..line.len().min(40)]).into_owned();
            return Err(Fault::NotATrace { found });
        };
        if version != VERSION {
            return Err(Fault::OtherVersion { found: version });
        }
        let header: HeaderLine<'_> =
            serde_json::from_slice(line).map_err(|error| Fault::Header(without_place(&error)))?;
        Ok(Self { recorded_at: header.recorded_at, how: header.how })
    }
}

impl Record {
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        let raw: Box<RawValue>;
        let (event, gap) = match &self.what {
            Recorded::Event(event) => {
                let json = String::from_utf8(encode(event).into()).expect("JSON is UTF-8");
                raw = RawValue::from_string(json).expect("an encoded event is JSON");
                (Some(&*raw), None)
            }
            Recorded::Gap(why) => (None, Some(why.into())),
        };
        write_line(&RecordLine { at_ns: self.at_ns, event, gap }, to);
    }

    /// From a line without its end. A payload shares its bytes.
    pub(crate) fn read(line: &Bytes, limits: &Limits) -> Result<Self, Fault> {
        let read: RecordLine<'_> = serde_json::from_slice(line)
            .map_err(|error| Fault::Line(format!("{}, column {}", without_place(&error), error.column())))?;
        let what = match (read.event, read.gap) {
            (Some(raw), None) => Recorded::Event(Arc::new(read_event(line, raw, limits)?)),
            (None, Some(why)) => Recorded::Gap(why.into_owned()),
            (None, None) => return Err(Fault::Line("it has no `event` and no `gap`".to_owned())),
            (Some(_), Some(_)) => return Err(Fault::Line("it has an `event` and a `gap`".to_owned())),
        };
        Ok(Self { at_ns: read.at_ns, what })
    }
}

fn read_event(line: &Bytes, raw: &RawValue, limits: &Limits) -> Result<Event, Fault> {
    let event = line.slice_ref(raw.get().as_bytes());
    decode(&event, limits).map_err(|error| match error {
        DecodeError::Invalid(invalid) => Fault::Invalid(invalid),
        // Both count columns from where they begin themselves.
        DecodeError::Json(error) => {
            let begin = raw.get().as_ptr().addr() - line.as_ptr().addr();
            let column = begin + error.column();
            Fault::Event(format!("event is not readable: {}, column {column}", without_place(&error)))
        }
        DecodeError::Payload(PayloadError::Json(error)) => {
            Fault::Event(format!("payload is not usable JSON: {}", without_place(&error)))
        }
        other => Fault::Event(other.to_string()),
    })
}

fn write_line(line: &impl Serialize, to: &mut Vec<u8>) {
    serde_json::to_writer(&mut *to, line).expect("a Vec accepts all bytes, and every field has a text");
    to.push(b'\n');
}

/// What serde_json says without `at line 1 column 7`: it is another line of the file.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}
