use crucible_events::event::EventId;
use rustc_hash::FxHashSet;

use crate::{Fault, Record, Recorded};

/// What holds from line to line, for reader and writer alike.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    last_ns: u64,
    /// 16 bytes an event: who replays a trace holds its events as well.
    ids: FxHashSet<EventId>,
}

impl Sequence {
    /// Lets `record` be the next one, unless it may not.
    pub(crate) fn admit(&mut self, record: &Record) -> Result<(), Fault> {
        let (at_ns, before_ns) = (record.at_ns, self.last_ns);
        if at_ns < before_ns {
            return Err(Fault::GoesBack { at_ns, before_ns });
        }
        if let Recorded::Event(event) = &record.what
            && !self.ids.insert(event.id)
        {
            return Err(Fault::IdAgain(event.id));
        }
        self.last_ns = at_ns;
        Ok(())
    }
}
