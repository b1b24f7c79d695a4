//! The figures of each target, beside those of the same name in another run.

use crucible_tables::thousands;
use serde::de::DeserializeOwned;

use super::{Difference, Estimate};
use crate::experiment::OpenRun;
use crate::report::bottleneck;
use crate::report::comprehensive::counts::{Counts, Kernel};
use crate::report::quantity::{bytes, rate, three_digits, time};
use crate::results::comparison_analysis::{Comparison, ComparisonAnalysis};
use crate::results::daemon_performance::{ClosedFigure, DaemonPerformance, LatencyFigure, Ratio};
use crate::results::load_testing::{LoadFigure, LoadTesting, SystemLoad};
use crate::results::memory_profiling::{MemoryProfiling, UsageFigure};
use crate::results::scalability_testing::{LimitFigure, ScalabilityTesting};
use crate::results::{StoreError, StoredRun};
use crate::stats::{median, median_interval};

/// Of each figure's interval; figures are judged one by one.
const CONFIDENCE: f64 = 0.99;

/// Target by target, if both runs have it.
pub(super) fn compare(found: &mut Difference, old: &StoredRun, new: &StoredRun) -> Result<(), StoreError> {
    if let Some((old, new)) = both::<ComparisonAnalysis>(old, new, "comparison_analysis")? {
        comparisons(found, &old.comparisons, &new.comparisons);
    }
    if let Some((old, new)) = both::<DaemonPerformance>(old, new, "daemon_performance")? {
        closed(found, &old.throughput, &new.throughput);
        closed(found, &old.handler_time, &new.handler_time);
        latency(found, &old.latency, &new.latency);
    }
    if let Some((old, new)) = both::<LoadTesting>(old, new, "load_testing")? {
        loads(found, &old.figures, &new.figures);
    }
    if let Some((old, new)) = both::<ScalabilityTesting>(old, new, "scalability_testing")? {
        limits(found, &old.limits, &new.limits);
    }
    if let Some((old, new)) = both::<MemoryProfiling>(old, new, "memory_profiling")? {
        heap(found, &old.usage, &new.usage);
    }
    if let (Some(old), Some(new)) = (Counts::of(old), Counts::of(new)) {
        counts(found, &old.kernels, &new.kernels);
    }
    Ok(())
}

/// The results of a target in both runs.
fn both<T: DeserializeOwned>(
    old: &StoredRun,
    new: &StoredRun,
    target: &str,
) -> Result<Option<(T, T)>, StoreError> {
    Ok(old.results(target)?.zip(new.results(target)?))
}

/// The entry about the same system.
fn earlier<'f, T>(all: &'f [T], system: &str, name: fn(&T) -> &str) -> Option<&'f T> {
    all.iter().find(|other| name(other) == system)
}

fn comparisons(found: &mut Difference, old: &[Comparison], new: &[Comparison]) {
    for (before, after) in found.pairs(old, new, |comparison| &comparison.name) {
        let name = format!("{}, {} / {}", after.name, after.system.system, after.over.system);
        let of = |comparison: &Comparison| {
            let estimate = &comparison.quartile.estimate;
            (estimate.ratio, estimate.interval)
        };
        found.interval(name, [of(before), of(after)], three_digits);
    }
}

fn closed(found: &mut Difference, old: &[ClosedFigure], new: &[ClosedFigure]) {
    for (before, after) in found.pairs(old, new, |figure| &figure.name) {
        for system in &after.systems {
            let Some(same) = earlier(&before.systems, &system.system, |system| &system.system) else {
                continue;
            };
            let name = format!("{}, {}, events/s", after.name, system.system);
            let values = [same, system]
                .map(|system| (system.events_per_second, median_interval(&system.rounds, CONFIDENCE)));
            found.interval(name, values, rate);
        }
        for ratio in &after.ratios {
            let is_same = |other: &&Ratio| (&other.system, &other.over) == (&ratio.system, &ratio.over);
            let Some(same) = before.ratios.iter().find(is_same) else { continue };
            let name = format!("{}, {} / {}", after.name, ratio.system, ratio.over);
            let values = [same, ratio].map(|ratio| (ratio.estimate.ratio, ratio.estimate.interval));
            found.interval(name, values, three_digits);
        }
    }
}

/// One run of each: quantiles stand side by side, and nothing tells whether their difference is chance. Rates that follow from
/// what a system does differ from run to run, and latencies under them say nothing of each other.
#[allow(clippy::cast_precision_loss)] // far below 2⁵³ ns
fn latency(found: &mut Difference, old: &[LatencyFigure], new: &[LatencyFigure]) {
    let fixed = |all: &[LatencyFigure]| -> Vec<LatencyFigure> {
        all.iter().filter(|figure| figure.percent_of_slower.is_none()).cloned().collect()
    };
    let p99 = |run: &OpenRun| run.pacing.valid().ok().and(run.latency)?.p99;
    for (before, after) in found.pairs(&fixed(old), &fixed(new), |figure| &figure.name) {
        for system in &after.systems {
            let Some(same) = earlier(&before.systems, &system.system, |system| &system.system) else {
                continue;
            };
            let (Some(was), Some(is)) = (p99(&same.run), p99(&system.run)) else { continue };
            let name = format!("{}, {}, P99", after.name, system.system);
            found.interval(name, [was, is].map(|ns| (ns as f64, None)), time);
        }
    }
}

/// A load test has as many P99s as seconds: their median has an interval if there are enough.
fn loads(found: &mut Difference, old: &[LoadFigure], new: &[LoadFigure]) {
    for (before, after) in found.pairs(old, new, |figure| &figure.name) {
        for system in &after.systems {
            let Some(same) = earlier(&before.systems, &system.system, |system| &system.system) else {
                continue;
            };
            let (Some(was), Some(is)) = (p99_of_seconds(same), p99_of_seconds(system)) else { continue };
            found.interval(format!("{}, {}, P99 of a second", after.name, system.system), [was, is], time);
        }
    }
}

#[allow(clippy::cast_precision_loss)] // far below 2⁵³ ns
fn p99_of_seconds(system: &SystemLoad) -> Option<Estimate> {
    system.run.pacing.valid().ok()?;
    let seconds = system.seconds.iter().filter_map(|second| second.response?.p99);
    let all: Vec<f64> = seconds.map(|ns| ns as f64).collect();
    Some((median(&all)?, median_interval(&all, CONFIDENCE)))
}

fn limits(found: &mut Difference, old: &[LimitFigure], new: &[LimitFigure]) {
    for (before, after) in found.pairs(old, new, |figure| &figure.name) {
        for system in &after.systems {
            let Some(same) = earlier(&before.systems, &system.system, |system| &system.system) else {
                continue;
            };
            let name = format!("{}, {}", after.name, system.system);
            let values = [same, system].map(|system| (system.found, system.interval));
            found.interval(format!("{name}, events/s sustained"), values, rate);
            let seen = [same, system].map(|system| system.bottleneck.as_ref()?.value());
            if let [Some(was), Some(is)] = seen {
                let words = [was, is].map(|seen| bottleneck::name(&seen.verdict));
                found.word(format!("{name}, what limits it"), words);
            }
        }
    }
}

fn heap(found: &mut Difference, old: &[UsageFigure], new: &[UsageFigure]) {
    for (before, after) in found.pairs(old, new, |figure| &figure.name) {
        for system in &after.systems {
            let Some(same) = earlier(&before.systems, &system.system, |system| &system.system) else {
                continue;
            };
            let name = format!("{}, {}", after.name, system.system);
            let runs = [&same.run, &system.run];
            if same.run.events == system.run.events {
                let allocated = runs.map(|run| run.spent().bytes.allocated);
                found.exact(format!("{name}, allocated in all"), allocated, bytes);
            }
            found.exact(format!("{name}, heap at the peak"), runs.map(|run| run.after.bytes.peak), bytes);
        }
    }
}

/// What each run counted itself, whatever its baseline was.
fn counts(found: &mut Difference, old: &[Kernel], new: &[Kernel]) {
    for (before, after) in found.pairs(old, new, |kernel| &kernel.kernel) {
        let now = |kernel: &Kernel| kernel.metric("instructions")?.now;
        if let (Some(was), Some(is)) = (now(before), now(after)) {
            found.exact(format!("{}, instructions", after.kernel), [was, is], thousands);
        }
    }
}
