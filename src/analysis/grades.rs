//! Grades of the medium scenario (requirement R5.2), latency and CPU at 1,000 events/s offered.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How good a figure is, each quantity in its own words: throughput good, acceptable, poor; latency also excellent;
/// memory and CPU efficient instead of good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Latency only.
    Excellent,
    /// Throughput and latency.
    Good,
    /// Memory and CPU: the best of both.
    Efficient,
    /// Not good, not poor.
    Acceptable,
    /// Not what production should live with.
    Poor,
}

impl Grade {
    /// As reports and JSON have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Excellent => "excellent",
            Self::Good => "good",
            Self::Efficient => "efficient",
            Self::Acceptable => "acceptable",
            Self::Poor => "poor",
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where one grade ends and the next begins. Where the requirement leaves an edge to two grades (a latency of 50 ms is
/// both good and acceptable), the better one holds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GradeThresholds {
    /// Events/s, closed loop.
    pub throughput: Throughput,
    /// Mean latency in milliseconds, from the intended time.
    pub latency_ms: MeanLatency,
    /// Peak resident memory in megabytes (10⁶ bytes).
    pub memory_mb: Consumption,
    /// Per cent of one core.
    pub cpu_percent: Consumption,
}

/// More is better: good > `good_above`; poor < `poor_below`; between them, edges included, acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Throughput {
    /// Good is more than this.
    pub good_above: f64,
    /// Poor is less than this.
    pub poor_below: f64,
}

/// Less is better: excellent < `excellent_below`; then good up to `good_to`, acceptable up to `acceptable_to`; then poor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeanLatency {
    /// Excellent is less than this.
    pub excellent_below: f64,
    /// Good is at most this.
    pub good_to: f64,
    /// Acceptable is at most this, poor more.
    pub acceptable_to: f64,
}

/// Less is better: efficient < `efficient_below`; then acceptable up to `acceptable_to`; then poor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consumption {
    /// Efficient is less than this.
    pub efficient_below: f64,
    /// Acceptable is at most this, poor more.
    pub acceptable_to: f64,
}

impl Default for GradeThresholds {
    fn default() -> Self {
        Self {
            throughput: Throughput { good_above: 1_000.0, poor_below: 500.0 },
            latency_ms: MeanLatency { excellent_below: 10.0, good_to: 50.0, acceptable_to: 200.0 },
            memory_mb: Consumption { efficient_below: 100.0, acceptable_to: 500.0 },
            cpu_percent: Consumption { efficient_below: 50.0, acceptable_to: 80.0 },
        }
    }
}

/// Thresholds under which some grade could not be reached.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[error("grades of {quantity}: {lower} must not be above {upper}; exchange the two or leave them out")]
pub struct InvalidThresholds {
    /// Whose thresholds.
    pub quantity: &'static str,
    /// What should be the smaller one.
    pub lower: f64,
    /// What should be the larger one.
    pub upper: f64,
}

impl GradeThresholds {
    /// Themselves, if each quantity's thresholds ascend; to be asked wherever they were read from outside.
    pub fn checked(self) -> Result<Self, InvalidThresholds> {
        let (latency, memory, cpu) = (self.latency_ms, self.memory_mb, self.cpu_percent);
        let pairs = [
            ("throughput", self.throughput.poor_below, self.throughput.good_above),
            ("latency", latency.excellent_below, latency.good_to),
            ("latency", latency.good_to, latency.acceptable_to),
            ("memory", memory.efficient_below, memory.acceptable_to),
            ("CPU", cpu.efficient_below, cpu.acceptable_to),
        ];
        match pairs.into_iter().find(|(_, lower, upper)| lower > upper) {
            Some((quantity, lower, upper)) => Err(InvalidThresholds { quantity, lower, upper }),
            None => Ok(self),
        }
    }

    /// Of a throughput in events/s.
    pub fn throughput(&self, events_per_second: f64) -> Grade {
        match events_per_second {
            rate if rate > self.throughput.good_above => Grade::Good,
            rate if rate >= self.throughput.poor_below => Grade::Acceptable,
            _ => Grade::Poor,
        }
    }

    /// Of a mean latency in nanoseconds.
    pub fn mean_latency(&self, mean_ns: f64) -> Grade {
        let limits = &self.latency_ms;
        match mean_ns / 1e6 {
            ms if ms < limits.excellent_below => Grade::Excellent,
            ms if ms <= limits.good_to => Grade::Good,
            ms if ms <= limits.acceptable_to => Grade::Acceptable,
            _ => Grade::Poor,
        }
    }

    /// Of a peak of resident memory in bytes.
    pub fn memory(&self, peak_bytes: u64) -> Grade {
        self.memory_mb.grade(peak_bytes as f64 / 1e6)
    }

    /// Of CPU time in per cent of one core.
    pub fn cpu(&self, percent_of_one_core: f64) -> Grade {
        self.cpu_percent.grade(percent_of_one_core)
    }
}

impl Consumption {
    fn grade(&self, used: f64) -> Grade {
        match used {
            used if used < self.efficient_below => Grade::Efficient,
            used if used <= self.acceptable_to => Grade::Acceptable,
            _ => Grade::Poor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: fn() -> GradeThresholds = GradeThresholds::default;

    #[test]
    fn throughput_at_its_edges() {
        let edges = [
            (1_000.1, Grade::Good),
            (1_000.0, Grade::Acceptable),
            (500.0, Grade::Acceptable),
            (499.9, Grade::Poor),
            (0.0, Grade::Poor),
        ];
        for (rate, grade) in edges {
            assert_eq!(DEFAULT().throughput(rate), grade, "{rate} events/s");
        }
    }

    #[test]
    fn latency_at_its_edges() {
        let edges = [
            (0.0, Grade::Excellent),
            (9.999, Grade::Excellent),
            (10.0, Grade::Good),
            (50.0, Grade::Good),
            (50.001, Grade::Acceptable),
            (200.0, Grade::Acceptable),
            (200.001, Grade::Poor),
        ];
        for (ms, grade) in edges {
            assert_eq!(DEFAULT().mean_latency(ms * 1e6), grade, "{ms} ms");
        }
    }

    #[test]
    fn memory_at_its_edges() {
        let edges = [
            (99_999_999, Grade::Efficient),
            (100_000_000, Grade::Acceptable),
            (500_000_000, Grade::Acceptable),
            (500_000_001, Grade::Poor),
        ];
        for (bytes, grade) in edges {
            assert_eq!(DEFAULT().memory(bytes), grade, "{bytes} bytes");
        }
    }

    #[test]
    fn cpu_at_its_edges() {
        let edges = [
            (49.99, Grade::Efficient),
            (50.0, Grade::Acceptable),
            (80.0, Grade::Acceptable),
            (80.01, Grade::Poor),
            (180.0, Grade::Poor),
        ];
        for (percent, grade) in edges {
            assert_eq!(DEFAULT().cpu(percent), grade, "{percent} %");
        }
    }

    #[test]
    fn what_is_no_number_is_never_good() {
        let grades =
            [DEFAULT().throughput(f64::NAN), DEFAULT().mean_latency(f64::NAN), DEFAULT().cpu(f64::NAN)];
        assert_eq!(grades, [Grade::Poor; 3]);
    }

    #[test]
    fn one_quantity_can_be_changed_alone() {
        let json = r#"{"cpu_percent":{"efficient_below":20,"acceptable_to":30}}"#;
        let changed: GradeThresholds = serde_json::from_str(json).expect("known names");
        assert_eq!((changed.cpu(25.0), DEFAULT().cpu(25.0)), (Grade::Acceptable, Grade::Efficient));
        assert_eq!(changed.throughput, DEFAULT().throughput);
        assert!(
            serde_json::from_str::<GradeThresholds>(r#"{"cpu":{}}"#).is_err(),
            "an unknown name is refused"
        );
    }

    #[test]
    fn thresholds_must_ascend() {
        assert_eq!(DEFAULT().checked(), Ok(DEFAULT()));
        let mut turned = DEFAULT();
        turned.latency_ms.good_to = 300.0;
        let error = turned.checked().expect_err("good up to 300, acceptable up to 200");
        assert_eq!(
            error.to_string(),
            "grades of latency: 300 must not be above 200; exchange the two or leave them out"
        );
    }

    #[test]
    fn a_grade_is_one_word() {
        assert_eq!(serde_json::to_string(&Grade::Efficient).expect("a word"), r#""efficient""#);
        assert_eq!(format!("{:>10}|", Grade::Good), "      good|");
    }
}
