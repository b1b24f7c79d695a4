//! What `daemon_performance` leaves behind.

use serde::{Deserialize, Serialize};

use crate::experiment::{OpenRun, Role, Threads};
use crate::measure::{LatencySummary, Reading};
use crate::stats::RatioEstimate;
use crate::sut::{HandlerWork, Publishing};
use crate::workload::trace::Speed;

/// The rate at which systems are graded (R5.2), events/s.
pub const GRADED_RATE: u64 = 1_000;

/// All figures of a run, in the order in which they were taken.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DaemonPerformance {
    /// Rounds of each closed-loop figure.
    pub rounds: usize,
    /// Rounds of each latency that were asked for.
    #[serde(default = "one")]
    pub latency_rounds: usize,
    /// Confidence of each interval: 95 % for all comparisons of the run together.
    pub confidence: f64,
    /// Throughput of each scenario, closed loop.
    pub throughput: Vec<ClosedFigure>,
    /// Throughput when handlers take time, closed loop.
    pub handler_time: Vec<ClosedFigure>,
    /// Latency at equal offered load.
    pub latency: Vec<LatencyFigure>,
}

/// The workload of a figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioFacts {
    /// Its name.
    pub name: String,
    /// Events of a pass.
    pub events: usize,
    /// Services that take part.
    pub services: usize,
    /// Rules in force.
    pub rules: usize,
    /// Size of each payload.
    pub payload_bytes: usize,
    /// Deliveries per event, counted by the oracle.
    pub fan_out: f64,
}

/// Systems side by side, closed loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClosedFigure {
    /// As in `--list`.
    pub name: String,
    /// What arrived.
    pub scenario: ScenarioFacts,
    /// Threads for all.
    pub threads: Threads,
    /// The core on which all processes took turns, if they have one thread each.
    #[serde(default = "Reading::not_told")]
    pub core: Reading<usize>,
    /// One by one or in batches.
    pub publishing: Publishing,
    /// What each delivery cost its service.
    pub work: HandlerWork,
    /// Each of them.
    pub systems: Vec<SystemThroughput>,
    /// Each but the first over the first (the baseline); then the others over the reference.
    pub ratios: Vec<Ratio>,
}

/// What one system came to in a [`ClosedFigure`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SystemThroughput {
    /// Name in the lineup.
    pub system: String,
    /// What it is compared as.
    pub role: Role,
    /// Events/s of each round, in their order.
    pub rounds: Vec<f64>,
    /// Their median.
    pub events_per_second: f64,
    /// Median of the rounds.
    pub deliveries_per_second: f64,
    /// Acknowledged deliveries in per cent of those expected.
    pub success_percent: f64,
    /// Failed deliveries in per cent of those expected.
    pub error_percent: f64,
    /// CPU time in per cent of one core; median of the rounds.
    pub cpu_percent: Reading<f64>,
    /// Most memory that the system took in any round, beyond the workload's own, bytes.
    pub peak_memory: Reading<u64>,
}

/// Throughput of one system over that of another, from interleaved rounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// The one above the line.
    pub system: String,
    /// The one below it.
    pub over: String,
    /// Above 1: the one above the line is faster.
    pub estimate: RatioEstimate,
}

/// Systems at equal offered load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyFigure {
    /// As in `--list`.
    pub name: String,
    /// What arrived.
    pub scenario: ScenarioFacts,
    /// Threads for system and publisher; the pacer has one more.
    pub threads: Threads,
    /// What was offered to each; on average, if the moments are recorded ones.
    pub events_per_second: u64,
    /// How fast recorded events were replayed, at their own moments; absent where events came at a steady rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<Speed>,
    /// In per cent of what the slower system does closed loop; absent where the rate does not follow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent_of_slower: Option<f64>,
    /// Each of them.
    pub systems: Vec<SystemLatency>,
    /// Each candidate over the baseline. Empty where each system had one run, or no P99 in one of its rounds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ratios: Vec<LatencyRatio>,
    /// Rounds that do not count for any system, since the load could not be offered as it was meant to one of them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost_rounds: u32,
}

/// Latency of one system over that of another, from interleaved rounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyRatio {
    /// The one above the line.
    pub system: String,
    /// The one below it.
    pub over: String,
    /// Of the medians. Above 1: the one above the line takes longer.
    pub p50: RatioEstimate,
    /// Of the P95; absent in files of before it was compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95: Option<RatioEstimate>,
    /// Of the P99.
    pub p99: RatioEstimate,
}

/// By what of their latencies systems are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantile {
    /// What half of all deliveries take at most.
    P50,
    /// What 95 of 100 take at most.
    P95,
    /// What 99 of 100 take at most.
    P99,
}

impl Quantile {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::P50, Self::P95, Self::P99];

    /// As people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P50 => "P50",
            Self::P95 => "P95",
            Self::P99 => "P99",
        }
    }

    /// As results call it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
        }
    }

    /// That of one run, ns.
    pub const fn of(self, latency: &LatencySummary) -> Option<u64> {
        match self {
            Self::P50 => latency.p50,
            Self::P95 => latency.p95,
            Self::P99 => latency.p99,
        }
    }

    /// That of two systems.
    pub const fn of_ratio(self, ratio: &LatencyRatio) -> Option<&RatioEstimate> {
        match self {
            Self::P50 => Some(&ratio.p50),
            Self::P95 => ratio.p95.as_ref(),
            Self::P99 => Some(&ratio.p99),
        }
    }
}

/// What one system came to in a [`LatencyFigure`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SystemLatency {
    /// Name in the lineup.
    pub system: String,
    /// What it is compared as.
    pub role: Role,
    /// The run; of several rounds that of the median P99 (of an even number the lower of the two), or, where none of them counts,
    /// the last. Valid only if its pacing is.
    pub run: OpenRun,
    /// Each of several rounds that count, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rounds: Vec<LatencyRound>,
    /// Runs that were thrown away: the machine did not offer the load as it was meant.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub thrown_away: u32,
}

/// One of several rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LatencyRound {
    /// From the intended moment to the end of the handler.
    pub latency: LatencySummary,
    /// The pacer's lag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<LatencySummary>,
}

const fn one() -> usize {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde wants it
fn is_zero(count: &u32) -> bool {
    *count == 0
}
