use std::fmt::Write;

use super::{NONE, reading, section, strings};
use crate::report::quantity::{bytes, rate, three_digits, time};
use crate::results::scalability_testing::{
    Dimension, DimensionFigure, Fit, Growth, Point, ScalabilityFactor, SystemPoint,
};
use crate::stats::NoFit;

pub(super) fn write(out: &mut String, figures: &[DimensionFigure]) {
    for figure in figures {
        section(out, &title(figure), &points(figure));
    }
    section(out, "Growth", &growth(figures));
    if !figures.is_empty() {
        let _ = writeln!(
            out,
            "law: λN / (1 + σ(N−1) + κN(N−1)) for publishers and workers, n^exponent [interval at 95 %] for the others; \
             ±: root mean square of\nthe residuals; at the end: from the largest size but one to the largest. actual: \
             throughput at the largest size over that at the smallest;\nfactor: actual over expected. P99 at the rate \
             offered to all, {:.0} % of what the slowest does closed loop; floor: P99 of the pacer's lag.\n\
             *: more threads than cores, which no law is fitted to.\n",
            figures[0].load_percent
        );
    }
    for note in notes(figures) {
        let _ = writeln!(out, "{note}");
    }
}

pub(in crate::report) fn title(figure: &DimensionFigure) -> String {
    let what = match figure.dimension {
        Dimension::Publishers => "Publishers at once",
        Dimension::Workers => "Worker threads, 10 µs of CPU a delivery",
        Dimension::Services => "Services, each event to one of them",
        Dimension::Rules => "Rules, of which 10 concern the events",
        Dimension::Payload => "Bytes of each payload",
    };
    let threads = figure.points.first().map_or(1, |point| point.threads.0);
    let threads = match (figure.dimension, threads) {
        (Dimension::Workers, _) => String::new(),
        (_, 1) => ", 1 thread".to_owned(),
        (_, several) => format!(", {several} threads"),
    };
    format!("{what}; closed loop, {}{threads}", figure.publishing)
}

/// A size as people say it.
pub(super) fn size(dimension: Dimension, size: usize) -> String {
    match (dimension, size) {
        (Dimension::Payload, size) if size >= 1 << 20 => format!("{} MiB", size >> 20),
        (Dimension::Payload, size) if size >= 1 << 10 => format!("{} KiB", size >> 10),
        (Dimension::Payload, size) => format!("{size} B"),
        (_, size) => rate(size as f64),
    }
}

pub(in crate::report) fn points(figure: &DimensionFigure) -> Vec<Vec<String>> {
    let Some(first) = figure.points.first() else { return Vec::new() };
    let names: Vec<&str> = first.systems.iter().map(|system| &*system.closed.system).collect();
    let mut head = strings([figure.dimension.as_str(), "fan-out", "offered/s", "floor"]);
    for name in &names {
        head.extend(strings([&format!("{name} events/s"), "P99", "peak memory"]));
    }
    let line = |point: &Point| {
        let floor = point.systems.iter().filter_map(|system| system.floor_ns).max();
        let marked = if point.beyond_cores { "*" } else { "" };
        let mut line = vec![
            format!("{}{marked}", size(figure.dimension, point.size)),
            three_digits(point.scenario.fan_out),
            rate(point.offered as f64),
            floor.map_or_else(|| NONE.to_owned(), |floor| time(floor as f64)),
        ];
        for name in &names {
            line.extend(cells(point.systems.iter().find(|system| system.closed.system == *name)));
        }
        line
    };
    [head].into_iter().chain(figure.points.iter().map(line)).collect()
}

fn cells(system: Option<&SystemPoint>) -> [String; 3] {
    let Some(system) = system else { return [NONE, NONE, NONE].map(str::to_owned) };
    let p99 = system.latency.value().and_then(|latency| latency.p99);
    [
        rate(system.closed.events_per_second),
        p99.map_or_else(|| NONE.to_owned(), |p99| time(p99 as f64)),
        reading(&system.closed.peak_memory, |&peak| bytes(peak)),
    ]
}

pub(in crate::report) fn growth(figures: &[DimensionFigure]) -> Vec<Vec<String>> {
    let mut lines = vec![strings([
        "dimension",
        "system",
        "most observed",
        "at",
        "throughput follows",
        "±",
        "at the end",
        "peak memory follows",
        "actual",
        "expected",
        "factor",
    ])];
    for figure in figures {
        lines.extend(figure.growth.iter().map(|growth| growth_line(figure.dimension, growth)));
    }
    lines
}

fn growth_line(dimension: Dimension, growth: &Growth) -> Vec<String> {
    let times = |times: fn(&ScalabilityFactor) -> f64| {
        growth.factor.as_ref().map_or_else(|| NONE.to_owned(), |factor| three_digits(times(factor)))
    };
    vec![
        dimension.as_str().to_owned(),
        growth.system.clone(),
        rate(growth.most.events_per_second),
        size(dimension, growth.most.size),
        law(&growth.throughput),
        residual(&growth.throughput),
        growth.last_exponent.map_or_else(|| NONE.to_owned(), |exponent| format!("n^{}", signed(exponent))),
        law(&growth.memory),
        times(|factor| factor.actual),
        times(|factor| factor.expected),
        times(|factor| factor.factor),
    ]
}

fn law(fit: &Fit) -> String {
    match fit {
        Fit::Usl(fit) => {
            let peak = fit.peak.map(|peak| {
                format!(
                    ", peak {} [{}, {}]",
                    three_digits(peak.n),
                    three_digits(peak.low),
                    three_digits(peak.high)
                )
            });
            format!("σ {:.3}, κ {:.5}{}", fit.model.sigma, fit.model.kappa, peak.unwrap_or_default())
        }
        Fit::PowerLaw(law) => {
            format!("n^{} [{}, {}]", signed(law.exponent), signed(law.low), signed(law.high))
        }
        Fit::None(why) => no_fit(why),
    }
}

fn no_fit(why: &NoFit) -> String {
    match why {
        NoFit::TooFewPoints { points, needed } => format!("no fit: {points} of {needed} sizes"),
        NoFit::NotPositive { .. } => "no fit: nothing there".to_owned(),
        NoFit::Residuals { rms_percent, .. } => format!("no fit: {rms_percent:.0} % off"),
        NoFit::NoTrend { p } => format!("no fit: noise (p {p:.2})"),
    }
}

fn signed(value: f64) -> String {
    format!("{value:.2}").replace('-', "−")
}

fn residual(fit: &Fit) -> String {
    match fit {
        Fit::Usl(fit) => format!("{:.1} %", 100.0 * fit.rms_residual),
        Fit::PowerLaw(law) => format!("{:.1} %", 100.0 * law.rms_residual.exp_m1()),
        Fit::None(_) => NONE.to_owned(),
    }
}

/// Why there are gaps.
pub(in crate::report) fn notes(figures: &[DimensionFigure]) -> Vec<String> {
    let mut notes = Vec::new();
    for figure in figures {
        for point in &figure.points {
            for system in &point.systems {
                if let Some(why) = system.latency.why() {
                    let at = size(figure.dimension, point.size);
                    notes.push(format!(
                        "not measured: {} {at}, {}, P99: {why}",
                        figure.name, system.closed.system
                    ));
                }
            }
        }
    }
    notes
}
