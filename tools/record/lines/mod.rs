//! Lines of JSON, timed by what they say or by when they arrive.

mod line;
mod moment;
mod reader;

use std::path::Path;
use std::time::Duration;

use crucible_events::event::{Event, EventId, Limits, Timestamp};

use self::line::Line;
use self::reader::{Arrived, Reader, Taken};
use crate::refusal::Refusal;
use crate::source::{Next, Seen, Source, What};

/// The member that tells the moment, if none is named.
const USUAL_TIME: &str = "timestamp";

/// A stream of lines.
pub struct Lines {
    reader: Reader,
    /// The member that tells the moment.
    time: String,
    times: Times,
    limits: Limits,
    /// Of the event before: its moment, and the number of its line.
    before: Option<(Timestamp, u64)>,
    closed: bool,
}

/// Where moments come from: all from one place, or their differences would mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    /// The first line decides.
    Open,
    Stated,
    OfArrival,
}

impl Lines {
    /// Begins to read `file`, or standard input if it is `-`.
    pub fn start(file: &Path, time: Option<String>) -> Result<Self, Refusal> {
        let reader = Reader::start(file)?;
        let times = if time.is_some() { Times::Stated } else { Times::Open };
        let time = time.unwrap_or_else(|| USUAL_TIME.to_owned());
        Ok(Self { reader, time, times, limits: Limits::default(), before: None, closed: false })
    }

    fn seen(&mut self, arrived: Arrived) -> Result<Seen, String> {
        let number = arrived.number;
        let line = Line::read(&arrived.text)?;
        let at = self.moment(&line, arrived.at)?;
        if let Some((before, line)) = self.before.filter(|(before, _)| *before > at) {
            return Err(format!(
                "it is of {at}, and line {line} of {before}: sort the lines by their time first"
            ));
        }
        let event = Event { id: EventId(u128::from(number)), ..line.event(at)? };
        self.limits.check(&event).map_err(|invalid| format!("{invalid}; mend or remove the line"))?;
        self.before = Some((at, number));
        Ok(Seen { at, what: What::Event(Box::new(event)) })
    }

    fn moment(&mut self, line: &Line<'_>, arrived: Timestamp) -> Result<Timestamp, String> {
        let (time, stated) = (&self.time, line.member(&self.time));
        if self.times == Times::Open {
            self.times = match stated {
                Some(_) => Times::Stated,
                None if self.reader.is_file => {
                    return Err(format!(
                        "it has no `{time}`, and when lines of a file are read says nothing: name the member that tells \
                         when it happened with --time, or pipe the stream itself to --jsonl -"
                    ));
                }
                None => Times::OfArrival,
            };
        }
        match (self.times, stated) {
            (Times::Stated, Some(stated)) => moment::parse(stated).ok_or_else(|| {
                format!("`{time}` is {stated}, but a moment is RFC 3339, or Unix time in s, ms, µs or ns; mend the line")
            }),
            (Times::Stated, None) => {
                Err(format!("it has no `{time}`, by which lines are timed; mend or remove the line"))
            }
            (_, Some(_)) => Err(format!("it has a `{time}`, but the lines before it had none; give all of them one")),
            (_, None) => Ok(arrived),
        }
    }
}

impl Source for Lines {
    fn what(&self) -> String {
        self.reader.input.clone()
    }

    fn how(&self) -> String {
        "cargo record --jsonl: lines of JSON".to_owned()
    }

    fn next(&mut self, within: Duration) -> Result<Next, Refusal> {
        if self.closed {
            return Ok(Next::End(None));
        }
        let input = || self.reader.input.clone();
        match self.reader.take(within) {
            Taken::Line(line) if line.text.trim_ascii().is_empty() => Ok(Next::Nothing),
            Taken::Line(line) => {
                let (input, line_number) = (input(), line.number);
                self.seen(line).map(Next::Seen).map_err(|what| Refusal::Line {
                    input,
                    line: line_number,
                    what,
                })
            }
            Taken::Nothing => Ok(Next::Nothing),
            Taken::End => Ok(Next::End(None)),
            Taken::Failure(source) => Err(Refusal::Input { input: input(), source }),
        }
    }

    fn close(&mut self) {
        self.closed = true;
    }
}
