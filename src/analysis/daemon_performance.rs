//! The grades of R5.2 for the medium scenario, from the results of `daemon_performance`.

use serde::{Deserialize, Serialize};

use super::findings::Verdict;
use super::grades::{Grade, GradeThresholds};
use crate::experiment::{OpenRun, Role};
use crate::measure::{NotMeasured, Reading};
use crate::results::daemon_performance::{
    ClosedFigure, DaemonPerformance, GRADED_RATE, LatencyFigure, LatencyRatio, SystemLatency,
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

/// Whether the P99 of the one above the line is more or less than that of the other. A difference that is not larger than the load
/// generator was late itself, at its P99, is none: it may be the load generator's.
pub fn p99_verdict(figure: &LatencyFigure, ratio: &LatencyRatio) -> Verdict {
    let run =
        |name: &str| figure.systems.iter().find(|system| system.system == name).map(|system| &system.run);
    let p99 = |run: &OpenRun| run.latency?.p99;
    let late = |run: &OpenRun| run.pacing.lag?.p99;
    let both = run(&ratio.system).zip(run(&ratio.over));
    let beyond = both.and_then(|(a, b)| Some(p99(a)?.abs_diff(p99(b)?) > late(a)?.max(late(b)?)));
    match (&ratio.p99.interval, beyond) {
        (Some(interval), Some(true)) => Verdict::of(ratio.p99.ratio, (interval.low, interval.high)),
        _ => Verdict::NotShown,
    }
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
