use std::fs::File;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crucible_events::event::{EventId, Timestamp};
use crucible_traces::{Header, Record, Recorded, TraceWriter};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::output::Output;
use crate::progress::Progress;
use crate::refusal::Refusal;
use crate::source::{Next, Seen, Source, What};
use crate::stop::Stop;
use crate::summary::Summary;

/// How long to wait for an event before looking at the clock and for Ctrl-C; and how old what is not yet in the file may be.
const TICK: Duration = Duration::from_millis(100);

/// What happened before the end may still be on its way: through the kernel's queue, and the source's threads.
const GRACE: Duration = Duration::from_millis(150);

/// What ends a recording, beside the end of its source.
#[derive(Debug)]
pub struct Ends {
    pub after: Option<Duration>,
    pub events: Option<NonZeroU64>,
    pub stop: Stop,
}

impl Ends {
    fn is_full(&self, events: u64) -> bool {
        self.events.is_some_and(|most| events >= most.get())
    }

    fn is_over(&self, begin: Instant) -> bool {
        self.stop.is_pressed() || self.after.is_some_and(|after| begin.elapsed() >= after)
    }
}

/// A recording that is over.
#[derive(Debug)]
pub struct Ended {
    /// What is in the file, whatever the outcome.
    pub summary: Summary,
    /// Why the source ended, if it did not simply end.
    pub because: Option<String>,
    pub outcome: Result<(), Refusal>,
}

/// Gives events an id and their offset from the first one, and writes them down.
pub struct Recording {
    path: PathBuf,
    writer: TraceWriter<File>,
    flushed: Instant,
    ids: ChaCha8Rng,
    first: Option<Timestamp>,
    summary: Summary,
}

impl Recording {
    /// Makes the file.
    pub fn begin(output: &Output, how: String, note: Option<&str>) -> Result<Self, Refusal> {
        let recorded_at = Timestamp::now();
        let how = note.map_or(how.clone(), |note| format!("{how}; {note}"));
        let header = Header { recorded_at, how };
        let path = output.path().to_owned();
        let writer = TraceWriter::new(output.create()?, &header)
            .map_err(|source| Refusal::Write { path: path.clone(), source })?;
        // By the time: two traces share no ids.
        let ids = ChaCha8Rng::seed_from_u64(recorded_at.0);
        Ok(Self { path, writer, flushed: Instant::now(), ids, first: None, summary: Summary::new(header) })
    }

    /// Records until something ends it.
    pub fn run(mut self, source: &mut dyn Source, ends: &Ends) -> Ended {
        let mut progress = Progress::begin();
        let taken = self.take(source, ends, &mut progress);
        progress.clear();
        // What was taken before something went wrong is kept.
        let flushed = self.flush();
        let (because, taken) = match taken {
            Ok(because) => (because, Ok(())),
            Err(refusal) => (None, Err(refusal)),
        };
        Ended { summary: self.summary, because, outcome: taken.and(flushed) }
    }

    fn take(
        &mut self,
        source: &mut dyn Source,
        ends: &Ends,
        progress: &mut Progress,
    ) -> Result<Option<String>, Refusal> {
        let begin = Instant::now();
        let mut over_at = None;
        while !ends.is_full(self.summary.events()) {
            let now = Instant::now();
            if ends.is_over(begin) && now >= *over_at.get_or_insert(now + GRACE) {
                source.close();
            }
            match source.next(TICK)? {
                Next::Seen(seen) => self.note(seen)?,
                Next::Nothing => {}
                Next::End(because) => return Ok(because),
            }
            if self.flushed.elapsed() >= TICK {
                self.flush()?;
            }
            progress.show(self.summary.events());
        }
        Ok(None)
    }

    fn note(&mut self, seen: Seen) -> Result<(), Refusal> {
        let at_ns = seen.at.0.saturating_sub(self.first.unwrap_or(seen.at).0);
        let what = match seen.what {
            What::Event(mut event) => {
                self.first.get_or_insert(seen.at);
                event.id = self.draw_id();
                Recorded::Event(Arc::new(*event))
            }
            What::Gap(why) => Recorded::Gap(why),
        };
        let record = Record { at_ns, what };
        self.writer.write(&record).map_err(|source| Refusal::Write { path: self.path.clone(), source })?;
        self.summary.add(&record);
        Ok(())
    }

    /// As a UUID of version 4 is.
    fn draw_id(&mut self) -> EventId {
        let [upper, lower] = [(); 2].map(|()| self.ids.next_u64());
        let (version, variant) = (upper & !0xf000 | 0x4000, lower & !(0b11 << 62) | 0b10 << 62);
        EventId(u128::from(version) << 64 | u128::from(variant))
    }

    fn flush(&mut self) -> Result<(), Refusal> {
        self.flushed = Instant::now();
        self.writer.flush().map_err(|source| Refusal::Write { path: self.path.clone(), source })
    }
}
