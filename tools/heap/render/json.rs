//! For programs. `format` changes its number whenever something that was there goes or means something else.

use serde::Serialize;
use serde_json::{Value, json};

use super::Report;

const FORMAT: u32 = 1;

pub fn render(report: &Report) -> String {
    let (kind, value) = match report {
        Report::Summary(summary) => ("summary", of(summary)),
        Report::Leaks(leaks) => ("leaks", of(leaks)),
        Report::Diff(diff) => ("diff", of(diff)),
        Report::Flame(flame) => ("flame", of(flame)),
        Report::Check(check) => ("check", of(check)),
    };
    let status = report.status();
    let document = json!({"format": FORMAT, "status": status, "exit": status as u8, kind: value});
    format!("{document:#}\n")
}

fn of<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("plain data with strings for keys has a form in JSON")
}
