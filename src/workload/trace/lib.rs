//! Recorded streams of events: what happened, when, in a file that people can read.
//!
//! ```text
//!  something happens ──► TraceWriter ──► file ──► TraceReader ──► Trace ──offsets──► Speed ──► when to send
//! ```
//!
//! A trace is JSON lines. The first is a header, each of the others an event with its offset from the first event in
//! nanoseconds, or a gap, where events were lost while recording:
//!
//! ```json
//! {"format":"crucible-trace","version":1,"recorded_at":"2026-11-24T08:00:00.000000000Z","how":"…"}
//! {"at_ns":0,"event":{"id":"…","kind":"filesystem.create","source":"…","created_at":"…","payload":{"json":{…}}}}
//! {"at_ns":1204,"gap":"the queue of the operating system ran over"}
//! ```
//!
//! Events are written as everywhere else ([`encode`](crucible_events::event::encode)), so that any event can be in a trace
//! and nothing else has to be learned to make one. From line to line these hold, and reader and writer insist on them:
//! offsets do not go back, no id is there twice, every event keeps the [`Limits`](crucible_events::event::Limits). A trace
//! that ends after any of its lines is one.
//!
//! ```
//! use std::sync::Arc;
//!
//! use crucible_events::event::{Event, EventId, EventKind, Payload, Timestamp};
//! use crucible_traces::{Header, Record, Recorded, Speed, TraceReader, TraceWriter};
//!
//! let header = Header { recorded_at: Timestamp::now(), how: "by hand".to_owned() };
//! let mut writer = TraceWriter::new(Vec::new(), &header)?;
//! for (number, at_ns) in [(1, 0), (2, 5_000_000)] {
//!     let payload = Payload::Text("moved".to_owned().into());
//!     let event = Event::new(EventId(number), EventKind::FileMoved, "vault-watcher-1", Timestamp::now(), payload);
//!     writer.write(&Record { at_ns, what: Recorded::Event(Arc::new(event)) })?;
//! }
//! let file = writer.finish()?;
//!
//! let reader = TraceReader::new(&*file, "mine.jsonl")?;
//! let offsets: Vec<u64> = reader.map(|record| record.map(|record| record.at_ns)).collect::<Result<_, _>>()?;
//! let ten_times: Speed = "10x".parse()?;
//! assert_eq!(ten_times.schedule(&offsets).collect::<Vec<_>>(), [0, 500_000]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod line;
mod reader;
mod sequence;
mod speed;
#[cfg(test)]
mod tests;
mod trace;
mod writer;

pub use error::{Fault, TraceError, WriteError};
pub use line::{FORMAT, Header, MAX_LINE_BYTES, Record, Recorded, VERSION};
pub use reader::TraceReader;
pub use speed::{InvalidSpeed, Speed};
pub use trace::Trace;
pub use writer::TraceWriter;
