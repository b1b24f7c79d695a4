use crucible_tables::aligned;

use super::Report;
use super::rows::{self, Rows};
use crate::judge::{Explanation, Judgement, Side, Status};
use crate::verbs::{Acceptance, Listing};

pub fn render(report: &Report) -> String {
    match report {
        Report::Judgement { judged, all } => judgement(judged, *all),
        Report::Explanation(explanation) => explained(explanation),
        Report::Acceptance(acceptance) => accepted(acceptance),
        Report::Listing(listing) => listed(listing),
    }
}

/// A table, one step to the right, with an empty line before it; nothing if it has no lines.
fn table(rows: &Rows) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let lines: Vec<_> = aligned(&rows.sides, &rows.lines).lines().map(|line| format!(" {line}\n")).collect();
    format!("\n{}", lines.concat())
}

fn judgement(judged: &Judgement, all: bool) -> String {
    let status = judged.status();
    let mark = if status == Status::Clean { '✓' } else { '✗' };
    let mut out = format!("{mark} {}\n", rows::headline(judged));
    let remarks: Vec<_> =
        rows::remarks(judged).iter().chain(&judged.notes).map(|remark| format!(" {remark}\n")).collect();
    out += &remarks.concat();
    let table = table(&rows::kernels(&judged.kernels, all));
    // Counts that cannot be compared say nothing.
    if all || status != Status::Incomparable {
        out += &table;
    }
    let fingerprint = match (judged.side, judged.differences.len()) {
        (Side::Revision, _) => String::new(),
        (Side::Baseline, 0) => " · fingerprint equal".to_owned(),
        (Side::Baseline, _) => " · fingerprint differs".to_owned(),
    };
    let waivers = match judged.side {
        Side::Revision => String::new(),
        Side::Baseline if judged.waivers.is_empty() => " · waivers: none".to_owned(),
        Side::Baseline => format!(" · waivers: {}", judged.waivers.join(", ")),
    };
    if status != Status::Clean || all || judged.side == Side::Revision {
        out += &format!("\n {}{fingerprint}{waivers}\n", rows::tally(judged));
    }
    for (what, command) in rows::advice(judged) {
        out += &format!(" {what}: {command}\n");
    }
    out
}

fn explained(explanation: &Explanation) -> String {
    let mut out = format!("{} against {}\n", explanation.kernel, explanation.against);
    for difference in &explanation.differences {
        out += &format!(" {} differs: what is told here may be due to that\n", difference.part);
    }
    out += &table(&rows::changes(explanation));
    let (functions, allocations) = (
        table(&rows::functions(&explanation.functions)),
        table(&rows::allocations(&explanation.allocations)),
    );
    if functions.is_empty() && allocations.is_empty() {
        out += "\n no function costs more or less\n";
    }
    out + &functions + &allocations
}

fn accepted(acceptance: &Acceptance) -> String {
    let mut out = if !acceptance.rebased.is_empty() {
        format!("✓ all counts taken anew, as these changed: {}\n", acceptance.rebased.join(", "))
    } else if acceptance.kernels.is_empty() {
        format!("✓ nothing to write: {} unchanged\n", rows::kernels_of(acceptance.unchanged))
    } else {
        format!(
            "✓ {} written to {}, {} unchanged\n",
            rows::kernels_of(acceptance.kernels.len()),
            acceptance.baseline,
            acceptance.unchanged
        )
    };
    out += &table(&rows::kernels(&acceptance.kernels, false));
    if !acceptance.not_accepted.is_empty() {
        out += &format!("\n no improvement, so left as they were: {}\n", acceptance.not_accepted.join(", "));
    }
    out
}

fn listed(listing: &Listing) -> String {
    table(&rows::listing(listing)).trim_start_matches('\n').to_owned()
}
