//! The tables of `load_testing`.

use std::fmt::Write;

use crucible_tables::{columns, thousands};

use super::quantity::{bytes, rate, three_digits, time};
use crate::experiment::{FailuresSeen, LoadRun};
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
        out += "Response time counts from the intended moment, service time from the beginning of the handler's work. The \
                pacer's lag P99\nis the floor under every response time. `–`: not measured; the reasons follow.\n";
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

fn latency(figures: &[LoadFigure]) -> Vec<Vec<String>> {
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
        let valid = run.pacing.valid().is_ok();
        let response = run.response.filter(|_| valid);
        let service = run.service.filter(|_| valid);
        let offered = run.pacing.achieved_rate.map_or_else(|| "–".to_owned(), rate);
        lines.push(vec![
            figure.name.clone(),
            system.clone(),
            if valid { offered } else { format!("INVALID {offered}") },
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

fn costs(figures: &[LoadFigure]) -> Vec<Vec<String>> {
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

fn failing(figures: &[LoadFigure]) -> impl Iterator<Item = (&LoadFigure, &SystemLoad, &FailuresSeen)> {
    each(figures).filter_map(|(figure, system)| Some((figure, system, system.run.failures.as_ref()?)))
}

fn failures(figures: &[LoadFigure]) -> Vec<Vec<String>> {
    let head = [
        "figure",
        "system",
        "P50 before",
        "during",
        "after",
        "P99 before",
        "during",
        "after",
        "as before after",
        "backlog too",
    ];
    let mut lines = vec![strings(head)];
    for (figure, system, seen) in failing(figures) {
        let phases = [seen.response.before, seen.response.during, seen.response.after];
        let phases = phases.map(|phase| phase.filter(|_| system.run.pacing.valid().is_ok()));
        let mut line = vec![figure.name.clone(), system.system.clone()];
        line.extend(phases.map(|phase| quantile(phase, |phase| phase.p50)));
        line.extend(phases.map(|phase| quantile(phase, |phase| phase.p99)));
        let recovery = [&seen.recovery.latency_ns, &seen.recovery.backlog_ns];
        line.extend(recovery.map(|recovery| reading(recovery, |&ns| nanos(ns))));
        lines.push(line);
    }
    lines
}

fn account(figures: &[LoadFigure]) -> Vec<Vec<String>> {
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

fn known_answers(answers: &[KnownAnswer]) -> Vec<Vec<String>> {
    let mut lines = vec![strings(["figure", "system", "what", "has to be", "is", ""])];
    for answer in answers {
        let mark = if answer.holds { "✓" } else { "✗" };
        lines.push(vec![
            answer.name.clone(),
            answer.system.clone(),
            answer.what.clone(),
            answer.expected.clone(),
            answer.measured.clone(),
            mark.to_owned(),
        ]);
    }
    lines
}

fn reasons(figures: &[LoadFigure]) -> Vec<String> {
    let mut reasons = Vec::new();
    for (figure, SystemLoad { system, run, .. }) in each(figures) {
        let of = format!("{}, {system}", figure.name);
        if let Err(why) = run.pacing.valid() {
            reasons.push(format!("{of}: INVALID: {why}"));
        } else if let Some(response) = run.response.filter(|response| response.p999.is_none()) {
            let count = thousands(response.count);
            reasons.push(format!("{of}: quantiles beyond which fewer than ten of {count} deliveries lie"));
        }
        let missing = [("CPU", run.cpu_percent.why()), ("peak memory", run.peak_memory.why())];
        reasons.extend(missing.into_iter().filter_map(|(what, why)| Some(format!("{of}, {what}: {}", why?))));
        if let Some(seen) = &run.failures {
            let recovery = [("latency", &seen.recovery.latency_ns), ("backlog", &seen.recovery.backlog_ns)];
            let why = |(what, back): (&str, &Reading<u64>)| {
                Some(format!("{of}, {what} as before: {}", back.why()?))
            };
            reasons.extend(recovery.into_iter().filter_map(why));
        }
    }
    reasons
}

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
