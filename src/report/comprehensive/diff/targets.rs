//! The figures of each target, beside those of the same name in another run.

use crucible_tables::thousands;
use serde::de::DeserializeOwned;

use super::Difference;
use crate::experiment::{LoadRun, OpenRun};
use crate::report::bottleneck;
use crate::report::comprehensive::counts::{Counts, Kernel};
use crate::report::quantity::{bytes, rate, three_digits, time, times};
use crate::results::comparison_analysis::{Comparison, ComparisonAnalysis};
use crate::results::daemon_performance::{
    ClosedFigure, DaemonPerformance, LatencyFigure, LatencyRatio, Quantile, Ratio, SystemLatency,
    SystemThroughput,
};
use crate::results::load_testing::{LoadFigure, LoadTesting, SystemLoad};
use crate::results::memory_profiling::{LeakFigure, MemoryProfiling, PressureFigure, SystemUsage, Verdict};
use crate::results::scalability_testing::{LimitFigure, ScalabilityTesting, SystemLimit};
use crate::results::{StoreError, StoredRun};
use crate::stats::median_interval;

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
        heap(found, &old, &new);
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

fn comparisons(found: &mut Difference, old: &[Comparison], new: &[Comparison]) {
    for (before, after) in found.pairs(old, new, |comparison| comparison.name.clone()) {
        let name = format!("{}, {} / {}", after.name, after.system.system, after.over.system);
        let of = |comparison: &Comparison| {
            let estimate = &comparison.quartile.estimate;
            (estimate.ratio, estimate.interval)
        };
        found.interval(name, [of(before), of(after)], three_digits);
    }
}

fn closed(found: &mut Difference, old: &[ClosedFigure], new: &[ClosedFigure]) {
    for (before, after) in found.pairs(old, new, |figure| figure.name.clone()) {
        let of_system = |system: &SystemThroughput| format!("{}, {}, events/s", after.name, system.system);
        for (was, is) in found.pairs(&before.systems, &after.systems, of_system) {
            let values =
                [was, is].map(|one| (one.events_per_second, median_interval(&one.rounds, CONFIDENCE)));
            found.interval(of_system(is), values, rate);
        }
        let of_ratio = |ratio: &Ratio| format!("{}, {} / {}", after.name, ratio.system, ratio.over);
        for (was, is) in found.pairs(&before.ratios, &after.ratios, of_ratio) {
            let values = [was, is].map(|ratio| (ratio.estimate.ratio, ratio.estimate.interval));
            found.interval(of_ratio(is), values, three_digits);
        }
    }
}

/// What moves latencies from hour to hour is not in the rounds of one run, nor in a single run: quantiles stand side by side, and
/// ratios, whose systems had the same hour, are compared. Rates that follow from what a system does differ from run to run, and
/// latencies under them say nothing of each other.
#[allow(clippy::cast_precision_loss)] // far below 2⁵³ ns
fn latency(found: &mut Difference, old: &[LatencyFigure], new: &[LatencyFigure]) {
    let fixed = |all: &[LatencyFigure]| -> Vec<LatencyFigure> {
        all.iter().filter(|figure| figure.percent_of_slower.is_none()).cloned().collect()
    };
    let load = |figure: &LatencyFigure| {
        let speed = figure.speed.map(|speed| format!(", {speed}")).unwrap_or_default();
        format!("{} at {}/s{speed}, {}", figure.name, figure.events_per_second, figure.threads)
    };
    let p99 = |run: &OpenRun| run.pacing.valid().ok().and(run.latency)?.p99;
    for (before, after) in found.pairs(&fixed(old), &fixed(new), load) {
        let of_system = |system: &SystemLatency| format!("{}, {}, P99", load(after), system.system);
        for (was, is) in found.pairs(&before.systems, &after.systems, of_system) {
            let values = [&was.run, &is.run].map(|run| p99(run).map(|ns| (ns as f64, None)));
            found.interval_of_both(of_system(is), values, time);
        }
        let pair = |ratio: &LatencyRatio| format!("{} / {}", ratio.system, ratio.over);
        for (was, is) in
            found.pairs(&before.ratios, &after.ratios, |ratio| format!("{}, {}", load(after), pair(ratio)))
        {
            for quantile in Quantile::ALL {
                let name = format!("{}, {}, {}", load(after), quantile.name(), pair(is));
                match [was, is].map(|ratio| quantile.of_ratio(ratio)) {
                    [Some(was), Some(is)] => {
                        let values = [was, is].map(|estimate| (estimate.ratio, estimate.interval));
                        found.interval(name, values, times);
                    }
                    [None, None] => {}
                    _ => found.unmatched.push(format!("{name}: only in one run")),
                }
            }
        }
    }
}

/// One run of each. What differs from run to run is not in the seconds of one.
#[allow(clippy::cast_precision_loss)] // far below 2⁵³ ns
fn loads(found: &mut Difference, old: &[LoadFigure], new: &[LoadFigure]) {
    for (before, after) in found.pairs(old, new, |figure| figure.name.clone()) {
        if before.config != after.config {
            found.unmatched.push(format!("{}: another load in each run", after.name));
            continue;
        }
        let p99 = |run: &LoadRun| run.pacing.valid().ok().and(run.response)?.p99;
        let of_system = |system: &SystemLoad| format!("{}, {}, P99", after.name, system.system);
        for (was, is) in found.pairs(&before.systems, &after.systems, of_system) {
            let values = [&was.run, &is.run].map(|run| p99(run).map(|ns| (ns as f64, None)));
            found.interval_of_both(of_system(is), values, time);
        }
    }
}

fn limits(found: &mut Difference, old: &[LimitFigure], new: &[LimitFigure]) {
    let load = |figure: &LimitFigure| format!("{}, {}", figure.name, figure.threads);
    for (before, after) in found.pairs(old, new, load) {
        let of_system = |system: &SystemLimit| format!("{}, {}", load(after), system.system);
        for (was, is) in found.pairs(&before.systems, &after.systems, of_system) {
            let values = [was, is].map(|system| (system.found, system.interval));
            found.interval(format!("{}, events/s for a short time", of_system(is)), values, rate);
            let seen = [was, is].map(|system| system.bottleneck.as_ref()?.value());
            if let [Some(was), Some(now)] = seen {
                let words = [was, now].map(|seen| bottleneck::name(&seen.verdict));
                found.word(format!("{}, what limits it", of_system(is)), words);
            }
        }
    }
}

fn heap(found: &mut Difference, old: &MemoryProfiling, new: &MemoryProfiling) {
    for (before, after) in found.pairs(&old.usage, &new.usage, |figure| figure.name.clone()) {
        let of_system = |system: &SystemUsage| format!("{}, {}", after.name, system.system);
        for (was, is) in found.pairs(&before.systems, &after.systems, of_system) {
            let runs = [&was.run, &is.run];
            if was.run.events == is.run.events {
                let allocated = runs.map(|run| run.spent().bytes.allocated);
                found.exact(format!("{}, allocated in all", of_system(is)), allocated, bytes);
            }
            let peaks = runs.map(|run| run.after.bytes.peak);
            found.exact(format!("{}, heap at the peak", of_system(is)), peaks, bytes);
        }
    }
    let of_leak = |leak: &LeakFigure| format!("{}, {}", leak.name, leak.system);
    for (was, is) in found.pairs(&old.leaks, &new.leaks, of_leak) {
        found.word(of_leak(is), [was, is].map(|leak| leak_verdict(&leak.verdict).to_owned()));
    }
    let of_pressure =
        |figure: &PressureFigure| format!("{}, {}, {:?}", figure.name, figure.system, figure.on_full);
    for (was, is) in found.pairs(&old.pressure, &new.pressure, of_pressure) {
        let ended = [was, is].map(|figure| if figure.died.is_some() { "died" } else { "lived on" });
        found.word(of_pressure(is), ended.map(str::to_owned));
    }
}

const fn leak_verdict(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Clean => "clean",
        Verdict::Leaking(_) => "leaking",
        Verdict::Unclear(_) => "unclear",
    }
}

/// What each run counted itself, whatever its baseline was.
fn counts(found: &mut Difference, old: &[Kernel], new: &[Kernel]) {
    for (before, after) in found.pairs(old, new, |kernel| kernel.kernel.clone()) {
        let now = |kernel: &Kernel| kernel.metric("instructions")?.now;
        if let (Some(was), Some(is)) = (now(before), now(after)) {
            found.exact(format!("{}, instructions", after.kernel), [was, is], thousands);
        }
    }
}
