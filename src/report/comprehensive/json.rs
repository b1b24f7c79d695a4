//! The report for programs.

use serde::Serialize;
use serde_json::{Value, json};

use super::Judged;
use super::words::{shown, text};
use crate::analysis::findings::{Answer, Criterion, Figure, Finding, Kpi, Sentence, Topic};
use crate::measure::Moment;

/// It changes its number whenever something that was there goes or means something else.
const SCHEMA: &str = "crucible-report/1";

pub(super) fn render(judged: &Judged<'_>, written: Moment) -> String {
    let found = &judged.findings;
    let files: Vec<Value> = judged.run.files.iter().map(|file| {
        json!({"target": file.target, "file": file.name, "complete": file.complete, "provenance": file.provenance})
    }).collect();
    let document = json!({
        "schema": SCHEMA,
        "written": written,
        "files": files,
        "mixture": judged.run.mixture(),
        "systems": found.systems,
        "summary": found.summary.iter().map(finding).collect::<Vec<_>>(),
        "criteria": found.criteria.iter().map(criterion).collect::<Vec<_>>(),
        "findings": found.findings.iter().map(finding).collect::<Vec<_>>(),
        "kpis": found.kpis.iter().map(kpi).collect::<Vec<_>>(),
        "not_measured": found.not_measured,
    });
    format!("{document:#}\n")
}

fn finding(finding: &Finding) -> Value {
    let (topic, system) = match &finding.topic {
        Topic::Strength(system) => ("strength", Some(system)),
        Topic::Weakness(system) => ("weakness", Some(system)),
        Topic::Bottleneck(system) => ("bottleneck", Some(system)),
        Topic::Observation => ("observation", None),
        Topic::Recommendation => ("recommendation", None),
    };
    json!({
        "rule": finding.rule, "topic": topic, "system": system, "text": text(&finding.sentence),
        "figures": figures(&finding.sentence),
    })
}

fn criterion(criterion: &Criterion) -> Value {
    let (answer, why) = match &criterion.answer {
        Answer::Yes => ("yes", None),
        Answer::No => ("no", None),
        Answer::NotMeasured(why) => ("not_measured", Some(why)),
    };
    json!({
        "name": criterion.name, "system": criterion.system, "asks": criterion.asks, "answer": answer, "why": why,
        "because": text(&criterion.because), "figures": figures(&criterion.because),
    })
}

fn kpi(kpi: &Kpi) -> Value {
    let figure = kpi.figure.value().map(figure);
    json!({"name": kpi.name, "system": kpi.system, "of": kpi.of, "figure": figure, "not_measured": kpi.figure.why()})
}

fn figures(sentence: &Sentence) -> Vec<Value> {
    sentence.figures().map(figure).collect()
}

fn figure(figure: &Figure) -> Value {
    let Figure { target, places, quantity } = figure;
    json!({"target": target, "places": places, "quantity": value(quantity), "shown": shown(figure)})
}

fn value<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("plain data with strings for keys has a form in JSON")
}
