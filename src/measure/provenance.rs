//! Where a figure comes from: no figure without it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Build, LoadAverage, Machine, Reading, Source, StealMeter};

/// Everything that one must know to judge a figure or to obtain it again. Holds no path of the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// When the run began.
    pub started: Moment,
    /// Commit, dirty or not, when the run began.
    pub source: Reading<Source>,
    /// Compiler, target and options.
    pub build: Build,
    /// Processor, cores, governor, C library, valgrind.
    pub machine: Machine,
    /// Of everything random in the run (ChaCha8).
    pub seed: u64,
    /// When the run began: what else was running.
    pub load_average: Reading<LoadAverage>,
    /// Per cent of all cores' time that the hypervisor took away from the beginning of the run to this document.
    pub steal_percent: Reading<f64>,
}

/// A run that has begun.
#[derive(Debug, Clone)]
pub struct Run {
    opening: Provenance,
    steal: StealMeter,
}

impl Run {
    /// Begins now: reads all that is known beforehand. Some ten milliseconds; nothing may be timed meanwhile.
    pub fn begin(seed: u64) -> Self {
        let opening = Provenance {
            started: Moment::now(),
            source: Source::of_this_crate().into(),
            build: Build::of_this_binary(),
            machine: Machine::inspect(),
            seed,
            load_average: LoadAverage::now().into(),
            steal_percent: Reading::absent("the run has just begun"),
        };
        Self { opening, steal: StealMeter::start() }
    }

    /// What is known by now; asked again with every document that is stored, also of an interrupted run.
    pub fn provenance(&self) -> Provenance {
        Provenance { steal_percent: self.steal.percent().into(), ..self.opening.clone() }
    }

    /// When it began.
    pub fn started(&self) -> Moment {
        self.opening.started
    }
}

/// A moment in UTC, to the second; RFC 3339 in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment(Timestamp);

impl Moment {
    /// The system's clock.
    pub fn now() -> Self {
        Self::from(Timestamp::now())
    }

    /// For file names: `YYYYMMDD_HHMMSS`, UTC.
    pub fn stamp(&self) -> String {
        self.0.strftime("%Y%m%d_%H%M%S").to_string()
    }
}

impl From<Timestamp> for Moment {
    fn from(timestamp: Timestamp) -> Self {
        let second = Timestamp::from_second(timestamp.as_second());
        Self(second.expect("dropping the fraction of a valid moment leaves a valid moment"))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.to_string()
    }
}

impl TryFrom<String> for Moment {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse::<Timestamp>().map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_a_stamp_and_survives_json() {
        let moment = Moment::try_from("2026-11-23T22:13:40.9Z".to_owned()).expect("RFC 3339");
        assert_eq!(moment.stamp(), "20261123_221340");
        let json = serde_json::to_string(&moment).expect("a string");
        assert_eq!(json, r#""2026-11-23T22:13:40Z""#);
        assert_eq!(serde_json::from_str::<Moment>(&json).expect("own JSON"), moment);
        assert!(serde_json::from_str::<Moment>(r#""yesterday""#).is_err());
    }

    #[test]
    fn provenance_survives_json_and_names_no_folder() {
        // Few digits: serde_json reads back the shortest numbers only to the last bit.
        let provenance = Provenance { steal_percent: Reading::Value(0.25), ..Run::begin(7).provenance() };
        let json = serde_json::to_string(&provenance).expect("plain data");
        assert_eq!(serde_json::from_str::<Provenance>(&json).expect("own JSON"), provenance);
        assert!(!json.contains(env!("CARGO_MANIFEST_DIR")), "{json}");
        assert_eq!(provenance.seed, 7);
    }

    #[test]
    fn a_run_keeps_what_it_began_with() {
        let run = Run::begin(7);
        let (first, second) = (run.provenance(), run.provenance());
        assert_eq!(first.started, run.started());
        assert_eq!((first.source, first.load_average), (second.source, second.load_average));
    }
}
