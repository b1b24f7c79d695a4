//! What happened in each second of a load test, as two files that grow while it runs and are whole after each second.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{
    IntervalLogIterator, IntervalLogWriterBuilder, IntervalLogWriterError, LogEntry, Tag,
};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};

use super::StoreError;
use super::load_testing::Second;
use crate::experiment::Interval;
use crate::measure::Latency;

/// Tag of service times; response times, which are what counts, have none.
pub const SERVICE_TAG: &str = "service";

/// The third line of a log is this comment, after which readers know how to read tags.
const VERSION: &str = "[Histogram log format version 1.3]";

/// Names of the columns; readers skip it.
const LEGEND: &str =
    "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";

/// `<stem>.hlog`: V2 histograms of response and service times in ns, one line each per second, in the format of
/// HdrHistogram's `HistogramLogWriter` (github.com/HdrHistogram/HdrHistogram); and `<stem>.jsonl`: one line of JSON per
/// second.
#[derive(Debug)]
pub struct IntervalLog {
    title: String,
    hlog: LogFile,
    jsonl: LogFile,
    begun: bool,
    serializer: SerializerState,
}

/// The serializer keeps its buffers; it has no Debug.
struct SerializerState(V2DeflateSerializer);

impl std::fmt::Debug for SerializerState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("V2DeflateSerializer")
    }
}

#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    file: File,
}

impl IntervalLog {
    /// Makes both files, which must not be there yet. `title`: what is logged, in one line.
    ///
    /// # Errors
    /// [`StoreError::Write`] or [`StoreError::Full`].
    pub fn create(stem: &Path, title: impl Into<String>) -> Result<Self, StoreError> {
        let file =
            |extension: &str| LogFile::create(PathBuf::from(format!("{}.{extension}", stem.display())));
        let serializer = SerializerState(V2DeflateSerializer::new());
        Ok(Self { title: title.into(), hlog: file("hlog")?, jsonl: file("jsonl")?, begun: false, serializer })
    }

    /// Adds an interval that has just ended. The first one dates the beginning of the log.
    ///
    /// # Errors
    /// As [`IntervalLog::create`].
    pub fn add(&mut self, interval: &Interval) -> Result<(), StoreError> {
        let mut lines = Vec::new();
        if !self.begun {
            let begin = Duration::from_nanos(interval.from_ns + interval.lasting_ns);
            let begin = SystemTime::now().checked_sub(begin).unwrap_or(SystemTime::UNIX_EPOCH);
            head(&mut lines, &self.title, begin).map_err(|source| self.hlog.failed(source))?;
            self.begun = true;
        }
        let served = &interval.served;
        for (latency, tag) in [(&served.response, None), (&served.service, Tag::new(SERVICE_TAG))] {
            let line = self.line(interval, latency, tag);
            lines.extend(line.map_err(|source| self.hlog.failed(source))?);
        }
        self.hlog.append(&lines)?;
        let mut line = serde_json::to_vec(&Second::from(interval)).expect("numbers have a text");
        line.push(b'\n');
        self.jsonl.append(&line)
    }

    fn line(&mut self, interval: &Interval, latency: &Latency, tag: Option<Tag<'_>>) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        let mut writer = IntervalLogWriterBuilder::new().begin_log_with(&mut line, &mut self.serializer.0)?;
        let [from, lasting] = [interval.from_ns, interval.lasting_ns].map(Duration::from_nanos);
        let written = writer.write_histogram(latency.histogram(), from, lasting, tag);
        written.map_err(|error| match error {
            IntervalLogWriterError::IoError(error) => error,
            IntervalLogWriterError::SerializeError(error) => io::Error::other(error.to_string()),
        })?;
        Ok(line)
    }

    /// Where they are.
    pub fn files(&self) -> Vec<PathBuf> {
        vec![self.hlog.path.clone(), self.jsonl.path.clone()]
    }
}

/// The lines before the first interval, in the order that is usual: what it is, the version, the times, the legend.
fn head(lines: &mut Vec<u8>, title: &str, begin: SystemTime) -> io::Result<()> {
    let mut head = IntervalLogWriterBuilder::new();
    let version = env!("CARGO_PKG_VERSION");
    head.add_comment(&format!("[Logged with crucible-perf {version}]"));
    head.add_comment(&format!(
        "[{title}; values in ns; no tag: response time, Tag={SERVICE_TAG}: service time]"
    ));
    head.add_comment(VERSION);
    head.with_start_time(begin).with_base_time(begin);
    head.begin_log_with(lines, &mut V2DeflateSerializer::new())?;
    lines.extend_from_slice(LEGEND.as_bytes());
    Ok(())
}

impl LogFile {
    fn create(path: PathBuf) -> Result<Self, StoreError> {
        match File::create_new(&path) {
            Ok(file) => Ok(Self { path, file }),
            Err(source) => Err(StoreError::writing(&path, source)),
        }
    }

    /// In one call, so that a line is there whole or not at all, unless the machine itself fails.
    fn append(&mut self, lines: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(lines).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> StoreError {
        StoreError::writing(&self.path, source)
    }
}

/// Response times of a whole test, from its log; `None` if it is no log, or one without response times.
pub fn all_responses(log: &[u8]) -> Option<Histogram<u64>> {
    let mut all: Option<Histogram<u64>> = None;
    for entry in IntervalLogIterator::new(log) {
        match entry.ok()? {
            LogEntry::Interval(interval) if interval.tag().is_none() => {
                let histogram = decoded(interval.encoded_histogram())?;
                match &mut all {
                    Some(all) => all.add(&histogram).ok()?,
                    None => all = Some(histogram),
                }
            }
            _ => {}
        }
    }
    all
}

fn decoded(histogram: &str) -> Option<Histogram<u64>> {
    let bytes = STANDARD.decode(histogram).ok()?;
    Deserializer::new().deserialize(&mut &bytes[..]).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::experiment::Served;

    /// Three seconds with 10,000 latencies each.
    fn interval(number: u64) -> Interval {
        let mut served = Served::default();
        for n in 1..=10_000 {
            served.response.record_ns(n * 1_000 * (number + 1));
            served.service.record_ns(n * 10);
        }
        let (from_ns, lasting_ns) = (number * 1_000_000_000, 1_000_000_000);
        Interval { from_ns, lasting_ns, events: 5_000, errors: number, backlog: 7, served }
    }

    fn written() -> (tempfile::TempDir, IntervalLog) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut log = IntervalLog::create(&folder.path().join("test"), "a test").expect("a new file");
        (0..3).for_each(|number| log.add(&interval(number)).expect("writable"));
        (folder, log)
    }

    #[test]
    fn a_log_is_read_back_as_it_was_written() {
        let (_folder, log) = written();
        let bytes = fs::read(&log.files()[0]).expect("just written");
        let (mut times, mut intervals) = (Vec::new(), Vec::new());
        for entry in IntervalLogIterator::new(&bytes) {
            match entry.expect("a line of the format") {
                LogEntry::StartTime(time) | LogEntry::BaseTime(time) => times.push(time),
                LogEntry::Interval(found) => {
                    let histogram = decoded(found.encoded_histogram()).expect("a V2 histogram");
                    let tag = found.tag().map(|tag| tag.as_str().to_owned());
                    intervals.push((
                        found.start_timestamp().as_secs(),
                        found.duration().as_secs(),
                        tag,
                        histogram,
                    ));
                }
            }
        }
        assert_eq!(times.len(), 2, "start and base");
        assert_eq!(times[0], times[1]);
        let expected: Vec<_> = (0..3)
            .flat_map(|number| {
                let served = interval(number).served;
                let [response, service] = [&served.response, &served.service].map(|l| l.histogram().clone());
                [(number, 1, None, response), (number, 1, Some(SERVICE_TAG.to_owned()), service)]
            })
            .collect();
        assert_eq!(intervals, expected);
        let together = all_responses(&bytes).expect("a log");
        assert_eq!((together.len(), together.max() / 1_000_000), (30_000, 30));
        assert_eq!(all_responses(b"no log"), None);
    }

    #[test]
    fn the_head_is_that_of_the_format() {
        let (_folder, log) = written();
        let text = fs::read_to_string(&log.files()[0]).expect("ASCII");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("#[Logged with crucible-perf "), "{}", lines[0]);
        assert!(lines[1].starts_with("#[a test; values in ns"), "{}", lines[1]);
        assert_eq!(lines[2], "#[Histogram log format version 1.3]");
        assert!(
            lines[3].starts_with("#[StartTime: ") && lines[3].ends_with(" (seconds since epoch)]"),
            "{}",
            lines[3]
        );
        assert!(
            lines[4].starts_with("#[BaseTime: ") && lines[4].ends_with(" (seconds since epoch)]"),
            "{}",
            lines[4]
        );
        assert_eq!(lines[5], LEGEND.trim_end());
        // The compressed form of V2 begins with these bytes (cookie 0x1c849304 with the size of a word).
        assert!(lines[6].starts_with("0.000,1.000,") && lines[6].contains(",HISTFAAA"), "{}", lines[6]);
        assert!(lines[7].starts_with("Tag=service,0.000,1.000,"), "{}", lines[7]);
        assert_eq!(lines.len(), 6 + 2 * 3);
    }

    #[test]
    fn a_line_of_json_tells_each_second() {
        let (_folder, log) = written();
        let text = fs::read_to_string(&log.files()[1]).expect("UTF-8");
        let seconds: Vec<Second> =
            text.lines().map(|line| serde_json::from_str(line).expect("a second")).collect();
        let expected: Vec<Second> = (0..3).map(|number| Second::from(&interval(number))).collect();
        assert_eq!(seconds, expected);
        assert_eq!((seconds[2].at, seconds[2].events_per_second, seconds[2].errors), (3.0, 5_000.0, 2));
    }

    #[test]
    fn a_file_of_another_run_is_not_overwritten() {
        let (folder, _log) = written();
        let refused = IntervalLog::create(&folder.path().join("test"), "another").expect_err("it is there");
        assert!(refused.to_string().contains("test.hlog"), "{refused}");
    }
}
