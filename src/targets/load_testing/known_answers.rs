use std::time::Duration;

use super::figure::{Settings, usual};
use crate::experiment::LoadRun;
use crate::load::faults::{Fault, FaultKind};
use crate::load::{Arrivals, EventPattern, LAG_P50_LIMIT, LoadTestConfig, RATE_TOLERANCE};
use crate::results::load_testing::KnownAnswer;
use crate::sut::HandlerWork;

/// A case of which theory knows the answer. They want a machine that does nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// One server with a fixed service time and Poisson arrivals: how long they wait.
    MeanWait,
    /// One server that stands still for half a second.
    Stall,
    /// The pacer alone.
    Pacer,
}

/// Of each event, by the one server.
const SERVICE: Duration = Duration::from_micros(100);

/// At 80 % of what the server can do.
const RATE: u64 = 8_000;

/// The mean wait has to be this close to that of theory.
const WAIT_WITHIN: f64 = 0.10;

/// Begins in the middle.
const STALL: Duration = Duration::from_millis(500);

/// P99 of response time that the stall has to show.
const STALL_P99: Duration = Duration::from_millis(400);

/// P50 of service time may be off by so much.
const SERVICE_WITHIN: f64 = 0.05;

/// What the pacer has to reach on an idle machine, at P50 and P99.
const PACER_LAG: [Duration; 2] = [Duration::from_micros(25), Duration::from_micros(100)];

impl Known {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::MeanWait, Self::Stall, Self::Pacer];

    /// As in `--list`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MeanWait => "mean_wait",
            Self::Stall => "stall",
            Self::Pacer => "pacer",
        }
    }

    /// The test whose figures are compared with theory.
    pub(super) fn load_test(self, settings: &Settings) -> LoadTestConfig {
        let trial = settings.rate < Settings::USUAL.rate;
        let steady = |rate, secs| EventPattern::Steady {
            events_per_second: if trial { settings.rate } else { rate },
            duration_secs: if trial { settings.duration_secs } else { secs },
        };
        let one_server = LoadTestConfig {
            concurrent_services: 1,
            broadcast: true,
            handler: HandlerWork::Spin(SERVICE),
            ..usual(settings)
        };
        match self {
            Self::MeanWait => LoadTestConfig {
                pattern: steady(RATE, 30),
                arrivals: Arrivals::Poisson,
                // Theory knows no time to wake a thread, and nothing but the server on its thread.
                awake: true,
                ..one_server
            },
            Self::Stall => {
                let pattern = steady(5_000, 10);
                let middle = pattern.course().map_or(Duration::ZERO, |course| course.duration() / 2);
                let stall = Fault::new(FaultKind::Stall { lasting: STALL }, 1.0);
                // What is handed over within this time stands still: one batch, since the next comes after the stall.
                let faults = vec![stall.between(middle, middle + STALL / 2)];
                // A publisher of its own waits where the stall fills the mailbox; the pacer may not.
                LoadTestConfig { pattern, faults, threads: settings.threads.max(2), ..one_server }
            }
            Self::Pacer => LoadTestConfig { pattern: steady(2_000, 10), ..usual(settings) },
        }
    }

    /// What was measured, beside what it has to be.
    pub(super) fn answers(self, name: &str, system: &str, run: &LoadRun) -> Vec<KnownAnswer> {
        let row = |what: &str, expected: String, measured: Option<String>, holds: bool| KnownAnswer {
            name: name.to_owned(),
            system: system.to_owned(),
            what: what.to_owned(),
            expected,
            holds: holds && measured.is_some(),
            measured: measured.unwrap_or_else(|| "not measured".to_owned()),
            lost_percent: None,
        };
        let micros = |ns: f64| format!("{:.1} µs", ns / 1e3);
        #[allow(clippy::cast_precision_loss)] // far below 2⁵³
        let nanos = |duration: Duration| duration.as_nanos() as f64;
        #[allow(clippy::cast_precision_loss)]
        let quantile = |ns: Option<u64>| ns.map(|ns| ns as f64);
        match self {
            Self::MeanWait => {
                let (theory, wait) = (mean_wait_ns(RATE, SERVICE), run.mean_wait_ns());
                let expected =
                    format!("{} ± {:.0} %: M/D/1, ρD / 2(1 − ρ)", micros(theory), 100.0 * WAIT_WITHIN);
                let holds = wait.is_some_and(|wait| (wait / theory - 1.0).abs() <= WAIT_WITHIN);
                vec![row("mean wait", expected, wait.map(micros), holds)]
            }
            Self::Stall => {
                let p99 = quantile(run.response.and_then(|response| response.p99));
                let p50 = quantile(run.service.and_then(|service| service.p50));
                let shown = p99.is_some_and(|p99| p99 > nanos(STALL_P99));
                let unchanged = p50.is_some_and(|p50| (p50 / nanos(SERVICE) - 1.0).abs() <= SERVICE_WITHIN);
                vec![
                    row(
                        "P99 of response time",
                        "more than 400 ms".to_owned(),
                        p99.map(|ns| format!("{:.1} ms", ns / 1e6)),
                        shown,
                    ),
                    row(
                        "P50 of service time",
                        "100 µs as without the stall".to_owned(),
                        p50.map(micros),
                        unchanged,
                    ),
                ]
            }
            Self::Pacer => {
                let lag = run.pacing.lag;
                let [p50, p99] = [lag.and_then(|lag| lag.p50), lag.and_then(|lag| lag.p99)].map(quantile);
                let within = |lag: Option<f64>, most: Duration| lag.is_some_and(|lag| lag <= nanos(most));
                let off = run.pacing.achieved_rate.zip(run.pacing.intended_rate);
                let off = off.map(|(achieved, intended)| (achieved / intended - 1.0).abs());
                let at_most = |most: Duration| format!("≤ {}", micros(nanos(most)));
                vec![
                    row("lag P50", at_most(PACER_LAG[0]), p50.map(micros), within(p50, PACER_LAG[0])),
                    row("lag P99", at_most(PACER_LAG[1]), p99.map(micros), within(p99, PACER_LAG[1])),
                    row(
                        "rate off by",
                        format!("≤ {:.1} %", 100.0 * RATE_TOLERANCE),
                        off.map(|off| format!("{:.4} %", 100.0 * off)),
                        off.is_some_and(|off| off <= RATE_TOLERANCE),
                    ),
                ]
            }
        }
    }
}

/// Of one server with Poisson arrivals and a fixed service time (Pollaczek and Khinchine).
fn mean_wait_ns(rate: u64, service: Duration) -> f64 {
    #[allow(clippy::cast_precision_loss)] // thousands
    let utilization = rate as f64 * service.as_secs_f64();
    utilization * service.as_secs_f64() * 1e9 / (2.0 * (1.0 - utilization))
}

// A pacer that is good enough here is good enough for every run.
const _: () = assert!(PACER_LAG[0].as_nanos() < LAG_P50_LIMIT.as_nanos());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn theory_says_200_microseconds() {
        assert!((mean_wait_ns(RATE, SERVICE) - 200e3).abs() < 1e-6);
        assert!((mean_wait_ns(5_000, SERVICE) - 50e3).abs() < 1e-6);
    }

    #[test]
    fn the_stall_is_one_batch_in_the_middle() {
        let config = Known::Stall.load_test(&Settings::USUAL);
        let secs = Duration::from_secs_f64;
        let failing = config.failing(config.course().expect("a course").duration());
        assert_eq!(failing, Some((secs(5.0), Some(secs(5.25)))));
        assert!(failing.and_then(|(_, until)| until) < Some(secs(5.0) + STALL));
    }
}
