use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use super::run::Material;
use super::{ClosedLoop, ClosedRound, Lineup, OpenLoop, OpenRun};
use crate::workload::{Scenario, Workload};

/// First argument of a process that was started to run one system; not for people.
pub const WORKER_ARGUMENT: &str = "--crucible-perf-worker";

/// What a worker is started for: its second argument, as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Assignment {
    /// Name in the lineup.
    pub system: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Of the workload.
    pub seed: u64,
}

/// One line to a worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    Closed(ClosedLoop),
    Open(OpenLoop),
}

/// One line from a worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    Closed(ClosedRound),
    Open(OpenRun),
    /// Why there is no figure.
    Failed(String),
}

/// In a process that was started as a worker: works until standard input ends, and returns true. To
/// be called first in `main` by every program that measures in processes of their own.
pub fn run_if_worker(lineup: &Lineup) -> bool {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(WORKER_ARGUMENT) {
        return false;
    }
    if let Err(why) = serve(lineup, &arguments.next().unwrap_or_default()) {
        eprintln!("worker: {why}");
        std::process::exit(1);
    }
    true
}

fn serve(lineup: &Lineup, assignment: &str) -> Result<(), Box<dyn std::error::Error>> {
    let assignment: Assignment = serde_json::from_str(assignment)?;
    let entry = lineup.find(&assignment.system)?;
    let scenario: Scenario = assignment.scenario.parse()?;
    let mut material = Material::new(Workload::generate(&scenario, assignment.seed));
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let reply = match serde_json::from_str(&line?)? {
            Request::Closed(spec) => entry.subject.closed(&mut material, &spec).map(Reply::Closed),
            Request::Open(spec) => entry.subject.open(&mut material, &spec).map(Reply::Open),
        };
        let reply = reply.unwrap_or_else(|why| Reply::Failed(why.to_string()));
        serde_json::to_writer(&mut out, &reply)?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
    Ok(())
}
