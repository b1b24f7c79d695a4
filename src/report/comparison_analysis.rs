//! The tables of `comparison_analysis`; its last one fits 80 columns.

use super::columns;
use super::quantity::{bytes, three_digits, time};
use crate::analysis::comparison::half_width_percent;
use crate::measure::Reading;
use crate::results::comparison_analysis::{Aspect, Comparison, ComparisonAnalysis, Side, Verdict};
use crate::stats::RatioEstimate;
use crate::sut::HandlerWork;

/// All of it, the table of verdicts last.
pub fn text(taken: &ComparisonAnalysis) -> String {
    let all: Vec<&Comparison> = taken.comparisons.iter().chain(&taken.controls).collect();
    if all.is_empty() {
        return String::new();
    }
    let mut out = details(&all);
    out.push('\n');
    out.push_str(&remarks(taken, &all));
    out.push('\n');
    out.push_str(&verdicts(&all));
    out.push_str(&conclusion(taken));
    out
}

fn line(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|&cell| cell.to_owned()).collect()
}

/// What each side cost, and how the figure was obtained.
fn details(all: &[&Comparison]) -> String {
    let mut lines = vec![line(&[
        "comparison",
        "rounds × pairs",
        "events/block",
        "events/pass",
        "sd of rounds",
        "by total",
        "CPU/event",
        "over",
        "peak memory",
        "over",
    ])];
    for c in all {
        lines.push(vec![
            c.name.clone(),
            format!("{} × {}", c.quartile.estimate.rounds, c.pairs),
            c.block_events.to_string(),
            shown(&c.pass_events, usize::to_string),
            format!("{:.1} %", 100.0 * c.pilot.quartile_sd),
            ratio(&c.total.estimate),
            shown(&c.system.cpu_ns_per_event, |&ns| time(ns)),
            shown(&c.over.cpu_ns_per_event, |&ns| time(ns)),
            shown(&c.system.peak_memory, |&b| bytes(b)),
            shown(&c.over.peak_memory, |&b| bytes(b)),
        ]);
    }
    columns(&lines)
}

fn shown<T>(reading: &Reading<T>, show: impl Fn(&T) -> String) -> String {
    reading.value().map_or_else(|| "not measured".to_owned(), show)
}

/// What cannot be said in a cell, each on a line of its own.
fn remarks(taken: &ComparisonAnalysis, all: &[&Comparison]) -> String {
    let mut out = String::new();
    for remark in &taken.machine {
        out.push_str(&format!("machine: {}; {}\n", remark.state, remark.advice));
    }
    for c in all {
        if let Some(why) = &c.why {
            out.push_str(&format!("{}: {why}\n", c.name));
        }
    }
    out
}

/// One line for each comparison.
fn verdicts(all: &[&Comparison]) -> String {
    let mut lines = vec![line(&["", "time", "over", "ratio [interval]", "verdict"])];
    for c in all {
        let times = [&c.system, &c.over].map(|side: &Side| time(side.quartile_ns_per_event));
        let [system, over] = times;
        let verdict = match c.disagreement {
            true => format!("{}*", verdict(c.verdict)),
            false => verdict(c.verdict).to_owned(),
        };
        lines.push(vec![format!(" {}", what(c)), system, over, ratio(&c.quartile.estimate), verdict]);
    }
    let table = columns(&lines);
    let (head, rows) = table.split_once('\n').unwrap_or_default();
    let mut out = format!("{head}\n");
    let mut group = String::new();
    for (c, row) in all.iter().zip(rows.lines()) {
        let heading = heading(c);
        if heading != group {
            out.push_str(&format!("{heading}\n"));
            group = heading;
        }
        out.push_str(&format!("{row}\n"));
    }
    out
}

fn heading(c: &Comparison) -> String {
    let revision = c.over.revision.as_ref().map_or_else(String::new, |revision| format!(" at {revision}"));
    match c.aspect {
        Aspect::Control => "A system over itself (A/A): noise".to_owned(),
        _ => format!("{} over {}{revision}", c.system.system, c.over.system),
    }
}

/// What tells a comparison from the others of its group, in at most 25 characters where names are the usual ones.
fn what(c: &Comparison) -> String {
    let threads = c.threads.0;
    match c.aspect {
        Aspect::Scenario => format!("{}, {}, {}", c.scenario.name, c.publishing, c.threads),
        Aspect::FanOut => format!("fan-out {:.0}", c.scenario.fan_out),
        Aspect::Rules => format!("{} rules", c.scenario.rules),
        Aspect::Payload => format!("payload {}", bytes(c.scenario.payload_bytes as u64)),
        Aspect::HandlerTime => match c.work {
            HandlerWork::None => format!("handler idle, {threads} thr."),
            HandlerWork::Spin(spent) => format!("handler {spent:?}, {threads} thr."),
            HandlerWork::Await(waited) => format!("awaits {waited:?}, {threads} thr."),
        },
        Aspect::Control => c.system.system.clone(),
    }
}

fn ratio(estimate: &RatioEstimate) -> String {
    // Near 1 it is the thousandths that tell.
    let digits = |value: f64| match value {
        v if (0.8..1.25).contains(&v) => format!("{v:.3}"),
        v => three_digits(v),
    };
    match &estimate.interval {
        Some(interval) => {
            format!("{} [{}, {}]", digits(estimate.ratio), digits(interval.low), digits(interval.high))
        }
        None => format!("{} [–]", digits(estimate.ratio)),
    }
}

/// A verdict in a word or two.
pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Faster => "faster",
        Verdict::Slower => "slower",
        Verdict::Equivalent => "equivalent",
        Verdict::NoDifferenceShown => "none shown",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Contradictory => "both ways",
    }
}

/// What the verdicts mean, and whether they count.
fn conclusion(taken: &ComparisonAnalysis) -> String {
    let relevant = taken.method.relevant_percent;
    let mut out = format!(
        "\nTimes are lower quartiles of blocks, per event; ratios are of these. Above 1:\n\
         the first is faster. All {} intervals hold together at 95 %.\n\
         What matters: {relevant} %. equivalent: within it. none shown: no difference\n\
         shown, and one that matters would most likely have been seen. inconclusive:\n\
         the interval is too wide to say.\n",
        2 * taken.method.comparisons
    );
    if taken.comparisons.iter().chain(&taken.controls).any(|c| c.disagreement) {
        out.push_str("* most blocks and their total time say different things: see above.\n");
    }
    match &taken.reliability.noise_floor_percent {
        Reading::Value(floor) => {
            out.push_str(&format!("Noise floor: a system over itself is known to ±{floor:.2} %.\n"));
        }
        Reading::Absent { not_measured } => {
            out.push_str(&format!("Noise floor: not measured: {not_measured}.\n"));
        }
    }
    if taken.reliability.reliable == Reading::Value(false) {
        out.push_str("UNRELIABLE: a system came out different from itself. No verdict of this run counts.\n");
        for control in &taken.controls {
            if let Some(interval) = &control.quartile.estimate.interval {
                let half = half_width_percent(interval);
                out.push_str(&format!(
                    "  {}: {} (±{half:.2} %)\n",
                    control.system.system,
                    verdict(control.verdict)
                ));
            }
        }
    }
    out
}

#[cfg(test)]
#[path = "comparison_analysis/tests.rs"]
mod tests;
