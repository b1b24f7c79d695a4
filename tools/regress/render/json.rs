//! For programs. `schema` changes its number whenever something that was there goes or means something else.

use serde::Serialize;
use serde_json::{Value, json};

use super::Report;

const SCHEMA: &str = "crucible-regress/1";

pub fn render(report: &Report) -> String {
    let (kind, value) = match report {
        Report::Judgement { judged, .. } => ("judgement", of(judged)),
        Report::Explanation(explanation) => ("explanation", of(explanation)),
        Report::Acceptance(acceptance) => ("acceptance", of(acceptance)),
        Report::Listing(listing) => ("listing", of(listing)),
    };
    let status = report.status();
    let document = json!({"schema": SCHEMA, "status": status, "exit": status as u8, kind: value});
    format!("{document:#}\n")
}

fn of<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("plain data with strings for keys has a form in JSON")
}
