use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::run::Material;
use super::{
    Blocks, BlocksRun, ClosedLoop, ClosedRound, Deliveries, HeapCycles, HeapLimit, HeapRun, HeapSample,
    Interval, Lineup, LoadRun, OfferedLoad, OpenLoop, OpenRun, Pressure, Standing, Trial, TrialRun,
};
use crate::load::LoadTestConfig;
use crate::workload::Recipe;

/// First argument of a process that was started to run one system; not for people.
pub const WORKER_ARGUMENT: &str = "--crucible-perf-worker";

/// Name of the thread that answers while a system is kept busy: it is none of the system's.
pub const LISTENER: &str = "listener";

/// Name of the thread that brings events: it is none of the system's either.
pub const PACER: &str = "pacer";

/// What a worker is started for: its second argument, as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Assignment {
    /// Name in the lineup.
    pub system: String,
    /// What arrives, and who takes it.
    pub workload: Recipe,
    /// Of the workload.
    pub seed: u64,
}

/// One line to a worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    Closed(ClosedLoop),
    /// A fresh instance for blocks; then come [`Request::Block`]s.
    Blocks(Blocks),
    Block,
    EndBlocks,
    Open(OpenLoop),
    LoadTest(Box<LoadTestConfig>),
    /// Meanwhile: no more events are to be sent.
    Stop,
    Heap(HeapCycles),
    Pressure(Pressure),
    /// A fresh instance for trials; then come [`Request::Trial`]s.
    Trials(OfferedLoad),
    Trial(Trial),
    EndTrials,
    /// A fresh instance is kept busy until [`Request::Stop`]; meanwhile come [`Request::Count`]s.
    Saturate(OfferedLoad),
    /// How many deliveries were made so far.
    Count,
}

/// One line from a worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    Closed(ClosedRound),
    /// What a block took.
    Block(Duration),
    EndedBlocks(BlocksRun),
    Open(OpenRun),
    /// On the way to a [`Reply::LoadTest`].
    Interval(Box<Interval>),
    LoadTest(Box<LoadRun>),
    /// On the way to a [`Reply::Heap`].
    Sample(HeapSample),
    Heap(HeapRun),
    /// On the way, or the end of it.
    Pressure(Standing),
    /// The instance is there, and asks for the first trial or block.
    Ready,
    Trial(Box<TrialRun>),
    /// All deliveries of all trials were right.
    EndedTrials,
    Count(u64),
    /// Why there is no figure.
    Failed(String),
}

/// In a process that was started as a worker: works until standard input ends, and returns true. To
/// be called first in `main` by every program that measures in processes of their own.
pub fn run_if_worker(lineup: &Lineup) -> bool {
    run_if_worker_under(lineup, None)
}

/// The same for a program whose allocator can be limited.
pub fn run_if_worker_under(lineup: &Lineup, limit: Option<HeapLimit>) -> bool {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(WORKER_ARGUMENT) {
        return false;
    }
    if let Err(why) = serve(lineup, &arguments.next().unwrap_or_default(), limit) {
        eprintln!("worker: {why}");
        std::process::exit(1);
    }
    true
}

fn serve(
    lineup: &Lineup,
    assignment: &str,
    limit: Option<HeapLimit>,
) -> Result<(), Box<dyn std::error::Error>> {
    // Its buffer, made when it is first named, is none of the system's, whose heap may be counted by then.
    let _ = io::stdout();
    let assignment: Assignment = serde_json::from_str(assignment)?;
    let entry = lineup.find(&assignment.system)?;
    let mut material = Material::new(assignment.workload.make(assignment.seed)?);
    let mut requests = Requests::default();
    while let Some(request) = requests.next()? {
        let subject = &entry.subject;
        let reply = match request {
            Request::Closed(spec) => subject.closed(&mut material, &spec).map(Reply::Closed),
            Request::Blocks(spec) => {
                let mut ask = |last: Option<Duration>| block_is_wanted(last, &mut requests);
                subject.blocks(&mut material, &spec, &mut ask).map(Reply::EndedBlocks)
            }
            Request::Open(spec) => subject.open(&mut material, &spec).map(Reply::Open),
            Request::LoadTest(config) => {
                let stop = requests.listen_for_stop();
                let mut show =
                    |interval: &Interval| drop(write_line(&Reply::Interval(Box::new(interval.clone()))));
                let run = subject.load_test(&mut material, &config, &stop, &mut show);
                run.map(|run| Reply::LoadTest(Box::new(run)))
            }
            // It came too late.
            Request::Stop => continue,
            // Samples are written as they are taken. That allocates nothing; should nobody read them, the answer will
            // tell.
            Request::Heap(spec) => {
                let mut show = |sample| drop(write_line(&Reply::Sample(sample)));
                subject.heap(&mut material, &spec, &mut show).map(Reply::Heap)
            }
            Request::Trials(load) => {
                let mut ask = |last: Option<TrialRun>| next_trial(last, &mut requests);
                subject.trials(&mut material, &load, &mut ask).map(|()| Reply::EndedTrials)
            }
            Request::Saturate(load) => {
                let stop = Arc::new(AtomicBool::new(false));
                let mut begun = |count| requests.listen_for_counts(count, stop.clone());
                subject.saturate(&mut material, &load, &stop, &mut begun).map(|()| Reply::EndedTrials)
            }
            Request::Block | Request::EndBlocks | Request::Trial(_) | Request::EndTrials | Request::Count => {
                return Err("there is nothing to ask this of".into());
            }
            Request::Pressure(spec) => {
                let limit = limit.ok_or("this program's allocator cannot be limited")?;
                let mut show = |standing: &Standing| drop(write_line(&Reply::Pressure(standing.clone())));
                subject.pressure(&spec, limit, &mut show).map(Reply::Pressure)
            }
        };
        let reply = reply.unwrap_or_else(|why| Reply::Failed(why.to_string()));
        write_line(&reply)?;
    }
    Ok(())
}

/// Tells what the last block took, and waits for what comes next. Another block, or the end of them, also of who asks.
fn block_is_wanted(last: Option<Duration>, requests: &mut Requests) -> bool {
    write_line(&last.map_or(Reply::Ready, Reply::Block)).is_ok()
        && matches!(requests.next(), Ok(Some(Request::Block)))
}

/// Tells what the last trial came to, and waits for the next. `None` if there is none, or nobody who listens.
fn next_trial(last: Option<TrialRun>, requests: &mut Requests) -> Option<Trial> {
    write_line(&last.map_or(Reply::Ready, |run| Reply::Trial(Box::new(run)))).ok()?;
    match requests.next().ok()?? {
        Request::Trial(trial) => Some(trial),
        _ => None,
    }
}

/// Lines of standard input. While a load test runs a thread of their own waits for the next one: it may say stop.
#[derive(Default)]
struct Requests {
    listening: Option<JoinHandle<io::Result<Option<Request>>>>,
}

impl Requests {
    /// `None` when standard input has ended.
    fn next(&mut self) -> io::Result<Option<Request>> {
        match self.listening.take() {
            Some(listening) => {
                listening.join().unwrap_or_else(|_| Err(io::Error::other("the listener panicked")))
            }
            None => read_request(),
        }
    }

    /// Says that all is ready, and answers each question for a count, until the line comes that is none, which sets `stop`.
    fn listen_for_counts(&mut self, count: Deliveries, stop: Arc<AtomicBool>) {
        let stop_when_failed = stop.clone();
        let listen = move || {
            let request = loop {
                match read_request() {
                    Ok(Some(Request::Count)) => write_line(&Reply::Count(count()))?,
                    other => break other,
                }
            };
            stop.store(true, Ordering::Relaxed);
            request
        };
        let listening = std::thread::Builder::new().name(LISTENER.to_owned()).spawn(listen);
        let begun = match listening {
            Ok(listening) => {
                self.listening = Some(listening);
                Reply::Ready
            }
            Err(why) => Reply::Failed(format!("starting the thread that counts: {why}")),
        };
        if write_line(&begun).is_err() || !matches!(begun, Reply::Ready) {
            stop_when_failed.store(true, Ordering::Relaxed);
        }
    }

    /// Set when the next line has come, or will never come. While a load test runs nothing but stop is said.
    fn listen_for_stop(&mut self) -> Arc<AtomicBool> {
        let stop = Arc::new(AtomicBool::new(false));
        let heard = stop.clone();
        self.listening = Some(std::thread::spawn(move || {
            let request = read_request();
            heard.store(true, Ordering::Relaxed);
            request
        }));
        stop
    }
}

fn read_request() -> io::Result<Option<Request>> {
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line)? {
        0 => Ok(None),
        _ => Ok(Some(serde_json::from_str(&line)?)),
    }
}

fn write_line(reply: &Reply) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, reply)?;
    out.write_all(b"\n")?;
    out.flush()
}
