use std::fmt::Write;

use super::{NONE, reading, section, strings};
use crate::experiment::search::Stood;
use crate::measure::Reading;
use crate::report::bottleneck;
use crate::report::quantity::{bytes, rate, three_digits, time};
use crate::results::scalability_testing::{LimitFigure, SystemLimit};

pub(super) fn write(out: &mut String, figures: &[LimitFigure]) {
    section(out, "Highest sustained rate (events/s)", &limits(figures));
    section(out, "Beyond it, and back", &overloads(figures));
    bottlenecks(out, figures);
    if let Some(legend) = legend(figures) {
        let _ = writeln!(out, "{legend}\n");
    }
    for note in notes(figures) {
        let _ = writeln!(out, "{note}");
    }
}

/// What the columns are.
pub(in crate::report) fn legend(figures: &[LimitFigure]) -> Option<String> {
    let first = figures.first()?;
    Some(format!(
        "found: median of the staircases [interval at 95 %]; confirmed: the first rate, tried from there downwards, under \
         which for {} the P99\nfrom the intended moment was {} at most and the backlog grew by no more than is served \
         in that time. ≥: the pacer gave up before the system.",
        time(first.confirmed_for_ns as f64),
        time(first.p99_bound_ns as f64),
    ))
}

/// One paragraph each: the figures do not fit into columns.
fn bottlenecks(out: &mut String, figures: &[LimitFigure]) {
    let mut told = String::new();
    for figure in figures {
        for system in &figure.systems {
            let Some(seen) = &system.bottleneck else { continue };
            let limit = figure.name.trim_start_matches("limit/");
            let _ = match seen {
                Reading::Value(seen) => writeln!(
                    told,
                    "{limit}, {}, {}: {}\n    {}",
                    system.system,
                    figure.threads,
                    bottleneck::name(&seen.verdict),
                    bottleneck::evidence(&seen.verdict)
                ),
                Reading::Absent { not_measured } => {
                    writeln!(told, "{limit}, {}: not measured: {not_measured}", system.system)
                }
            };
        }
    }
    if !told.is_empty() {
        let _ = writeln!(out, "What limits it when more is published than it does\n{told}");
    }
}

pub(in crate::report) fn limits(figures: &[LimitFigure]) -> Vec<Vec<String>> {
    let mut lines = vec![strings([
        "limit",
        "threads",
        "system",
        "found",
        "confirmed",
        "P99",
        "CPU of a core",
        "theory",
        "off by",
        "ratio",
    ])];
    for figure in figures {
        for system in &figure.systems {
            lines.push(line(figure, system));
        }
    }
    lines
}

fn line(figure: &LimitFigure, system: &SystemLimit) -> Vec<String> {
    let at_least = if system.pacer_gave_up { "≥ " } else { "" };
    let interval =
        system.interval.map(|interval| format!(" [{}, {}]", rate(interval.low), rate(interval.high)));
    let confirmed = system.confirmed_attempt();
    let ratio = figure.ratios.iter().find(|ratio| ratio.system == system.system).map(|ratio| {
        let interval = ratio.estimate.interval.map_or_else(
            || "[too few staircases]".to_owned(),
            |interval| format!("[{}, {}]", three_digits(interval.low), three_digits(interval.high)),
        );
        format!("{} {interval}", three_digits(ratio.estimate.ratio))
    });
    let off = figure.theory.zip(confirmed).map(|(theory, found)| 100.0 * (found.rate as f64 / theory - 1.0));
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
    vec![
        figure.name.trim_start_matches("limit/").to_owned(),
        figure.threads.0.to_string(),
        system.system.clone(),
        format!("{at_least}{}{}", rate(system.found), interval.unwrap_or_default()),
        or_none(confirmed.map(|attempt| format!("{at_least}{}", rate(attempt.rate as f64)))),
        or_none(confirmed.and_then(|attempt| attempt.p99_ns).map(|p99| time(p99 as f64))),
        or_none(confirmed.and_then(|attempt| attempt.cpu_percent).map(|percent| format!("{percent:.0} %"))),
        or_none(figure.theory.map(rate)),
        or_none(off.map(|percent| format!("{percent:+.1} %"))),
        or_none(ratio),
    ]
}

pub(in crate::report) fn overloads(figures: &[LimitFigure]) -> Vec<Vec<String>> {
    let mut lines = vec![strings([
        "limit",
        "system",
        "offered",
        "done",
        "of confirmed",
        "backlog inside",
        "at publishers",
        "memory grew by",
        "backlog gone after",
        "P99 back after",
    ])];
    for figure in figures {
        for system in &figure.systems {
            lines.extend(overload(figure, system));
        }
    }
    lines
}

fn overload(figure: &LimitFigure, system: &SystemLimit) -> Option<Vec<String>> {
    let (run, confirmed) = (system.overload.as_ref()?, system.confirmed.rate?);
    let name = figure.name.trim_start_matches("limit/").to_owned();
    let mut line = vec![name, system.system.clone(), rate(run.rate as f64)];
    if run.not_offered.is_some() {
        line.resize(10, NONE.to_owned());
        return Some(line);
    }
    let growth = |&grown: &i64| {
        let sign = if grown < 0 { "−" } else { "" };
        format!("{sign}{}", bytes(grown.unsigned_abs()))
    };
    line.extend([
        rate(run.events_per_second),
        format!("{:.0} %", 100.0 * run.events_per_second / confirmed as f64),
        rate(run.inside as f64),
        rate(run.backlog.saturating_sub(run.inside) as f64),
        reading(&run.memory_growth, growth),
        reading(&run.backlog_gone_ns, |&ns| time(ns as f64)),
        reading(&run.p99_back_ns, |&ns| time(ns as f64)),
    ]);
    Some(line)
}

/// Of whom no rate was confirmed, and why.
pub(in crate::report) fn unconfirmed(figures: &[LimitFigure]) -> Vec<[String; 2]> {
    let each = figures.iter().flat_map(|figure| figure.systems.iter().map(move |system| (figure, system)));
    let open = each.filter(|(_, system)| system.confirmed.rate.is_none());
    open.map(|(figure, system)| {
        let tried = &system.confirmed.attempts;
        let lasting = time(figure.confirmed_for_ns as f64);
        let why = match tried.iter().map(|attempt| attempt.rate).min() {
            Some(lowest) => {
                format!(
                    "none of {} offers stood for {lasting}, down to {}/s",
                    tried.len(),
                    rate(lowest as f64)
                )
            }
            None => "none was offered".to_owned(),
        };
        let limit = figure.name.trim_start_matches("limit/");
        [format!("the rate that {} sustains ({limit})", system.system), why]
    })
    .collect()
}

/// What the tables cannot say.
pub(in crate::report) fn notes(figures: &[LimitFigure]) -> Vec<String> {
    let mut notes = Vec::new();
    for figure in figures {
        for system in &figure.systems {
            let what = format!("{}, {}", figure.name, system.system);
            if system.pacer_gave_up {
                notes.push(format!(
                    "{what}: not below {}/s: beyond, the pacer was late (by its own limit, or on a busy machine), so the \
                     system's limit is not known",
                    rate(system.found)
                ));
            }
            let failed = system.confirmed.attempts.iter().filter(|attempt| attempt.stood != Stood::Confirmed);
            let failed: Vec<String> = failed
                .map(|attempt| format!("{}/s {}", rate(attempt.rate as f64), stood(attempt.stood)))
                .collect();
            if !failed.is_empty() {
                notes.push(format!("{what}: did not stand: {}", failed.join(", ")));
            }
            if let Some(why) = system.overload.as_ref().and_then(|run| run.not_offered.as_ref()) {
                notes.push(format!("{what}: not measured: overload: {why}"));
            }
        }
    }
    notes
}

const fn stood(stood: Stood) -> &'static str {
    match stood {
        Stood::Confirmed => "(confirmed)",
        Stood::Grows => "(the backlog grew)",
        Stood::Slow => "(the P99 was above the bound)",
        Stood::NotOffered => "(not offered: the pacer was late)",
    }
}
