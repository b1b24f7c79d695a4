use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use super::run::Material;
use super::{
    ClosedLoop, ClosedRound, HeapCycles, HeapLimit, HeapRun, HeapSample, Lineup, OfferedLoad, OpenLoop,
    OpenRun, Pressure, Standing, Trial, TrialRun,
};
use crate::workload::{Scenario, Workload};

/// First argument of a process that was started to run one system; not for people.
pub const WORKER_ARGUMENT: &str = "--crucible-perf-worker";

/// What a worker is started for: its second argument, as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Assignment {
    /// Name in the lineup.
    pub system: String,
    /// What arrives.
    pub scenario: Scenario,
    /// Of the workload.
    pub seed: u64,
}

/// One line to a worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    Closed(ClosedLoop),
    Open(OpenLoop),
    Heap(HeapCycles),
    Pressure(Pressure),
    /// A fresh instance for trials; then come [`Request::Trial`]s.
    Trials(OfferedLoad),
    Trial(Trial),
    EndTrials,
}

/// One line from a worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    Closed(ClosedRound),
    Open(OpenRun),
    /// On the way to a [`Reply::Heap`].
    Sample(HeapSample),
    Heap(HeapRun),
    /// On the way, or the end of it.
    Pressure(Standing),
    /// The instance is there, and asks for the first trial.
    Ready,
    Trial(TrialRun),
    /// All deliveries of all trials were right.
    EndedTrials,
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
    let assignment: Assignment = serde_json::from_str(assignment)?;
    let entry = lineup.find(&assignment.system)?;
    let mut material = Material::new(Workload::generate(&assignment.scenario, assignment.seed));
    let mut out = io::stdout().lock();
    let mut requests = io::stdin().lock().lines().map(|line| Ok(serde_json::from_str(&line?)?));
    while let Some(request) = requests.next() {
        let request: Request = request?;
        let subject = &entry.subject;
        let reply = match request {
            Request::Closed(spec) => subject.closed(&mut material, &spec).map(Reply::Closed),
            Request::Open(spec) => subject.open(&mut material, &spec).map(Reply::Open),
            // Samples are written as they are taken. That allocates nothing; should nobody read them, the answer will
            // tell.
            Request::Heap(spec) => {
                let mut show = |sample| drop(write_line(&mut out, &Reply::Sample(sample)));
                subject.heap(&mut material, &spec, &mut show).map(Reply::Heap)
            }
            Request::Trials(load) => {
                let mut ask = |last: Option<TrialRun>| next_trial(last, &mut requests, &mut out);
                subject.trials(&mut material, &load, &mut ask).map(|()| Reply::EndedTrials)
            }
            Request::Trial(_) | Request::EndTrials => return Err("no trials were begun".into()),
            Request::Pressure(spec) => {
                let limit = limit.ok_or("this program's allocator cannot be limited")?;
                let mut show =
                    |standing: &Standing| drop(write_line(&mut out, &Reply::Pressure(standing.clone())));
                subject.pressure(&spec, limit, &mut show).map(Reply::Pressure)
            }
        };
        let reply = reply.unwrap_or_else(|why| Reply::Failed(why.to_string()));
        write_line(&mut out, &reply)?;
    }
    Ok(())
}

/// Tells what the last trial came to, and waits for the next. `None` if there is none, or nobody who listens.
fn next_trial(
    last: Option<TrialRun>,
    requests: &mut impl Iterator<Item = io::Result<Request>>,
    out: &mut impl Write,
) -> Option<Trial> {
    write_line(out, &last.map_or(Reply::Ready, Reply::Trial)).ok()?;
    match requests.next()?.ok()? {
        Request::Trial(trial) => Some(trial),
        _ => None,
    }
}

fn write_line(out: &mut impl Write, reply: &Reply) -> io::Result<()> {
    serde_json::to_writer(&mut *out, reply)?;
    out.write_all(b"\n")?;
    out.flush()
}
