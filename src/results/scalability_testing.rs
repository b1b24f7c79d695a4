//! What `scalability_testing` leaves behind.

use serde::{Deserialize, Serialize};

use super::bottleneck::BottleneckFigure;
use super::daemon_performance::{ScenarioFacts, SystemThroughput};
use crate::experiment::search::{Attempt, Confirmed, Landing, OverloadRun};
use crate::experiment::{Role, Threads};
use crate::load::Arrivals;
use crate::measure::{LatencySummary, Reading};
use crate::stats::{Interval, NoFit, PowerLaw, RatioEstimate, UslFit};
use crate::sut::{HandlerWork, Publishing};

/// All figures of a run, in the order in which they were taken.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ScalabilityTesting {
    /// The highest rates that are sustained.
    pub limits: Vec<LimitFigure>,
    /// Throughput, latency and memory along one size.
    pub dimensions: Vec<DimensionFigure>,
}

/// The highest sustained rate of each system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitFigure {
    /// As in `--list`.
    pub name: String,
    /// What arrived.
    pub scenario: ScenarioFacts,
    /// Threads for system and publisher; the pacer has one more.
    pub threads: Threads,
    /// What each delivery cost its service.
    pub work: HandlerWork,
    /// Even, or by chance.
    pub arrivals: Arrivals,
    /// What queueing theory says, events/s; absent where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theory: Option<f64>,
    /// The most that the P99 of a confirmed rate may be, ns.
    pub p99_bound_ns: u64,
    /// How long a rate was offered to be confirmed, ns.
    pub confirmed_for_ns: u64,
    /// Each of them.
    pub systems: Vec<SystemLimit>,
    /// Rates that the staircases found, of each but the first over the first, staircase by staircase; empty where a pacer
    /// gave up.
    pub ratios: Vec<LimitRatio>,
}

/// The limit of one system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SystemLimit {
    /// Name in the lineup.
    pub system: String,
    /// What it is compared as.
    pub role: Role,
    /// Where each staircase ended, in their order.
    pub landings: Vec<Landing>,
    /// Their median, events/s.
    pub found: f64,
    /// Of the median; absent if so few staircases have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// The pacer gave up before the system in most of them: its limit is not below what was found.
    pub pacer_gave_up: bool,
    /// What stood for long.
    pub confirmed: Confirmed,
    /// Beyond what stood; absent if nothing did, or if it was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overload: Option<OverloadRun>,
    /// What limits it when as much is published as it can do. Absent if it was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bottleneck: Option<Reading<BottleneckFigure>>,
}

impl SystemLimit {
    /// The attempt that stood.
    pub fn confirmed_attempt(&self) -> Option<&Attempt> {
        self.confirmed.rate.and(self.confirmed.attempts.last())
    }
}

/// One limit over another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitRatio {
    /// The one above the line.
    pub system: String,
    /// The one below it.
    pub over: String,
    /// Above 1: the one above the line sustains more.
    pub estimate: RatioEstimate,
}

/// What grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// Tasks that publish at once.
    Publishers,
    /// Threads that run the system's tasks.
    Workers,
    /// Services among which the events are spread.
    Services,
    /// Rules, of which ten concern the events.
    Rules,
    /// Bytes of each payload.
    Payload,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Publishers, Self::Workers, Self::Services, Self::Rules, Self::Payload];

    /// As in `--list`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publishers => "publishers",
            Self::Workers => "workers",
            Self::Services => "services",
            Self::Rules => "rules",
            Self::Payload => "payload",
        }
    }

    /// Whether more of it can do more at once; of the others there is only more to cope with.
    pub const fn is_concurrency(self) -> bool {
        matches!(self, Self::Publishers | Self::Workers)
    }
}

/// Systems side by side along one size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DimensionFigure {
    /// As in `--list`.
    pub name: String,
    /// What grows.
    pub dimension: Dimension,
    /// One by one or in batches, closed loop; at offered load events are published as they become due.
    pub publishing: Publishing,
    /// What each delivery cost its service.
    pub work: HandlerWork,
    /// Of the slower system's throughput, the part that is offered to all for latency, per cent.
    pub load_percent: f64,
    /// From the smallest to the largest.
    pub points: Vec<Point>,
    /// What the points of each system come to.
    pub growth: Vec<Growth>,
}

/// Systems at one size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// How many, or how large.
    pub size: usize,
    /// More worker threads than the machine has cores: what is measured is its scheduler, too.
    pub beyond_cores: bool,
    /// What arrived.
    pub scenario: ScenarioFacts,
    /// Threads for all, closed loop.
    pub threads: Threads,
    /// Events/s offered for latency.
    pub offered: u64,
    /// Each of them.
    pub systems: Vec<SystemPoint>,
}

/// One system at one size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SystemPoint {
    /// Closed loop: throughput, CPU and memory.
    #[serde(flatten)]
    pub closed: SystemThroughput,
    /// At the offered load, from the intended moment, ns; of a sample of the deliveries.
    pub latency: Reading<LatencySummary>,
    /// P99 of the pacer's lag meanwhile, ns: the floor under that of the latency. Absent if too few events were offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor_ns: Option<u64>,
}

/// A curve, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// Universal Scalability Law.
    Usl(UslFit),
    /// `y = factor · n^exponent`.
    PowerLaw(PowerLaw),
    /// Neither.
    None(NoFit),
}

/// How one system grows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// Name in the lineup.
    pub system: String,
    /// Throughput: the law for publishers and workers, a power for the others.
    pub throughput: Fit,
    /// Peak memory: a power.
    pub memory: Fit,
    /// Exponent of throughput from the largest size but one to the largest (within the cores): where a curve bends, it is
    /// its end that foretells what comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_exponent: Option<f64>,
    /// The most that was observed.
    pub most: Observed,
    /// What became of throughput from the smallest size to the largest (within the cores) and what was expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<ScalabilityFactor>,
}

/// A throughput and where it was observed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// Size.
    pub size: usize,
    /// Median of its rounds.
    pub events_per_second: f64,
}

/// Actual over expected improvement (R5.3).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ScalabilityFactor {
    /// From this size.
    pub from: usize,
    /// To this one.
    pub to: usize,
    /// Throughput there over throughput here.
    pub actual: f64,
    /// What it should be.
    pub expected: f64,
    /// Actual over expected: 1 is as good as was hoped for.
    pub factor: f64,
}
