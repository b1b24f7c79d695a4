//! The tables of `load_testing`.

use std::fmt::Write;

use crucible_tables::{columns, thousands};

use super::quantity::{bytes, rate, three_digits, time};
use crate::analysis::machine::{Known, known};
use crate::experiment::{FailuresSeen, LoadRun};
use crate::load::InvalidLoad;
use crate::measure::{LatencySummary, Reading};
use crate::results::load_testing::{KnownAnswer, LoadFigure, LoadTesting, Outcome, Second, SystemLoad};

/// All tables, then what did not hold.
pub fn text(results: &LoadTesting) -> String {
    let mut out = String::new();
    let figures = &results.figures;
    section(&mut out, "Latency under open load, from the intended moment to done", &latency(figures));
    section(&mut out, "What it took", &costs(figures));
    section(
        &mut out,
        "Failures: response time of events due before, during and after them",
        &failures(figures),
    );
    section(&mut out, "What became of failed deliveries", &account(figures));
    section(&mut out, "Known answers", &known_answers(&results.known_answers));
    if !figures.is_empty() {
        let _ = writeln!(out, "{NOTE}\n`–`: not measured; the reasons follow.");
    }
    for reason in reasons(figures) {
        let _ = writeln!(out, "not measured: {reason}");
    }
    out += &thresholds(figures);
    out
}

/// Each second of each test, for those who look at one.
pub fn seconds(figures: &[LoadFigure]) -> String {
    let mut out = String::new();
    for (figure, system) in each(figures) {
        let head = ["s", "offered /s", "done /s", "backlog", "P50", "P99", "max", "service P50", "errors"];
        let mut lines = vec![strings(head)];
        lines.extend(system.seconds.iter().map(second));
        section(&mut out, &format!("{}, {}: second by second", figure.name, system.system), &lines);
    }
    out
}

/// A second in a few words: `5,000/s · backlog 14 · P99 310 µs · 0 errors`.
pub fn state(second: &Second) -> String {
    format!(
        "{}/s · backlog {} · P99 {} · {} errors",
        rate(second.events_per_second),
        thousands(second.backlog),
        quantile(second.response, |response| response.p99),
        thousands(second.errors)
    )
}

fn second(second: &Second) -> Vec<String> {
    vec![
        format!("{:.1}", second.at),
        rate(second.events_per_second),
        rate(second.deliveries_per_second),
        thousands(second.backlog),
        quantile(second.response, |response| response.p50),
        quantile(second.response, |response| response.p99),
        quantile(second.response, |response| Some(response.max)),
        quantile(second.service, |service| service.p50),
        thousands(second.errors),
    ]
}

fn section(out: &mut String, title: &str, lines: &[Vec<String>]) {
    if lines.len() > 1 {
        let _ = writeln!(out, "{title}\n{}", columns(lines));
    }
}

fn strings<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

fn each(figures: &[LoadFigure]) -> impl Iterator<Item = (&LoadFigure, &SystemLoad)> {
    figures.iter().flat_map(|figure| figure.systems.iter().map(move |system| (figure, system)))
}

fn quantile(summary: Option<LatencySummary>, of: impl Fn(&LatencySummary) -> Option<u64>) -> String {
    #[allow(clippy::cast_precision_loss)] // an hour is far below 2⁵³ ns
    summary.as_ref().and_then(of).map_or_else(|| "–".to_owned(), |ns| time(ns as f64))
}

pub(super) fn latency(figures: &[LoadFigure]) -> Vec<Vec<String>> {
    let head = [
        "figure",
        "system",
        "events/s",
        "mean",
        "P50",
        "P95",
        "P99",
        "P99.9",
        "max",
        "service P50",
        "service P99",
        "pacer lag P99",
    ];
    let mut lines = vec![strings(head)];
    for (figure, SystemLoad { system, run, .. }) in each(figures) {
        let response = run.response.filter(|_| tells(run));
        let service = run.service.filter(|_| tells(run));
        let offered = run.pacing.achieved_rate.map_or_else(|| "–".to_owned(), rate);
        let offered = match run.pacing.invalid {
            None => offered,
            Some(InvalidLoad::Stopped { .. }) => format!("stopped {offered}"),
            Some(_) => format!("INVALID {offered}"),
        };
        lines.push(vec![
            figure.name.clone(),
            system.clone(),
            offered,
            response.map_or_else(|| "–".to_owned(), |response| time(response.mean)),
            quantile(response, |response| response.p50),
            quantile(response, |response| response.p95),
            quantile(response, |response| response.p99),
            quantile(response, |response| response.p999),
            quantile(response, |response| Some(response.max)),
            quantile(service, |service| service.p50),
            quantile(service, |service| service.p99),
            quantile(run.pacing.lag, |lag| lag.p99),
        ]);
    }
    lines
}

pub(super) fn costs(figures: &[LoadFigure]) -> Vec<Vec<String>> {
    let head = [
        "figure",
        "system",
        "deliveries",
        "done /s",
        "errors",
        "backlog at most",
        "outside",
        "drained in",
        "waiting for one service, of",
        "CPU of a core",
        "peak memory",
    ];
    let mut lines = vec![strings(head)];
    for (figure, SystemLoad { system, run, .. }) in each(figures) {
        lines.push(vec![
            figure.name.clone(),
            system.clone(),
            thousands(run.ledger.acknowledged),
            rate(run.throughput()),
            format!("{} %", three_digits(run.error_percent())),
            thousands(run.backlog.most),
            thousands(run.backlog.most_unpublished),
            nanos(run.backlog.drained_ns),
            waiting(run),
            reading(&run.cpu_percent, |percent| format!("{percent:.1} %")),
            reading(&run.peak_memory, |&peak| bytes(peak)),
        ]);
    }
    lines
}

/// Whether its latencies tell anything: under the load that was asked for, or the part of it until Ctrl-C.
fn tells(run: &LoadRun) -> bool {
    matches!(run.pacing.invalid, None | Some(InvalidLoad::Stopped { .. }))
}

/// Most that waited in the mailbox of one service, and what may.
fn waiting(run: &LoadRun) -> String {
    let most = thousands(run.waiting.most_for_one);
    match (run.waiting.allowed, run.waiting.batch) {
        (Some(allowed), batch) => format!("{most} of {}", thousands(allowed + batch.unwrap_or(0))),
        (None, _) => format!("{most}, unbounded"),
    }
}

fn reading<T>(reading: &Reading<T>, show: impl Fn(&T) -> String) -> String {
    reading.value().map_or_else(|| "–".to_owned(), show)
}

#[allow(clippy::cast_precision_loss)] // far below 2⁵³
fn nanos(ns: u64) -> String {
    time(ns as f64)
}

pub(super) fn failing(
    figures: &[LoadFigure],
) -> impl Iterator<Item = (&LoadFigure, &SystemLoad, &FailuresSeen)> {
    each(figures).filter_map(|(figure, system)| Some((figure, system, system.run.failures.as_ref()?)))
}

pub(super) fn failures(figures: &[LoadFigure]) -> Vec<Vec<String>> {
    let head = [
        "figure",
        "system",
        "P50 before",
        "P50 during",
        "P50 after",
        "P99 before",
        "P99 during",
        "P99 after",
        "recovered in",
        "backlog too",
    ];
    let mut lines = vec![strings(head)];
    for (figure, system, seen) in failing(figures) {
        let phases = [seen.response.before, seen.response.during, seen.response.after];
        let phases = phases.map(|phase| phase.filter(|_| tells(&system.run)));
        let mut line = vec![figure.name.clone(), system.system.clone()];
        line.extend(phases.map(|phase| quantile(phase, |phase| phase.p50)));
        line.extend(phases.map(|phase| quantile(phase, |phase| phase.p99)));
        let recovery = [&seen.recovery.latency_ns, &seen.recovery.backlog_ns];
        // Seen in windows of 100 ms.
        let back = |ns: u64| if ns == 0 { "≤ 100 ms".to_owned() } else { nanos(ns) };
        line.extend(recovery.map(|recovery| reading(recovery, |&ns| back(ns))));
        lines.push(line);
    }
    lines
}

pub(super) fn account(figures: &[LoadFigure]) -> Vec<Vec<String>> {
    let head = [
        "figure",
        "system",
        "failed tries",
        "tried again",
        "given up",
        "dead letters",
        "expired",
        "turned away",
        "time-outs",
        "breakers opened",
        "injected",
    ];
    let mut lines = vec![strings(head)];
    for (figure, SystemLoad { system, run, .. }, seen) in failing(figures) {
        lines.push(vec![
            figure.name.clone(),
            system.clone(),
            thousands(seen.injected.failed()),
            thousands(seen.retried),
            thousands(run.ledger.failed),
            thousands(run.ledger.dead_lettered),
            thousands(run.ledger.expired),
            thousands(run.turned_away),
            thousands(seen.timeouts),
            thousands(seen.breakers_opened),
            seen.plan.clone(),
        ]);
    }
    lines
}

pub(super) fn known_answers(answers: &[KnownAnswer]) -> Vec<Vec<String>> {
    let mut lines = vec![strings(["figure", "system", "what", "has to be", "is", "", "time lost beside it"])];
    for answer in answers {
        let mark = match known(answer) {
            Known::Holds => "✓",
            Known::NotIdle => "not idle",
            Known::Missed => "✗",
        };
        lines.push(vec![
            answer.name.clone(),
            answer.system.clone(),
            answer.what.clone(),
            answer.expected.clone(),
            answer.measured.clone(),
            mark.to_owned(),
            answer.lost_percent.map_or_else(|| "–".to_owned(), |lost| format!("{lost:.1} %")),
        ]);
    }
    lines
}

pub(super) fn reasons(figures: &[LoadFigure]) -> Vec<String> {
    let mut reasons = Vec::new();
    for (figure, SystemLoad { system, run, .. }) in each(figures) {
        let of = format!("{}, {system}", figure.name);
        if let Some(why) = run.pacing.invalid.as_ref().filter(|_| !tells(run)) {
            reasons.push(format!("{of}: INVALID: {why}"));
        } else if let Some(response) = run.response.filter(|response| response.p999.is_none()) {
            let count = thousands(response.count);
            reasons.push(format!("{of}: quantiles beyond which fewer than ten of {count} deliveries lie"));
        }
        let missing = [("CPU", run.cpu_percent.why()), ("peak memory", run.peak_memory.why())];
        reasons.extend(missing.into_iter().filter_map(|(what, why)| Some(format!("{of}, {what}: {}", why?))));
        if let Some(seen) = &run.failures {
            let recovery = [
                ("recovery", &seen.recovery.latency_ns),
                ("recovery of the backlog", &seen.recovery.backlog_ns),
            ];
            let why = |(what, back): (&str, &Reading<u64>)| Some(format!("{of}, {what}: {}", back.why()?));
            reasons.extend(recovery.into_iter().filter_map(why));
        }
    }
    reasons
}

/// Under the tables.
pub(super) const NOTE: &str = "Response time counts from the intended moment, service time from the beginning of the handler's work. The pacer's lag P99\n\
     is the floor under every response time. `stress` offers more than the systems do: its times are those of a queue that grows.\n\
     Outside: deliveries whose events the publisher held back, since the system did not take them; their memory is in the peak, too.";

/// A line for each threshold: the one that failed says so.
fn thresholds(figures: &[LoadFigure]) -> String {
    let mut out = String::new();
    for (figure, system) in each(figures) {
        for judged in &system.thresholds {
            let threshold = &judged.threshold;
            let (mark, found) = match &judged.outcome {
                Outcome::Held(figure) => ("✓", threshold.show(*figure)),
                Outcome::Crossed(figure) => ("✗", threshold.show(*figure)),
                Outcome::NotMeasured(why) => ("✗", format!("not measured: {why}")),
                Outcome::Invalid => {
                    ("–", "not judged: the load was not the one that was asked for".to_owned())
                }
            };
            let _ = writeln!(out, "{mark} {threshold}  {}, {}: {found}", figure.name, system.system);
        }
    }
    out
}

#[cfg(test)]
mod tests;
