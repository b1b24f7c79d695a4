//! What `load_testing` leaves behind.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::daemon_performance::ScenarioFacts;
use crate::experiment::{Interval, LoadRun, Role};
use crate::load::{LoadTestConfig, Threshold};
use crate::measure::LatencySummary;

/// All figures of a run, in the order in which they were taken.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LoadTesting {
    /// Systems under the same load.
    pub figures: Vec<LoadFigure>,
    /// What was measured where theory knows the answer.
    pub known_answers: Vec<KnownAnswer>,
}

/// Systems under the same load, one after the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadFigure {
    /// As in `--list`.
    pub name: String,
    /// What was asked for.
    pub config: LoadTestConfig,
    /// What arrived.
    pub scenario: ScenarioFacts,
    /// Each of them.
    pub systems: Vec<SystemLoad>,
}

/// One system under load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SystemLoad {
    /// Name in the lineup.
    pub system: String,
    /// What it is compared as.
    pub role: Role,
    /// What it came to; latencies are valid only if its pacing is.
    pub run: LoadRun,
    /// Second by second.
    pub seconds: Vec<Second>,
    /// Its interval log and its lines of JSON, if they were written.
    pub files: Vec<PathBuf>,
    /// What had to hold.
    pub thresholds: Vec<Judged>,
}

/// A second of a test, or what was left of it at its end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// From the beginning of the test to its end, s.
    pub at: f64,
    /// How long it was, s.
    pub lasting: f64,
    /// Offered.
    pub events_per_second: f64,
    /// Done.
    pub deliveries_per_second: f64,
    /// Deliveries owed and not settled at its end.
    pub backlog: u64,
    /// Deliveries that failed, each try counted.
    pub errors: u64,
    /// From the intended moment to done, of the deliveries that were done in it; absent if none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<LatencySummary>,
    /// Of the handler's work alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<LatencySummary>,
}

impl From<&Interval> for Second {
    fn from(interval: &Interval) -> Self {
        let seconds = |ns| Duration::from_nanos(ns).as_secs_f64();
        let lasting = seconds(interval.lasting_ns);
        #[allow(clippy::cast_precision_loss)] // far below 2⁵³
        let per_second = |count: u64| if lasting > 0.0 { count as f64 / lasting } else { 0.0 };
        Self {
            at: seconds(interval.from_ns + interval.lasting_ns),
            lasting,
            events_per_second: per_second(interval.events),
            deliveries_per_second: per_second(interval.served.response.count()),
            backlog: interval.backlog,
            errors: interval.errors,
            response: interval.served.response.summary(),
            service: interval.served.service.summary(),
        }
    }
}

/// A threshold and the figure that it was held against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// What had to hold.
    pub threshold: Threshold,
    /// What became of it.
    pub outcome: Outcome,
}

/// Whether a threshold held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did; with the figure, in the threshold's unit.
    Held(f64),
    /// It did not.
    Crossed(f64),
    /// There is no figure, for this reason: that is not good enough.
    NotMeasured(String),
    /// The load was not what was asked for, so that nothing can be said.
    Invalid,
}

/// A figure of which theory knows what it has to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnownAnswer {
    /// As in `--list`.
    pub name: String,
    /// The system that served.
    pub system: String,
    /// The quantity.
    pub what: String,
    /// What it has to be, and why.
    pub expected: String,
    /// What was measured.
    pub measured: String,
    /// Whether that is close enough.
    pub holds: bool,
    /// Per cent of its time that a busy thread lost beside it, before or after: theory knows nobody else on its cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_percent: Option<f64>,
}
