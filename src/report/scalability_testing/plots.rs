use super::dimensions::size;
use crate::measure::Reading;
use crate::report::plot::{Axis, Line, Mark, Panel, Plot, Scale, ticks};
use crate::report::quantity::{bytes, time};
use crate::results::scalability_testing::{
    Dimension, DimensionFigure, Fit, Point, ScalabilityTesting, SystemPoint,
};

/// A plot for each dimension: its name, and the SVG.
pub fn plots(results: &ScalabilityTesting) -> Vec<(String, String)> {
    let drawn = results.dimensions.iter().filter(|figure| figure.points.len() > 1);
    drawn.map(|figure| (figure.dimension.as_str().to_owned(), plot(figure).svg())).collect()
}

pub(in crate::report) fn plot(figure: &DimensionFigure) -> Plot {
    let mut series = Vec::new();
    for system in figure.points.iter().flat_map(|point| &point.systems) {
        if !series.contains(&system.closed.system) {
            series.push(system.closed.system.clone());
        }
    }
    let panels = vec![throughput(figure, &series), latency(figure, &series), memory(figure, &series)];
    Plot { title: title(figure.dimension).to_owned(), series, panels }
}

pub(in crate::report) const fn title(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Publishers => "Publishers at once, one event a call",
        Dimension::Workers => "Worker threads, 10 µs of CPU a delivery",
        Dimension::Services => "Services, each event to one of them",
        Dimension::Rules => "Rules, of which ten concern the events",
        Dimension::Payload => "Size of each payload",
    }
}

fn throughput(figure: &DimensionFigure, series: &[String]) -> Panel {
    let value = |system: &SystemPoint| {
        let rounds = &system.closed.rounds;
        let spread = (
            rounds.iter().copied().fold(f64::INFINITY, f64::min),
            rounds.iter().copied().fold(0.0, f64::max),
        );
        Some((system.closed.events_per_second, Some(spread)))
    };
    let mut panel = panel(figure, series, "Throughput, closed loop", "events/s", &value, &per_second);
    for (line, name) in panel.lines.iter_mut().zip(series) {
        line.curve = curve(figure, name);
    }
    panel
}

/// The law, between the outermost sizes that it was fitted to.
fn curve(figure: &DimensionFigure, system: &str) -> Vec<(f64, f64)> {
    let sizes = || figure.points.iter().filter(|point| !point.beyond_cores).map(|point| point.size as f64);
    let (Some(first), Some(last)) = (sizes().next(), sizes().next_back()) else { return Vec::new() };
    let growth = figure.growth.iter().find(|growth| growth.system == system);
    let at: Box<dyn Fn(f64) -> f64> = match growth.map(|growth| &growth.throughput) {
        Some(Fit::Usl(fit)) => Box::new(|n| fit.model.throughput(n)),
        Some(Fit::PowerLaw(law)) => Box::new(|n| law.at(n)),
        _ => return Vec::new(),
    };
    let steps = 0..=40;
    steps.map(|step| first * (last / first).powf(f64::from(step) / 40.0)).map(|n| (n, at(n))).collect()
}

fn latency(figure: &DimensionFigure, series: &[String]) -> Panel {
    let value = |system: &SystemPoint| {
        let p99 = system.latency.value().and_then(|latency| latency.p99)?;
        Some((p99 as f64, None))
    };
    let title = format!("P99 at {:.0} % of the slowest", figure.load_percent);
    panel(figure, series, &title, "P99 from the intended moment", &value, &|ns| short(time(ns)))
}

fn memory(figure: &DimensionFigure, series: &[String]) -> Panel {
    let value = |system: &SystemPoint| match system.closed.peak_memory {
        Reading::Value(peak) if peak > 0 => Some((peak as f64, None)),
        _ => None,
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // ticks are whole bytes
    panel(figure, series, "Peak memory, closed loop", "beyond the workload", &value, &|peak| {
        short(bytes(peak as u64))
    })
}

type Value<'a> = &'a dyn Fn(&SystemPoint) -> Option<(f64, Option<(f64, f64)>)>;

fn panel(
    figure: &DimensionFigure,
    series: &[String],
    title: &str,
    label: &str,
    value: Value<'_>,
    name: &dyn Fn(f64) -> String,
) -> Panel {
    let mark = |point: &Point, system: &str| {
        let found = point.systems.iter().find(|found| found.closed.system == system)?;
        let (y, spread) = value(found)?;
        Some(Mark { x: point.size as f64, y, spread })
    };
    let line = |(number, system): (usize, &String)| Line {
        series: number,
        points: figure.points.iter().filter_map(|point| mark(point, system)).collect(),
        curve: Vec::new(),
    };
    let lines: Vec<Line> = series.iter().enumerate().map(line).collect();
    let values: Vec<f64> = lines.iter().flat_map(|line| &line.points).map(|point| point.y).collect();
    let sizes = figure.points.iter().map(|point| (point.size as f64, size(figure.dimension, point.size)));
    let beyond = figure.points.windows(2).find(|pair| pair[1].beyond_cores && !pair[0].beyond_cores);
    Panel {
        title: title.to_owned(),
        x: Axis { label: figure.dimension.as_str().to_owned(), ticks: sizes.collect(), scale: Scale::Log },
        y: Axis { label: label.to_owned(), ticks: ticks(values.iter().copied(), name), scale: Scale::Log },
        lines,
        mark: beyond.map(|pair| (pair[0].size as f64, "cores")),
    }
}

/// `2M`, `500k`, `20`.
pub(in crate::report) fn per_second(rate: f64) -> String {
    match rate {
        rate if rate >= 1e6 => format!("{}M", rate / 1e6),
        rate if rate >= 1e3 => format!("{}k", rate / 1e3),
        rate => rate.to_string(),
    }
}

/// Ticks are round: `20.0 µs` is `20 µs`.
pub(in crate::report) fn short(quantity: String) -> String {
    match quantity.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => quantity,
    }
}
