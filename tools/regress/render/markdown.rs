use crucible_tables::{escaped, markdown};

use super::Report;
use super::rows::{self, Rows};
use crate::judge::{Explanation, Judgement, Status};
use crate::verbs::{Acceptance, Listing};

pub fn render(report: &Report) -> String {
    match report {
        Report::Judgement { judged, all } => judgement(judged, *all),
        Report::Explanation(explanation) => explained(explanation),
        Report::Acceptance(acceptance) => accepted(acceptance),
        Report::Listing(listing) => listed(listing),
    }
}

/// A table with an empty line before it; nothing if it has no lines.
fn table(rows: &Rows) -> String {
    if rows.is_empty() {
        return String::new();
    }
    format!("\n{}", markdown(&rows.sides, &rows.lines))
}

fn judgement(judged: &Judgement, all: bool) -> String {
    let status = judged.status();
    let mark = if status == Status::Clean { "✅" } else { "❌" };
    let mut out = format!("### {mark} {}\n", escaped(&rows::headline(judged)));
    for remark in rows::remarks(judged).iter().chain(&judged.notes) {
        out += &format!("\n- {}", escaped(remark));
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
    if all || status != Status::Incomparable {
        out += &table(&rows::kernels(&judged.kernels, all));
    }
    out += &format!("\n{}\n", escaped(&rows::tally(judged)));
    let origins: Vec<_> = judged.kernels.iter().filter(|kernel| kernel.origins.len() > 1).collect();
    if !origins.is_empty() {
        out += "\n<details><summary>Where it comes from</summary>\n";
        for kernel in origins {
            out += &format!("\n**{}**\n\n", escaped(&kernel.kernel));
            for origin in &kernel.origins {
                out += &format!("- {}: {}\n", origin.metric, escaped(&rows::origin(origin)));
            }
        }
        out += "\n</details>\n";
    }
    let advice = rows::advice(judged);
    if !advice.is_empty() {
        out += "\n```sh\n";
        for (what, command) in advice {
            out += &format!("{command}   # {}\n", what.to_lowercase());
        }
        out += "```\n";
    }
    out
}

fn explained(explanation: &Explanation) -> String {
    let mut out = format!("### {} against {}\n", escaped(&explanation.kernel), escaped(&explanation.against));
    for difference in &explanation.differences {
        out += &format!("\n- {} differs: what is told here may be due to that\n", escaped(&difference.part));
    }
    out += &table(&rows::changes(explanation));
    out += &table(&rows::functions(&explanation.functions));
    out + &table(&rows::allocations(&explanation.allocations))
}

fn accepted(acceptance: &Acceptance) -> String {
    let mut out = format!(
        "### {} written to {}\n",
        rows::kernels_of(acceptance.kernels.len()),
        escaped(&acceptance.baseline)
    );
    if !acceptance.rebased.is_empty() {
        out = format!(
            "### All counts taken anew, as these changed: {}\n",
            escaped(&acceptance.rebased.join(", "))
        );
    }
    out += &table(&rows::kernels(&acceptance.kernels, false));
    if !acceptance.not_accepted.is_empty() {
        out += &format!(
            "\nNo improvement, so left as they were: {}\n",
            escaped(&acceptance.not_accepted.join(", "))
        );
    }
    out
}

fn listed(listing: &Listing) -> String {
    table(&rows::listing(listing)).trim_start_matches('\n').to_owned()
}
