//! The grades of R5.2 for the medium scenario, from the results of `daemon_performance`.

use serde::{Deserialize, Serialize};

use super::findings::Verdict;
use super::grades::{Grade, GradeThresholds};
use crate::experiment::Role;
use crate::measure::{NotMeasured, Reading};
use crate::results::daemon_performance::{
    ClosedFigure, DaemonPerformance, GRADED_RATE, LatencyFigure, LatencyRatio, LatencyRound, SystemLatency,
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

/// How the P99 of the system above the line stands to that of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum P99Verdict {
    /// It is done sooner.
    Lower,
    /// Later.
    Higher,
    /// One of these, but by no more than the load generator was late itself: it may be the load generator's.
    WithinLag,
    /// The interval contains 1, or the effect does not matter.
    NotShown,
}

/// Judges a ratio of a figure. The difference that has to be larger than the pacer's lag is that of both systems' typical rounds, and
/// the lag the larger one of theirs.
pub fn p99_verdict(figure: &LatencyFigure, ratio: &LatencyRatio) -> P99Verdict {
    let shown =
        ratio.p99.interval.map(|interval| Verdict::of(ratio.p99.ratio, (interval.low, interval.high)));
    let Some(shown @ (Verdict::More | Verdict::Less)) = shown else { return P99Verdict::NotShown };
    let of = |name: &str| {
        let system = figure.systems.iter().find(|system| system.system == name)?;
        Some((typical(&system.rounds, |round| round.latency.p99)?, lag(system)?))
    };
    match of(&ratio.system).zip(of(&ratio.over)) {
        Some(((p99, lag), (over, lag_over))) if p99.abs_diff(over) > lag.max(lag_over) => match shown {
            Verdict::More if p99 > over => P99Verdict::Higher,
            Verdict::Less if p99 < over => P99Verdict::Lower,
            _ => P99Verdict::NotShown,
        },
        _ => P99Verdict::WithinLag,
    }
}

/// P99 of the pacer's lag in a system's typical round, ns.
pub fn lag(system: &SystemLatency) -> Option<u64> {
    typical(&system.rounds, |round| round.lag_p99)
}

/// The median over rounds; of an even number the lower of the two.
fn typical(rounds: &[LatencyRound], of: fn(&LatencyRound) -> Option<u64>) -> Option<u64> {
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
    use crate::stats::Interval;

    /// CrucibleCore over DataCoordinator, with these medians and lags in ms.
    fn verdict(
        [core, coordinator, lag, lag_over]: [u64; 4],
        (ratio, low, high): (f64, f64, f64),
    ) -> P99Verdict {
        let stored = documents()[0]["results"]["latency"][4].clone();
        let mut figure: LatencyFigure = serde_json::from_value(stored).expect("a figure of the fixture");
        for (system, (p99, lag)) in figure.systems.iter_mut().zip([(coordinator, lag_over), (core, lag)]) {
            let round = &mut system.rounds[0];
            (round.latency.p99, round.lag_p99) = (Some(1_000_000 * p99), Some(1_000_000 * lag));
        }
        figure.ratios[0].p99.ratio = ratio;
        figure.ratios[0].p99.interval = Some(Interval { low, high, confidence: 0.99 });
        p99_verdict(&figure, &figure.ratios[0])
    }

    #[test]
    fn a_p99_is_lower_or_higher_only_beyond_what_the_load_generator_was_late() {
        let (lower, higher) = ((0.5, 0.4, 0.6), (2.0, 1.7, 2.5));
        assert_eq!(verdict([5, 10, 1, 1], lower), P99Verdict::Lower);
        assert_eq!(verdict([10, 5, 1, 1], higher), P99Verdict::Higher);
        assert_eq!(verdict([5, 10, 1, 5], lower), P99Verdict::WithinLag, "the later one of both counts");
        assert_eq!(verdict([10, 5, 6, 1], higher), P99Verdict::WithinLag);
        assert_eq!(verdict([5, 10, 1, 1], (0.8, 0.5, 1.1)), P99Verdict::NotShown);
        assert_eq!(verdict([5, 10, 1, 1], (0.995, 0.991, 0.999)), P99Verdict::NotShown, "it does not matter");
        assert_eq!(verdict([10, 5, 1, 1], lower), P99Verdict::NotShown, "the medians say the opposite");
    }
}
