use std::time::Duration;

use crucible_events::routing::Ledger;
use serde::{Deserialize, Serialize};

use super::Served;
use crate::load::Pacing;
use crate::load::faults::Injected;
use crate::measure::{LatencySummary, Reading};

/// What a load test came to; every delivery of it is accounted for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadRun {
    /// Whether the load was the one that was asked for. If not, no latency here may be used.
    pub pacing: Pacing,
    /// From the beginning until all was quiet, ns.
    pub elapsed_ns: u64,
    /// Where every accepted delivery ended.
    pub ledger: Ledger,
    /// Deliveries that were refused or for which there was no room.
    pub turned_away: u64,
    /// From the intended moment to the end of the handler's work, per acknowledged delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<LatencySummary>,
    /// From the beginning of the handler's work to its end, of the same deliveries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<LatencySummary>,
    /// Deliveries that were owed and not yet settled.
    pub backlog: Backlog,
    /// What waited within the system.
    pub waiting: Waiting,
    /// CPU time of the process without the pacer's thread and the one that looks on, in per cent of one core.
    pub cpu_percent: Reading<f64>,
    /// Most memory that was resident beyond what there was before, bytes. Up to 2 MB of it are the histograms'.
    pub peak_memory: Reading<u64>,
    /// What went wrong on purpose; absent if nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<FailuresSeen>,
}

/// Deliveries that were owed to the events sent so far and neither acknowledged nor given up, looked at every 100 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Backlog {
    /// The most.
    pub most: u64,
    /// Of these, how many the publisher held back, since the system did not take their events.
    pub most_unpublished: u64,
    /// From the moment at which the last event was due to quiet, ns.
    pub drained_ns: u64,
}

/// What waited within the system, looked at every 100 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Waiting {
    /// Deliveries that waited for one service or were in its hands, at most.
    pub most_for_one: u64,
    /// Deliveries that may wait for one service; absent where nothing bounds them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<u64>,
    /// Deliveries that may be in its hands beside them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<u64>,
    /// Bytes of the events that were held, at most; absent where nobody counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_bytes: Option<u64>,
    /// Bytes that may be held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub byte_budget: Option<u64>,
}

/// What was injected, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailuresSeen {
    /// In words.
    pub plan: String,
    /// From the beginning of the test, ns.
    pub from_ns: u64,
    /// Likewise; absent if it went on to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ns: Option<u64>,
    /// What was done.
    pub injected: Injected,
    /// Response times of acknowledged deliveries, by when their events were due.
    pub response: Phases,
    /// How soon all was as before.
    pub recovery: Recovery,
    /// Tries that failed and were followed by another.
    pub retried: u64,
    /// Batches that exceeded the handler's time-out.
    pub timeouts: u64,
    /// How often a breaker opened.
    pub breakers_opened: u64,
}

/// Response times before, during and after the failures; absent where nothing was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Phases {
    /// Events that were due before them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<LatencySummary>,
    /// Meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub during: Option<LatencySummary>,
    /// After them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<LatencySummary>,
}

/// From the end of the failures until five windows of 100 ms in a row are no worse than the worst before them, ns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// By the mean response time of the events that are due in each window.
    pub latency_ns: Reading<u64>,
    /// By the backlog.
    pub backlog_ns: Reading<u64>,
}

/// A second of a test, or what was left of it at its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Since the beginning, ns.
    pub from_ns: u64,
    /// How long, ns.
    pub lasting_ns: u64,
    /// Events that were sent.
    pub events: u64,
    /// Deliveries that failed, each try counted.
    pub errors: u64,
    /// Deliveries owed and not settled at its end.
    pub backlog: u64,
    /// Latencies of the deliveries that were done in it.
    pub served: Served,
}

impl LoadRun {
    /// Deliveries acknowledged per second, from the beginning until all was quiet.
    pub fn throughput(&self) -> f64 {
        self.ledger.acknowledged as f64 / Duration::from_nanos(self.elapsed_ns).as_secs_f64()
    }

    /// Deliveries given up or turned away, in per cent of all that were owed.
    pub fn error_percent(&self) -> f64 {
        let Ledger { acknowledged, failed, dead_lettered, expired, abandoned, .. } = self.ledger;
        let lost = failed + dead_lettered + expired + abandoned + self.turned_away;
        100.0 * lost as f64 / (acknowledged + lost).max(1) as f64
    }

    /// Mean time that deliveries waited before their handler began with them, ns.
    pub fn mean_wait_ns(&self) -> Option<f64> {
        Some(self.response?.mean - self.service?.mean)
    }
}
