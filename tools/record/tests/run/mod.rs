//! The program as people use it.

#![allow(unreachable_pub, dead_code, reason = "a test has no outside, and uses a part of this")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crucible_events::event::{EventKind, Payload};
use crucible_traces::{Fault, Record, Recorded, TraceError, TraceReader};
use tempfile::TempDir;

/// Nobody waits longer for what has to come: a busy machine is slow, a broken program never gets there.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

/// In a folder of its own, so that what is written by default is nobody's.
pub fn command(within: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_record"));
    command.args(arguments).current_dir(within);
    command
}

pub fn record(within: &Path, arguments: &[&str], input: &str) -> Run {
    let mut command = command(within, arguments);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // It may end without having read all.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Run { status: status.code().expect("it ends by itself"), stdout: text(stdout), stderr: text(stderr) }
}

/// All of a trace, or what is there while it is being written.
pub fn records(trace: &Path) -> Vec<Record> {
    let reader = match TraceReader::open(trace) {
        Ok(reader) => reader,
        Err(TraceError::Content { fault: Fault::Empty | Fault::CutOff, .. }) => return Vec::new(),
        Err(error) => panic!("{error}"),
    };
    let mut records = Vec::new();
    for record in reader {
        match record {
            Ok(record) => records.push(record),
            Err(TraceError::Content { fault: Fault::CutOff, .. }) => break,
            Err(error) => panic!("{error}"),
        }
    }
    records
}

/// What the events of a trace tell of files, such as `create a.md` and `move b.md from a.md`. What is told again in the next
/// event is left out: a file is modified by each write.
pub fn changes(trace: &Path) -> Vec<String> {
    let records = records(trace);
    let mut changes: Vec<String> = records
        .iter()
        .filter_map(|record| match &record.what {
            Recorded::Event(event) => Some(change(&event.kind, &event.payload)),
            Recorded::Gap(_) => None,
        })
        .collect();
    changes.dedup();
    changes
}

fn change(kind: &EventKind, payload: &Payload) -> String {
    let Payload::Json(json) = payload else { panic!("{payload:?}") };
    let said = json.to_value();
    let (action, path) =
        (kind.as_str().trim_start_matches("filesystem."), said["path"].as_str().expect("a path"));
    match (said["from"].as_str(), said["change"].as_str()) {
        (Some(from), _) => format!("{action} {path} from {from}"),
        (None, Some("metadata")) => format!("{action} metadata of {path}"),
        _ => format!("{action} {path}"),
    }
}

/// Looks again and again, and says after too long a time what is not as it should be.
pub fn wait_until(mut is_so: impl FnMut() -> bool, what_else: impl Fn() -> String) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "{}", what_else());
        thread::sleep(Duration::from_millis(20));
    }
}

/// How it ended, which it has to. It says too little to fill a pipe.
pub fn ended(child: &mut Child) -> ExitStatus {
    let has_ended = || child.try_wait().expect("one's own child").is_some();
    wait_until(has_ended, || "it does not end by itself".to_owned());
    child.wait().expect("it ended")
}

/// A recording of a folder `watched`, into `trace.jsonl` beside it.
pub struct Recording {
    within: TempDir,
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Recording {
    /// Returns when it watches. `prepare` is given the folder before that.
    pub fn begin(arguments: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let within = tempfile::tempdir().expect("a temporary folder");
        let watched = within.path().join("watched");
        fs::create_dir(&watched).expect("writable");
        prepare(&watched);
        let all = [&["--watch", "watched", "--out", "trace.jsonl"], arguments].concat();
        let mut command = command(within.path(), &all);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
        let mut line = String::new();
        stderr.read_line(&mut line).expect("UTF-8");
        assert_eq!(line, "recording watched into trace.jsonl; Ctrl-C ends it\n");
        Self { within, child, stderr }
    }

    pub fn watched(&self) -> PathBuf {
        self.within.path().join("watched")
    }

    pub fn trace(&self) -> PathBuf {
        self.within.path().join("trace.jsonl")
    }

    pub fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent =
            Command::new("kill").args(["-s", signal, &id]).status().expect("there is a shell's `kill`");
        assert!(sent.success());
    }

    /// Waits until this is in the trace.
    pub fn wait_for(&self, change: &str) {
        let told = || changes(&self.trace());
        wait_until(
            || told().iter().any(|found| found == change),
            || format!("no {change:?} among {:#?}", told()),
        );
    }

    /// Ctrl-C, and what it left.
    pub fn interrupt(mut self) -> (Run, Vec<String>) {
        self.signal("INT");
        let run = self.wait();
        (run, changes(&self.trace()))
    }

    /// What it said until it ended.
    pub fn wait(&mut self) -> Run {
        let status = ended(&mut self.child);
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.child.stdout.take().expect("piped").read_to_string(&mut stdout).expect("UTF-8");
        self.stderr.read_to_string(&mut stderr).expect("UTF-8");
        Run { status: status.code().unwrap_or(-1), stdout, stderr }
    }
}

impl Drop for Recording {
    /// A test that failed leaves no process behind; one that ended stays ended.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
