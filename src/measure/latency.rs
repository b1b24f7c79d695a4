//! Latencies in an HDR histogram: fixed memory, three significant digits from 1 ns to 1 h.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::stats::quantile_is_supported;

/// What is slower counts as this slow: a delivery that takes an hour is lost for every purpose here.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// Three digits: a bucket is at most 0.1 % wide, a tenth of the smallest effect that is judged; 256 KiB.
const SIGNIFICANT_DIGITS: u8 = 3;

/// A growing collection of latencies. Recording takes some 25 ns and never allocates.
#[derive(Debug, Clone, PartialEq)]
pub struct Latency {
    histogram: Histogram<u64>,
    // The histogram rounds to its buckets; largest and sum cost nothing to keep exactly.
    max_ns: u64,
    sum_ns: u64,
}

/// What a collection of latencies comes to; all in nanoseconds. A quantile is absent unless at least ten samples lie
/// beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LatencySummary {
    /// Number of latencies.
    pub count: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Median; from 20 samples on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50: Option<u64>,
    /// From 200 samples on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95: Option<u64>,
    /// From 1,000 samples on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99: Option<u64>,
    /// From 10,000 samples on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p999: Option<u64>,
    /// The largest.
    pub max: u64,
}

impl Default for Latency {
    fn default() -> Self {
        Self::new()
    }
}

impl Latency {
    /// An empty collection.
    pub fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_NS, SIGNIFICANT_DIGITS)
            .expect("1 ≤ 1, 2 · 1 ≤ one hour and 3 ≤ 5 are all that is asked of the bounds");
        Self { histogram, max_ns: 0, sum_ns: 0 }
    }

    /// Adds one latency; more than an hour counts as an hour.
    pub fn record(&mut self, latency: Duration) {
        self.record_ns(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds one latency in nanoseconds; more than an hour counts as an hour.
    pub fn record_ns(&mut self, latency_ns: u64) {
        let latency_ns = latency_ns.min(LONGEST_NS);
        self.histogram.saturating_record(latency_ns);
        self.max_ns = self.max_ns.max(latency_ns);
        self.sum_ns = self.sum_ns.saturating_add(latency_ns);
    }

    /// Adds all of another collection, e.g. of another thread, round or process.
    pub fn merge(&mut self, other: &Self) {
        self.histogram.add(&other.histogram).expect("all collections have the same bounds");
        self.max_ns = self.max_ns.max(other.max_ns);
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
    }

    /// Number of latencies.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The collection as a histogram, in nanoseconds.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.histogram
    }

    /// The quantile `q` (0..=1) in nanoseconds, rounded up to its bucket but never above the largest latency. `None` if
    /// fewer than ten samples lie beyond it.
    pub fn quantile_ns(&self, q: f64) -> Option<u64> {
        quantile_is_supported(q, self.count()).then(|| self.histogram.value_at_quantile(q).min(self.max_ns))
    }

    /// `None` if nothing was recorded.
    pub fn summary(&self) -> Option<LatencySummary> {
        (self.count() > 0).then(|| LatencySummary {
            count: self.count(),
            mean: self.sum_ns as f64 / self.count() as f64,
            p50: self.quantile_ns(0.5),
            p95: self.quantile_ns(0.95),
            p99: self.quantile_ns(0.99),
            p999: self.quantile_ns(0.999),
            max: self.max_ns,
        })
    }
}

/// How a collection travels between processes: its occupied buckets only, each with its smallest value and its count.
#[derive(Serialize, Deserialize)]
struct Buckets {
    max_ns: u64,
    sum_ns: u64,
    buckets: Vec<(u64, u64)>,
}

impl Serialize for Latency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let occupied = self.histogram.iter_recorded();
        let buckets = occupied
            .map(|bucket| {
                (self.histogram.lowest_equivalent(bucket.value_iterated_to()), bucket.count_at_value())
            })
            .collect();
        Buckets { max_ns: self.max_ns, sum_ns: self.sum_ns, buckets }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Latency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Buckets { max_ns, sum_ns, buckets } = Buckets::deserialize(deserializer)?;
        let mut latency = Self { max_ns, sum_ns, ..Self::new() };
        for (value_ns, count) in buckets {
            latency.histogram.record_n(value_ns, count).map_err(|_| {
                de::Error::custom(format_args!("a latency of {value_ns} ns is above one hour"))
            })?;
        }
        Ok(latency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1, 2, … `n` microseconds.
    fn up_to(n: u64) -> Latency {
        let mut latency = Latency::new();
        (1..=n).for_each(|us| latency.record(Duration::from_micros(us)));
        latency
    }

    fn within_a_thousandth(found: Option<u64>, expected: u64) -> bool {
        found.is_some_and(|ns| (expected..=expected + expected / 1_000 + 1).contains(&ns))
    }

    #[test]
    fn quantiles_are_right_to_three_digits() {
        let summary = up_to(10_000).summary().expect("ten thousand");
        assert_eq!((summary.count, summary.max), (10_000, 10_000_000));
        assert_eq!(summary.mean, 5_000_500.0);
        for (found, expected) in [
            (summary.p50, 5_000_000),
            (summary.p95, 9_500_000),
            (summary.p99, 9_900_000),
            (summary.p999, 9_990_000),
        ] {
            assert!(within_a_thousandth(found, expected), "{found:?} instead of {expected}");
        }
    }

    #[test]
    fn a_quantile_needs_ten_samples_beyond_it() {
        let quantiles = |n| {
            let s = up_to(n).summary().expect("some");
            [s.p50, s.p95, s.p99, s.p999].map(|q| q.is_some())
        };
        assert_eq!(quantiles(19), [false; 4]);
        assert_eq!(quantiles(20), [true, false, false, false]);
        assert_eq!(quantiles(999), [true, true, false, false]);
        assert_eq!(quantiles(9_999), [true, true, true, false]);
        assert_eq!(quantiles(10_000), [true; 4]);
    }

    #[test]
    fn nothing_recorded_is_nothing_measured() {
        assert_eq!(Latency::new().summary(), None);
    }

    #[test]
    fn merging_equals_recording_together() {
        let (mut left, mut right, mut both) = (Latency::new(), Latency::new(), Latency::new());
        for ns in 0..5_000 {
            if ns % 3 == 0 {
                left.record_ns(ns * 977)
            } else {
                right.record_ns(ns * 977)
            }
            both.record_ns(ns * 977);
        }
        left.merge(&right);
        assert_eq!(left, both);
    }

    #[test]
    fn an_hour_is_the_longest() {
        let mut latency = Latency::new();
        latency.record(Duration::from_secs(7_200));
        latency.record(Duration::MAX);
        let summary = latency.summary().expect("two");
        assert_eq!((summary.count, summary.max), (2, LONGEST_NS));
    }

    #[test]
    fn a_collection_survives_the_way_to_another_process() {
        let mut latency = up_to(3_000);
        latency.record_ns(0);
        latency.record_ns(LONGEST_NS);
        let json = serde_json::to_string(&latency).expect("plain numbers");
        assert_eq!(serde_json::from_str::<Latency>(&json).expect("own JSON"), latency);
        let beyond = r#"{"max_ns":0,"sum_ns":0,"buckets":[[9000000000000000,1]]}"#;
        let error = serde_json::from_str::<Latency>(beyond).expect_err("2,500 hours");
        assert!(error.to_string().contains("above one hour"), "{error}");
    }

    #[test]
    fn an_unsupported_quantile_is_absent_in_json() {
        let json = serde_json::to_string(&up_to(1).summary()).expect("plain numbers");
        assert_eq!(json, r#"{"count":1,"mean":1000.0,"max":1000}"#);
    }
}
