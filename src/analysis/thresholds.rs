//! Whether a load test holds what was asked of it.

use crate::experiment::LoadRun;
use crate::load::{Metric, Statistic, Threshold};
use crate::measure::{LatencySummary, Reading};
use crate::results::load_testing::{Judged, Outcome};

/// Each threshold held against the run. Of a run whose load was not the one that was asked for nothing is said.
pub fn judge(thresholds: &[Threshold], run: &LoadRun) -> Vec<Judged> {
    let outcome = |threshold: &Threshold| match figure(threshold.metric, run) {
        _ if run.pacing.valid().is_err() => Outcome::Invalid,
        Err(why) => Outcome::NotMeasured(why),
        Ok(figure) if threshold.holds(figure) => Outcome::Held(figure),
        Ok(figure) => Outcome::Crossed(figure),
    };
    thresholds.iter().map(|&threshold| Judged { threshold, outcome: outcome(&threshold) }).collect()
}

/// The figure that a metric names, or why there is none.
#[allow(clippy::cast_precision_loss)] // times and sizes far below 2⁵³
fn figure(metric: Metric, run: &LoadRun) -> Result<f64, String> {
    let reading = |reading: &Reading<u64>| match reading {
        Reading::Value(value) => Ok(*value as f64),
        Reading::Absent { not_measured } => Err(not_measured.clone()),
    };
    match metric {
        Metric::Response(statistic) => latency(statistic, run.response),
        Metric::Service(statistic) => latency(statistic, run.service),
        Metric::ErrorRate => Ok(run.error_percent()),
        Metric::Throughput => Ok(run.throughput()),
        Metric::Rate => {
            run.pacing.achieved_rate.ok_or_else(|| "fewer than two events were offered".to_owned())
        }
        Metric::Backlog => Ok(run.backlog.most as f64),
        Metric::Recovery => match &run.failures {
            Some(failures) => reading(&failures.recovery.latency_ns),
            None => Err("nothing failed on purpose".to_owned()),
        },
        Metric::Memory => reading(&run.peak_memory),
        Metric::Cpu => {
            run.cpu_percent.value().copied().ok_or_else(|| run.cpu_percent.why().unwrap_or("").to_owned())
        }
    }
}

#[allow(clippy::cast_precision_loss)] // an hour is far below 2⁵³ ns
fn latency(statistic: Statistic, summary: Option<LatencySummary>) -> Result<f64, String> {
    let summary = summary.ok_or("nothing was delivered")?;
    let quantile = match statistic {
        Statistic::Mean => return Ok(summary.mean),
        Statistic::Max => Some(summary.max),
        Statistic::P50 => summary.p50,
        Statistic::P95 => summary.p95,
        Statistic::P99 => summary.p99,
        Statistic::P999 => summary.p999,
    };
    let few = || format!("fewer than ten of {} deliveries lie beyond it; test for longer", summary.count);
    quantile.map(|ns| ns as f64).ok_or_else(few)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{InvalidLoad, Pacing};
    use crucible_events::routing::Ledger;

    fn run() -> LoadRun {
        let latency = |us: u64| LatencySummary {
            count: 5_000,
            mean: 1e3 * us as f64,
            p50: Some(us * 1_000),
            p95: Some(us * 2_000),
            p99: Some(us * 3_000),
            p999: None,
            max: us * 9_000,
        };
        LoadRun {
            pacing: Pacing {
                offered: 2_500,
                intended_rate: Some(500.0),
                achieved_rate: Some(499.9),
                lag: None,
                invalid: None,
            },
            elapsed_ns: 5_000_000_000,
            ledger: Ledger { accepted: 5_010, acknowledged: 5_000, dead_lettered: 10, ..Ledger::default() },
            turned_away: 40,
            response: Some(latency(100)),
            service: Some(latency(20)),
            backlog: crate::experiment::Backlog { most: 77, ..Default::default() },
            waiting: Default::default(),
            cpu_percent: Reading::Value(12.5),
            peak_memory: Reading::absent("no /proc here"),
            failures: None,
        }
    }

    fn judged(threshold: &str, run: &LoadRun) -> Outcome {
        judge(&[threshold.parse().expect(threshold)], run)[0].outcome.clone()
    }

    #[test]
    fn each_metric_is_its_own_figure() {
        let run = run();
        for (metric, figure) in [
            ("mean", 100e3),
            ("p50", 100e3),
            ("p95", 200e3),
            ("p99", 300e3),
            ("max", 900e3),
            ("service_mean", 20e3),
            ("service_p99", 60e3),
            ("throughput", 1_000.0),
            ("rate", 499.9),
            ("backlog", 77.0),
            ("cpu", 12.5),
        ] {
            let unit = match metric {
                "throughput" | "rate" | "backlog" => "",
                "cpu" => "%",
                _ => "ns",
            };
            assert_eq!(judged(&format!("{metric}<={figure}{unit}"), &run), Outcome::Held(figure), "{metric}");
            assert_eq!(
                judged(&format!("{metric}<{figure}{unit}"), &run),
                Outcome::Crossed(figure),
                "{metric}"
            );
        }
        let lost = 100.0 * 50.0 / 5_050.0;
        assert_eq!(judged("error_rate<1%", &run), Outcome::Held(lost));
        assert_eq!(judged("error_rate<0.9%", &run), Outcome::Crossed(lost));
    }

    #[test]
    fn what_was_not_measured_has_not_held() {
        let why = |threshold| match judged(threshold, &run()) {
            Outcome::NotMeasured(why) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(why("p999<1s"), "fewer than ten of 5000 deliveries lie beyond it; test for longer");
        assert_eq!(why("memory<1GB"), "no /proc here");
        assert_eq!(why("recovery<1s"), "nothing failed on purpose");
    }

    #[test]
    fn nothing_is_said_of_an_invalid_run() {
        let mut run = run();
        run.pacing.invalid = Some(InvalidLoad::Lag { p50_ns: 200_000 });
        assert_eq!(judged("p99<1s", &run), Outcome::Invalid);
        assert_eq!(judged("p99<1ns", &run), Outcome::Invalid);
    }
}
