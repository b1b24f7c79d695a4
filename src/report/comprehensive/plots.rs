//! The pictures of a report. Each has one pair of axes, so that it can be read on a phone.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hdrhistogram::Histogram;

use super::model::Drawing;
use crate::experiment::Threads;
use crate::measure::LatencySummary;
use crate::report::plot::{Axis, Line, Mark, Panel, Plot, Scale, even_ticks, ticks};
use crate::report::quantity::{bytes, rate, three_digits, time};
use crate::report::scalability_testing::plots::{per_second, plot as dimension_plot, short};
use crate::results::all_responses;
use crate::results::daemon_performance::{ClosedFigure, LatencyFigure};
use crate::results::load_testing::{LoadFigure, Second};
use crate::results::memory_profiling::UsageFigure;
use crate::results::scalability_testing::{DimensionFigure, LimitFigure};
use crate::stats::quantile_is_supported;
use crate::sut::HandlerWork;

/// A series and its points: x, y, and how far y spreads.
type Series = (String, Vec<Mark>);

fn drawing(title: &str, caption: String, x: Axis, y: Axis, series: Vec<Series>) -> Option<Drawing> {
    let series: Vec<Series> = series.into_iter().filter(|(_, points)| !points.is_empty()).collect();
    if series.is_empty() || x.ticks.is_empty() || y.ticks.is_empty() {
        return None;
    }
    let names = series.iter().map(|(name, _)| name.clone()).collect();
    let line = |(number, (_, points)): (usize, Series)| Line { series: number, points, curve: Vec::new() };
    let lines = series.into_iter().enumerate().map(line).collect();
    let panel = Panel { title: String::new(), x, y, lines, mark: None };
    let plot = Plot { title: title.to_owned(), series: names, panels: vec![panel] };
    Some(Drawing { svg: plot.svg(), caption })
}

fn log_axis(label: &str, values: impl Iterator<Item = f64> + Clone, name: impl Fn(f64) -> String) -> Axis {
    Axis { label: label.to_owned(), ticks: ticks(values, name), scale: Scale::Log }
}

fn even_axis(label: &str, values: impl Iterator<Item = f64>, name: impl Fn(f64) -> String) -> Axis {
    let largest = values.fold(0.0, f64::max);
    Axis { label: label.to_owned(), ticks: even_ticks(largest, name), scale: Scale::Linear }
}

fn ys(series: &[Series]) -> Vec<f64> {
    series
        .iter()
        .flat_map(|(_, points)| points)
        .flat_map(|mark| {
            let (low, high) = mark.spread.unwrap_or((mark.y, mark.y));
            [mark.y, low, high]
        })
        .collect()
}

fn xs(series: &[Series]) -> Vec<f64> {
    series.iter().flat_map(|(_, points)| points).map(|mark| mark.x).collect()
}

const fn mark(x: f64, y: f64) -> Mark {
    Mark { x, y, spread: None }
}

/// Where `nothing` stands on an axis of handler times, µs: an idle handler still takes some tenths of one.
const IDLE_MICROS: f64 = 0.1;

/// The ratio of the first candidate over the baseline against what handlers take.
pub(super) fn handler_time(figures: &[ClosedFigure]) -> Option<Drawing> {
    let mut threads: Vec<Threads> = figures.iter().map(|figure| figure.threads).collect();
    threads.sort_by_key(|threads| threads.0);
    threads.dedup();
    let point = |figure: &ClosedFigure| {
        let micros = match figure.work {
            HandlerWork::None => IDLE_MICROS,
            HandlerWork::Spin(time) => time.as_secs_f64() * 1e6,
            HandlerWork::Await(_) => return None,
        };
        let estimate = &figure.ratios.first()?.estimate;
        let spread = estimate.interval.map(|interval| (interval.low, interval.high));
        Some(Mark { x: micros, y: estimate.ratio, spread })
    };
    let of = |threads: &Threads| {
        let own = figures.iter().filter(|figure| figure.threads == *threads);
        let name = if threads.0 == 1 { "1 thread".to_owned() } else { format!("{} threads", threads.0) };
        (name, own.filter_map(point).collect())
    };
    let series: Vec<Series> = threads.iter().map(of).collect();
    let ratio = &figures.first()?.ratios.first()?;
    let ticks = [0.1, 1.0, 10.0, 100.0].into_iter().zip(["nothing", "1 µs", "10 µs", "100 µs"]);
    let ticks = ticks.map(|(at, name)| (at, name.to_owned())).collect();
    let x = Axis { label: "CPU that each delivery takes".to_owned(), ticks, scale: Scale::Log };
    let with_one = ys(&series).into_iter().chain([1.0]).collect::<Vec<_>>();
    let y = log_axis(&format!("{} / {}", ratio.system, ratio.over), with_one.iter().copied(), |ratio| {
        if ratio < 1.0 { format!("{ratio:.1}") } else { format!("{ratio:.0}") }
    });
    let caption = format!(
        "Throughput of {} over that of {} against what handlers take, with intervals. At 1 both are as fast.",
        ratio.system, ratio.over
    );
    drawing("Ratio against handler time", caption, x, y, series)
}

/// Quantiles on an axis of 1 / (1 − q), as HdrHistogram's plots have it.
fn percentiles(summary: &LatencySummary) -> Vec<Mark> {
    let quantiles = [(0.5, summary.p50), (0.95, summary.p95), (0.99, summary.p99), (0.999, summary.p999)];
    quantiles.into_iter().filter_map(|(q, ns)| Some(mark(1.0 / (1.0 - q), ns? as f64))).collect()
}

fn percentile_axis(longest: f64) -> Axis {
    let all = [
        (2.0, "50 %"),
        (10.0, "90 %"),
        (100.0, "99 %"),
        (1e3, "99.9 %"),
        (1e4, "99.99 %"),
        (1e5, "99.999 %"),
    ];
    let beyond = all.iter().position(|(at, _)| *at >= longest * 0.999).unwrap_or(all.len() - 1).max(1);
    let ticks = all[..=beyond].iter().map(|&(at, name)| (at, name.to_owned())).collect();
    Axis { label: "percentile".to_owned(), ticks, scale: Scale::Log }
}

fn latency_axis(series: &[Series]) -> Axis {
    log_axis("from the intended moment", ys(series).into_iter().collect::<Vec<_>>().iter().copied(), |ns| {
        short(time(ns))
    })
}

/// Each scenario on one thread at the graded rate.
pub(super) fn by_percentile(figures: &[LatencyFigure]) -> Vec<Drawing> {
    let drawn = figures.iter().filter(|figure| figure.threads.0 == 1).filter_map(|figure| {
        let valid = figure.systems.iter().filter(|system| system.run.pacing.valid().is_ok());
        let of = |system: &crate::results::daemon_performance::SystemLatency| {
            Some((system.system.clone(), percentiles(system.run.latency.as_ref()?)))
        };
        let series: Vec<Series> = valid.filter_map(of).collect();
        let offered = rate(figure.events_per_second as f64);
        let title = format!("{}, {offered} events/s", figure.scenario.name);
        let caption = format!(
            "Latency by percentile, scenario {}, one thread, {offered} events/s offered.",
            figure.scenario.name
        );
        let longest = xs(&series).into_iter().fold(0.0, f64::max);
        let y = latency_axis(&series);
        drawing(&title, caption, percentile_axis(longest), y, series)
    });
    drawn.collect()
}

/// The whole distribution of response times, from the interval logs beside the results.
pub(super) fn recorded(figures: &[LoadFigure], find: &dyn Fn(&Path) -> Option<PathBuf>) -> Vec<Drawing> {
    let drawn = figures.iter().filter_map(|figure| {
        let valid = figure.systems.iter().filter(|system| system.run.pacing.valid().is_ok());
        let of = |system: &crate::results::load_testing::SystemLoad| {
            let log = system.files.iter().find(|file| file.extension().is_some_and(|e| e == "hlog"))?;
            Some((system.system.clone(), curve(&all_responses(&fs::read(find(log)?).ok()?)?)))
        };
        let series: Vec<Series> = valid.filter_map(of).collect();
        let longest = xs(&series).into_iter().fold(0.0, f64::max);
        let y = latency_axis(&series);
        let caption = format!(
            "Response time by percentile, all deliveries of {}, from its interval logs.",
            figure.name
        );
        drawing(&figure.name, caption, percentile_axis(longest), y, series)
    });
    drawn.collect()
}

/// Points of a curve by percentile.
fn curve(all: &Histogram<u64>) -> Vec<Mark> {
    let steps = (0..=40).map(|step| 2.0 * 10_f64.powf(f64::from(step) * 4.7 / 40.0));
    let supported = steps.filter(|beyond| quantile_is_supported(1.0 - 1.0 / beyond, all.len()));
    supported.map(|beyond| mark(beyond, all.value_at_quantile(1.0 - 1.0 / beyond) as f64)).collect()
}

/// Throughput and response time of each second of the ramp against what was offered in it.
pub(super) fn against_load(figures: &[LoadFigure]) -> Vec<Drawing> {
    let Some(figure) = figures.iter().find(|figure| figure.name == "pattern/ramp_up") else {
        return Vec::new();
    };
    let of = |value: &dyn Fn(&Second) -> Option<f64>| -> Vec<Series> {
        let valid = figure.systems.iter().filter(|system| system.run.pacing.valid().is_ok());
        let points = |system: &crate::results::load_testing::SystemLoad| {
            // What is left at the end of a test is no second.
            let whole = system.seconds.iter().filter(|second| second.lasting > 0.5);
            whole.filter_map(|second| Some(mark(second.events_per_second, value(second)?))).collect()
        };
        valid.map(|system| (system.system.clone(), points(system))).collect()
    };
    let done = of(&|second| Some(second.deliveries_per_second));
    let slow = of(&|second| Some(second.response?.p99? as f64));
    let offered = |series: &[Series]| even_axis("events/s offered", xs(series).into_iter(), per_second);
    let throughput = even_axis("deliveries/s", ys(&done).into_iter(), per_second);
    let throughput = drawing(
        "Throughput against load",
        "Deliveries done in each second of a ramp against the events offered in it.".to_owned(),
        offered(&done),
        throughput,
        done,
    );
    let y = latency_axis(&slow);
    let caption =
        "P99 of the response time in each second of a ramp against the events offered in it.".to_owned();
    let latency = drawing("P99 against load", caption, offered(&slow), y, slow);
    throughput.into_iter().chain(latency).collect()
}

/// Response times second by second where services failed.
pub(super) fn second_by_second(figures: &[LoadFigure]) -> Vec<Drawing> {
    let failing =
        figures.iter().filter(|figure| figure.systems.iter().any(|system| system.run.failures.is_some()));
    let drawn = failing.filter_map(|figure| {
        let point = |second: &Second| Some(mark(second.at, second.response?.p99? as f64));
        let of = |system: &crate::results::load_testing::SystemLoad| {
            (system.system.clone(), system.seconds.iter().filter_map(point).collect())
        };
        let series: Vec<Series> = figure.systems.iter().map(of).collect();
        let x = even_axis("seconds", xs(&series).into_iter(), |at| at.to_string());
        let y = latency_axis(&series);
        let caption = format!("P99 of the response time in each second of {}.", figure.name);
        drawing(&format!("{}: recovery", figure.name), caption, x, y, series)
    });
    drawn.collect()
}

/// What lived while events flowed, over the long run.
pub(super) fn memory_timeline(figures: &[UsageFigure]) -> Vec<Drawing> {
    let drawn = figures.iter().filter(|figure| figure.name == "stability").filter_map(|figure| {
        let of = |system: &crate::results::memory_profiling::SystemUsage| {
            // A picture has room for some hundred points.
            let step = system.run.timeline.len().div_ceil(100).max(1);
            let points = system.run.timeline.iter().step_by(step);
            (
                system.system.clone(),
                points.map(|sample| mark(sample.events as f64, sample.bytes as f64)).collect(),
            )
        };
        let series: Vec<Series> = figure.systems.iter().map(of).collect();
        let x = even_axis("events", xs(&series).into_iter(), per_second);
        let y = log_axis("live heap", ys(&series).into_iter().collect::<Vec<_>>().iter().copied(), size);
        let caption = "Live heap while events flow, over the long run of the medium scenario.".to_owned();
        drawing("Memory timeline", caption, x, y, series)
    });
    drawn.collect()
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // ticks are whole bytes
fn size(value: f64) -> String {
    short(bytes(value as u64))
}

/// Deliveries behind, before, during and after too much was offered.
pub(super) fn overload(figures: &[LimitFigure]) -> Vec<Drawing> {
    let drawn = figures.iter().filter_map(|figure| {
        let of = |system: &crate::results::scalability_testing::SystemLimit| {
            let run = system.overload.as_ref().filter(|run| run.not_offered.is_none())?;
            let step = run.samples.len().div_ceil(150).max(1);
            let point = |sample: &crate::experiment::LoadSample| {
                mark(Duration::from_nanos(sample.at_ns).as_secs_f64(), sample.backlog() as f64)
            };
            Some((system.system.clone(), run.samples.iter().step_by(step).map(point).collect()))
        };
        let series: Vec<Series> = figure.systems.iter().filter_map(of).collect();
        let x = even_axis("seconds", xs(&series).into_iter(), three_digits);
        let y = even_axis("deliveries behind", ys(&series).into_iter(), per_second);
        let caption =
            format!("Deliveries that were due and not done while {} was overloaded, and after.", figure.name);
        drawing(&format!("Overload, {}", figure.name), caption, x, y, series)
    });
    drawn.collect()
}

/// The panels of a dimension, one by one.
pub(super) fn dimension(figure: &DimensionFigure) -> Vec<Drawing> {
    if figure.points.len() < 2 {
        return Vec::new();
    }
    let Plot { title, series, panels } = dimension_plot(figure);
    let one = |panel: Panel| {
        let caption = format!("{title}: {}.", panel.title);
        let plot = Plot { title: String::new(), series: series.clone(), panels: vec![panel] };
        Drawing { svg: plot.svg(), caption }
    };
    let drawable =
        |panel: &Panel| !panel.y.ticks.is_empty() && panel.lines.iter().any(|line| !line.points.is_empty());
    panels.into_iter().filter(drawable).map(one).collect()
}
