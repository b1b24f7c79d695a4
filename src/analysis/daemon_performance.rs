//! The grades of R5.2 for the medium scenario, from the results of `daemon_performance`.

use serde::{Deserialize, Serialize};

use super::findings::Verdict;
use super::grades::{Grade, GradeThresholds};
use crate::experiment::Role;
use crate::measure::{NotMeasured, Reading};
use crate::results::daemon_performance::{
    ClosedFigure, DaemonPerformance, GRADED_RATE, LatencyFigure, LatencyRatio, LatencyRound, Quantile,
    SystemLatency,
};
use crate::sut::Publishing;

/// The scenario that is graded.
const GRADED: &str = "medium";

/// A figure and what it is worth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Graded<T> {
    /// The figure.
    pub figure: T,
    /// Its grade.
    pub grade: Grade,
}

/// The grades of one system, on one thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SystemGrades {
    /// Name in the lineup.
    pub system: String,
    /// Events/s, closed loop, in batches.
    pub throughput: Reading<Graded<f64>>,
    /// Mean latency at 1,000 events/s offered, ns.
    pub mean_latency_ns: Reading<Graded<f64>>,
    /// Most memory, closed loop, bytes.
    pub memory: Reading<Graded<u64>>,
    /// CPU at 1,000 events/s offered, per cent of one core.
    pub cpu_percent: Reading<Graded<f64>>,
}

/// Grades each system that is no reference.
pub fn grades(results: &DaemonPerformance, thresholds: &GradeThresholds) -> Vec<SystemGrades> {
    let closed = results.throughput.iter().find(|figure| {
        figure.scenario.name == GRADED && figure.threads.0 == 1 && figure.publishing == Publishing::Batch
    });
    let open = results.latency.iter().find(|figure| {
        figure.scenario.name == GRADED && figure.threads.0 == 1 && figure.events_per_second == GRADED_RATE
    });
    systems(closed, open).into_iter().map(|system| grade(system, closed, open, thresholds)).collect()
}

/// How a quantile of the system above the line stands to that of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatencyVerdict {
    /// It is done sooner.
    Lower,
    /// Later.
    Higher,
    /// One of these, but by no more than the load generator was late itself: it may be the load generator's.
    WithinLag,
    /// All of the interval lies within what does not matter.
    Same,
    /// None of these.
    NotShown,
}

/// Judges a ratio of a figure. The difference that has to be larger than the pacer's lag is that of both systems' typical rounds, and
/// the lag the larger one of theirs, at the same quantile.
pub fn latency_verdict(figure: &LatencyFigure, ratio: &LatencyRatio, quantile: Quantile) -> LatencyVerdict {
    let shown = quantile.of_ratio(ratio).and_then(|estimate| {
        let interval = estimate.interval?;
        Some(Verdict::of(estimate.ratio, (interval.low, interval.high)))
    });
    let shown = match shown {
        Some(shown @ (Verdict::More | Verdict::Less)) => shown,
        Some(Verdict::Same) => return LatencyVerdict::Same,
        Some(Verdict::NotShown) | None => return LatencyVerdict::NotShown,
    };
    let of = |name: &str| {
        let system = figure.systems.iter().find(|system| system.system == name)?;
        Some((typical(&system.rounds, |round| quantile.of(&round.latency))?, lag(system, quantile)?))
    };
    match of(&ratio.system).zip(of(&ratio.over)) {
        Some(((ns, lag), (over, lag_over))) if ns.abs_diff(over) > lag.max(lag_over) => match shown {
            Verdict::More if ns > over => LatencyVerdict::Higher,
            Verdict::Less if ns < over => LatencyVerdict::Lower,
            _ => LatencyVerdict::NotShown,
        },
        Some(_) => LatencyVerdict::WithinLag,
        None => LatencyVerdict::NotShown,
    }
}

/// This quantile of the pacer's lag in a system's typical round, ns; of too few events for it the most.
pub fn lag(system: &SystemLatency, quantile: Quantile) -> Option<u64> {
    typical(&system.rounds, |round| Some(quantile.of(round.lag.as_ref()?).unwrap_or(round.lag?.max)))
}

/// The median over rounds; of an even number the lower of the two.
fn typical(rounds: &[LatencyRound], of: impl Fn(&LatencyRound) -> Option<u64>) -> Option<u64> {
    let mut all = rounds.iter().map(of).collect::<Option<Vec<u64>>>()?;
    all.sort_unstable();
    all.get(all.len().checked_sub(1)? / 2).copied()
}

fn systems(closed: Option<&ClosedFigure>, open: Option<&LatencyFigure>) -> Vec<String> {
    let closed = closed.into_iter().flat_map(|figure| &figure.systems).map(|s| (&s.system, s.role));
    let open = open.into_iter().flat_map(|figure| &figure.systems).map(|s| (&s.system, s.role));
    let mut names = Vec::new();
    for (name, role) in closed.chain(open) {
        if !matches!(role, Role::Reference(_)) && !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

fn grade(
    system: String,
    closed: Option<&ClosedFigure>,
    open: Option<&LatencyFigure>,
    thresholds: &GradeThresholds,
) -> SystemGrades {
    let closed = closed.and_then(|figure| figure.systems.iter().find(|s| s.system == system));
    let open = valid_run(open, &system);
    let not_taken = || NotMeasured::new(GRADED, "its throughput on one thread was not taken");
    let throughput = closed
        .ok_or_else(not_taken)
        .map(|s| Graded { figure: s.events_per_second, grade: thresholds.throughput(s.events_per_second) });
    let memory = closed.map_or_else(|| Reading::from(Err(not_taken())), |s| s.peak_memory.clone());
    let latency = open.clone().and_then(|s| {
        let summary = s.run.latency.ok_or_else(|| NotMeasured::new(GRADED, "nothing was delivered"))?;
        Ok(Graded { figure: summary.mean, grade: thresholds.mean_latency(summary.mean) })
    });
    let cpu = match open {
        Ok(open) => open.run.cpu_percent.clone(),
        Err(why) => Reading::from(Err(why)),
    };
    SystemGrades {
        system,
        throughput: throughput.into(),
        mean_latency_ns: latency.into(),
        memory: graded(memory, |&bytes| thresholds.memory(bytes)),
        cpu_percent: graded(cpu, |&percent| thresholds.cpu(percent)),
    }
}

/// The run at the graded rate, if its load was the one that was asked for.
fn valid_run<'r>(open: Option<&'r LatencyFigure>, system: &str) -> Result<&'r SystemLatency, NotMeasured> {
    let found = open.and_then(|figure| figure.systems.iter().find(|s| s.system == system));
    let found = found.ok_or_else(|| NotMeasured::new(GRADED, "its latency on one thread was not taken"))?;
    match found.run.pacing.valid() {
        Ok(()) => Ok(found),
        Err(why) => Err(NotMeasured::new(GRADED, why)),
    }
}

fn graded<T: Copy>(reading: Reading<T>, grade: impl Fn(&T) -> Grade) -> Reading<Graded<T>> {
    match reading {
        Reading::Value(figure) => Reading::Value(Graded { figure, grade: grade(&figure) }),
        Reading::Absent { not_measured } => Reading::absent(not_measured),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::findings::fixture::documents;
    use crate::measure::LatencySummary;
    use crate::stats::{Interval, RatioEstimate};

    /// CrucibleCore over DataCoordinator, with these latencies and lags in ms, by each quantile.
    fn verdict([core, coordinator, lag, lag_over]: [u64; 4], expected: (f64, f64, f64)) -> LatencyVerdict {
        let stored = documents()[0]["results"]["latency"][4].clone();
        let stored: LatencyFigure = serde_json::from_value(stored).expect("a figure of the fixture");
        let (ratio, low, high) = expected;
        let interval = Some(Interval { low, high, confidence: 0.99 });
        let [p50, p95, p99] = Quantile::ALL.map(|quantile| {
            let mut figure = stored.clone();
            for (system, (ms, lag)) in figure.systems.iter_mut().zip([(coordinator, lag_over), (core, lag)]) {
                let round = &mut system.rounds[0];
                *of(quantile, &mut round.latency) = Some(1_000_000 * ms);
                *of(quantile, round.lag.as_mut().expect("of each round")) = Some(1_000_000 * lag);
            }
            let estimate = RatioEstimate { ratio, interval, ..stored.ratios[0].p99 };
            match quantile {
                Quantile::P50 => figure.ratios[0].p50 = estimate,
                Quantile::P95 => figure.ratios[0].p95 = Some(estimate),
                Quantile::P99 => figure.ratios[0].p99 = estimate,
            }
            latency_verdict(&figure, &figure.ratios[0], quantile)
        });
        assert_eq!((p50, p95), (p99, p99), "each by its own figures alone");
        p99
    }

    #[test]
    fn of_too_few_events_for_a_quantile_the_lag_is_the_most() {
        let stored = documents()[0]["results"]["latency"][4].clone();
        let figure: LatencyFigure = serde_json::from_value(stored).expect("a figure of the fixture");
        let mut system = figure.systems[0].clone();
        let summary = system.rounds[0].lag.as_mut().expect("of each round");
        (summary.p99, summary.max) = (None, 77);
        assert_eq!(lag(&system, Quantile::P99), Some(77));
        system.rounds[0].lag = None;
        assert_eq!(lag(&system, Quantile::P99), None, "a file of before");
    }

    fn of(quantile: Quantile, latency: &mut LatencySummary) -> &mut Option<u64> {
        match quantile {
            Quantile::P50 => &mut latency.p50,
            Quantile::P95 => &mut latency.p95,
            Quantile::P99 => &mut latency.p99,
        }
    }

    #[test]
    fn a_quantile_is_lower_or_higher_only_beyond_what_the_load_generator_was_late() {
        use LatencyVerdict::{Higher, Lower, NotShown, Same, WithinLag};
        let (lower, higher) = ((0.5, 0.4, 0.6), (2.0, 1.7, 2.5));
        assert_eq!(verdict([5, 10, 1, 1], lower), Lower);
        assert_eq!(verdict([10, 5, 1, 1], higher), Higher);
        assert_eq!(verdict([5, 10, 1, 5], lower), WithinLag, "the later one of both counts");
        assert_eq!(verdict([10, 5, 6, 1], higher), WithinLag);
        assert_eq!(verdict([5, 10, 1, 1], (0.8, 0.5, 1.1)), NotShown);
        assert_eq!(verdict([5, 10, 1, 1], (0.995, 0.991, 0.999)), Same, "it does not matter");
        assert_eq!(verdict([10, 5, 1, 1], lower), NotShown, "the medians say the opposite");
    }
}
