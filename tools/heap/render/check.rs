use crucible_tables::thousands;

use super::parts::{L, Part, R, Rows, sites, warnings};
use super::words;
use crate::judge::{Check, Held, Source, Status};

pub fn parts(check: &Check) -> Vec<Part> {
    let source = &check.source;
    let exceeded = check.limits.iter().filter(|held| held.exceeded).count();
    let limits = check.limits.len();
    let plural = if limits == 1 { "" } else { "s" };
    let headline = match check.status() {
        Status::Exceeded => format!("✗ {}: {exceeded} of {limits} limit{plural} exceeded", source.file),
        _ => format!("✓ {}: within {limits} limit{plural}", source.file),
    };
    let mut parts = vec![Part::Title(headline)];
    parts.extend(warnings([source]));
    for allowed in &check.allowed {
        let stacks = format!("{} stack{}", allowed.stacks, if allowed.stacks == 1 { "" } else { "s" });
        let mut told =
            format!("allowed by `{}`: {stacks}, {}", allowed.pattern, words::amount(source, allowed.total));
        if source.has_lifetimes {
            told += &format!(
                "; {} at the peak; {} at the end",
                words::amount(source, allowed.peak),
                words::amount(source, allowed.end)
            );
        }
        parts.push(Part::Remark(told));
    }
    parts.push(Part::Heading("limits".to_owned()));
    parts.push(Part::Table(held(check)));
    if let Some(first) = check.limits.iter().find(|held| held.exceeded) {
        parts.push(Part::Heading(format!("most {} {}", limited(source, first), first.by.phrase())));
        parts.push(Part::Table(sites(source, &check.sites, false)));
    }
    parts
}

fn limited<'a>(source: &'a Source, held: &Held) -> &'a str {
    if held.of_blocks { &source.block_unit } else { &source.byte_unit }
}

fn held(check: &Check) -> Rows {
    let mut rows = Rows::new(&[("", L), ("limit", R), ("now", R), ("left out", R), ("", L)]);
    for held in &check.limits {
        rows.lines.push(vec![
            format!("{} {}", held.by.name(), limited(&check.source, held)),
            thousands(held.limit),
            thousands(held.value),
            thousands(held.left_out),
            if held.exceeded { "exceeded" } else { "within" }.to_owned(),
        ]);
    }
    rows
}
