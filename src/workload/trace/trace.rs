use std::path::Path;
use std::sync::Arc;

use crucible_events::event::Event;

use crate::{Fault, Header, Recorded, TraceError, TraceReader};

/// A whole trace in memory, to be replayed.
#[derive(Debug, Clone)]
pub struct Trace {
    /// What it is called: that of its file, without extension.
    pub name: String,
    /// Where it comes from.
    pub header: Header,
    /// What happened, in order; at least one.
    pub events: Vec<Arc<Event>>,
    /// When, for each event: nanoseconds from the beginning. Ascending, several may be the same.
    pub offsets_ns: Arc<[u64]>,
    /// Places where events were lost while recording.
    pub gaps: usize,
}

impl Trace {
    /// What a trace in this file is called.
    pub fn name_of(file: &Path) -> String {
        file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
    }

    /// Reads all of a file.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line; [`Fault::NoEvents`] if there is nothing to replay.
    pub fn read(file: &Path) -> Result<Self, TraceError> {
        let mut reader = TraceReader::open(file)?;
        let name = Self::name_of(file);
        let (mut events, mut offsets_ns, mut gaps) = (Vec::new(), Vec::new(), 0);
        for record in &mut reader {
            let record = record?;
            match record.what {
                Recorded::Event(event) => {
                    events.push(event);
                    offsets_ns.push(record.at_ns);
                }
                Recorded::Gap(_) => gaps += 1,
            }
        }
        if events.is_empty() {
            return Err(reader.refuse(Fault::NoEvents));
        }
        Ok(Self { name, header: reader.header().clone(), events, offsets_ns: offsets_ns.into(), gaps })
    }
}
