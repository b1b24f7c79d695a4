use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use crucible_events::event::EventKind;
use crucible_tables::{columns, thousands};
use crucible_traces::{Header, Record, Recorded, TraceReader};

use crate::refusal::Refusal;

const NS_PER_SECOND: u64 = 1_000_000_000;

/// What is in a trace.
#[derive(Debug)]
pub struct Summary {
    header: Header,
    kinds: BTreeMap<EventKind, u64>,
    payload_bytes: u64,
    last_ns: u64,
    /// Seconds from the first event are counted from 0; this one, and what it has so far.
    second: (u64, u64),
    busiest: u64,
    /// Why events were lost, and how often.
    gaps: BTreeMap<String, u64>,
}

impl Summary {
    /// Of a trace without events.
    pub fn new(header: Header) -> Self {
        let (kinds, gaps) = (BTreeMap::new(), BTreeMap::new());
        Self { header, kinds, payload_bytes: 0, last_ns: 0, second: (0, 0), busiest: 0, gaps }
    }

    /// Of a file, all of which is checked.
    pub fn read(trace: &Path) -> Result<Self, Refusal> {
        let mut reader = TraceReader::open(trace)?;
        let mut summary = Self::new(reader.header().clone());
        for record in &mut reader {
            summary.add(&record?);
        }
        Ok(summary)
    }

    /// With one line more.
    pub fn add(&mut self, record: &Record) {
        match &record.what {
            Recorded::Event(event) => {
                *self.kinds.entry(event.kind.clone()).or_default() += 1;
                self.payload_bytes += event.payload.len() as u64;
                self.last_ns = record.at_ns;
                self.count_in_second(record.at_ns / NS_PER_SECOND);
            }
            Recorded::Gap(why) => *self.gaps.entry(why.clone()).or_default() += 1,
        }
    }

    fn count_in_second(&mut self, second: u64) {
        let (current, so_far) = self.second;
        self.second = (second, if second == current { so_far + 1 } else { 1 });
        self.busiest = self.busiest.max(self.second.1);
    }

    pub fn events(&self) -> u64 {
        self.kinds.values().sum()
    }

    /// For people.
    pub fn text(&self, trace: &Path) -> String {
        let events = self.events();
        let plural = if events == 1 { "" } else { "s" };
        let mut out = format!("{}: {} event{plural}", trace.display(), thousands(events));
        if let Some(mean) = self.payload_bytes.checked_div(events) {
            let (time, busiest) = (Duration::from_nanos(self.last_ns), thousands(self.busiest));
            let _ = write!(
                out,
                " in {time:.3?}, at most {busiest} in a second, payloads of {mean} bytes on average"
            );
        }
        let Header { recorded_at, how } = &self.header;
        let _ = writeln!(out, "\n recorded {recorded_at:.10} by {how}");
        for (why, times) in &self.gaps {
            let places = if *times == 1 { "place" } else { "places" };
            let _ = writeln!(out, " EVENTS WERE LOST at {times} {places}: {why}");
        }
        if events > 0 {
            let _ = write!(out, "\n{}", columns(&self.kind_lines(events)));
        }
        out
    }

    fn kind_lines(&self, events: u64) -> Vec<Vec<String>> {
        let mut lines = vec![vec!["kind".to_owned(), "events".to_owned(), "share".to_owned()]];
        for (kind, &count) in &self.kinds {
            let share = 100.0 * count as f64 / events as f64;
            lines.push(vec![kind.to_string(), thousands(count), format!("{share:.1} %")]);
        }
        lines
    }
}
