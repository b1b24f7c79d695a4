//! Whether the load was offered as it was intended; if not, nothing measured under it counts.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::measure::{Latency, LatencySummary};

/// The rate may be off by 0.1 %: a tenth of the smallest effect that is judged.
pub const RATE_TOLERANCE: f64 = 0.001;

/// More than this late at P50 is a machine that is too busy: twice what it takes to wake an idle virtual core.
pub const LAG_P50_LIMIT: Duration = Duration::from_micros(100);

/// What the pacer did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pacing {
    /// Events sent.
    pub offered: u64,
    /// Events/s that the schedule asked for, over the events sent; absent below two events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intended_rate: Option<f64>,
    /// Events/s from the first to the last actual sending; absent below two events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub achieved_rate: Option<f64>,
    /// Actual less intended time of sending, ns; absent if nothing was sent. The floor under every latency, quantile by quantile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<LatencySummary>,
    /// Why latencies of this run must not be used; absent if they may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid: Option<InvalidLoad>,
}

/// Why a load was not the one that was intended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum InvalidLoad {
    /// Interrupted.
    #[error("the pacer was stopped after {offered} events")]
    Stopped {
        /// Events sent until then.
        offered: u64,
    },
    /// Neither rate nor lag can be judged.
    #[error("{offered} events are too few to judge the pacer; offer at least 20")]
    TooFew {
        /// Events sent.
        offered: u64,
    },
    /// More than [`RATE_TOLERANCE`] off.
    #[error(
        "the pacer offered {achieved:.1} events/s instead of {intended:.1}; offer less or make the machine quieter"
    )]
    Rate {
        /// Events/s that were asked for.
        intended: f64,
        /// Events/s that were sent.
        achieved: f64,
    },
    /// More than [`LAG_P50_LIMIT`] late.
    #[error("the pacer was {p50_ns} ns late at P50, {limit_ns} ns are allowed; make the machine quieter", limit_ns = LAG_P50_LIMIT.as_nanos())]
    Lag {
        /// Median lag.
        p50_ns: u64,
    },
}

impl Pacing {
    /// `Ok` if latencies under this load may be used.
    pub fn valid(&self) -> Result<(), InvalidLoad> {
        self.invalid.clone().map_or(Ok(()), Err)
    }
}

/// Intended and actual times of the events sent so far.
#[derive(Debug, Default)]
pub(super) struct Record {
    lag: Latency,
    first: Option<Sending>,
    last: Option<Sending>,
}

#[derive(Debug, Clone, Copy)]
struct Sending {
    intended: Instant,
    actual: Instant,
}

impl Record {
    pub(super) fn sent(&mut self, intended: Instant, actual: Instant) {
        let sending = Sending { intended, actual };
        self.lag.record(actual.saturating_duration_since(intended));
        self.first.get_or_insert(sending);
        self.last = Some(sending);
    }

    pub(super) fn pacing(&self, stopped: bool) -> Pacing {
        let mut pacing = Pacing {
            offered: self.lag.count(),
            intended_rate: self.rate(|sending| sending.intended),
            achieved_rate: self.rate(|sending| sending.actual),
            lag: self.lag.summary(),
            invalid: None,
        };
        pacing.invalid = fault(&pacing, stopped);
        pacing
    }

    /// Events/s by one of the two times: distances between n events are n − 1.
    fn rate(&self, time: impl Fn(&Sending) -> Instant) -> Option<f64> {
        let (first, last) = (self.first.as_ref()?, self.last.as_ref()?);
        let seconds = time(last).saturating_duration_since(time(first)).as_secs_f64();
        (seconds > 0.0).then(|| (self.lag.count() - 1) as f64 / seconds)
    }
}

fn fault(pacing: &Pacing, stopped: bool) -> Option<InvalidLoad> {
    let offered = pacing.offered;
    if stopped {
        return Some(InvalidLoad::Stopped { offered });
    }
    let p50 = pacing.lag.and_then(|lag| lag.p50);
    let (Some(intended), Some(achieved), Some(p50_ns)) = (pacing.intended_rate, pacing.achieved_rate, p50)
    else {
        return Some(InvalidLoad::TooFew { offered });
    };
    if (achieved / intended - 1.0).abs() > RATE_TOLERANCE {
        return Some(InvalidLoad::Rate { intended, achieved });
    }
    (u128::from(p50_ns) > LAG_P50_LIMIT.as_nanos()).then_some(InvalidLoad::Lag { p50_ns })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1,000 events, 1 ms apart, each late by what `lag_us` says.
    fn paced(lag_us: impl Fn(u64) -> u64) -> Pacing {
        let begin = Instant::now();
        let mut record = Record::default();
        for index in 0..1_000 {
            let intended = begin + Duration::from_millis(index);
            record.sent(intended, intended + Duration::from_micros(lag_us(index)));
        }
        record.pacing(false)
    }

    #[test]
    fn a_punctual_pacer_is_valid() {
        let pacing = paced(|_| 50);
        assert_eq!(pacing.valid(), Ok(()));
        assert!((pacing.achieved_rate.expect("1,000 events") - 1_000.0).abs() < 1e-6);
        assert_eq!(pacing.lag.expect("1,000 events").max, 50_000);
    }

    #[test]
    fn a_median_lag_of_a_tenth_of_a_millisecond_is_the_limit() {
        assert_eq!(paced(|_| 100).valid(), Ok(()));
        assert_eq!(paced(|_| 101).valid(), Err(InvalidLoad::Lag { p50_ns: 101_000 }));
        // Late now and then is not invalid: the lag's P99 is printed for that.
        assert_eq!(paced(|index| if index % 10 == 5 { 5_000 } else { 10 }).valid(), Ok(()));
    }

    #[test]
    fn a_rate_off_by_more_than_a_thousandth_is_invalid() {
        // Falling behind by so many microseconds an event is being slow by as many thousandths.
        assert_eq!(paced(|index| index * 9 / 100).invalid, None);
        let slow = paced(|index| index * 11 / 10);
        assert!(matches!(slow.invalid, Some(InvalidLoad::Rate { .. })), "{slow:?}");
    }

    #[test]
    fn an_interrupted_run_is_invalid() {
        let mut record = Record::default();
        let begin = Instant::now();
        record.sent(begin, begin);
        assert_eq!(record.pacing(true).invalid, Some(InvalidLoad::Stopped { offered: 1 }));
        assert_eq!(record.pacing(false).invalid, Some(InvalidLoad::TooFew { offered: 1 }));
        assert_eq!(Record::default().pacing(false).lag, None);
    }

    #[test]
    fn faults_say_what_to_do() {
        let lag = InvalidLoad::Lag { p50_ns: 250_000 }.to_string();
        assert_eq!(
            lag,
            "the pacer was 250000 ns late at P50, 100000 ns are allowed; make the machine quieter"
        );
    }
}
