//! A report as titles, remarks and tables, before a format draws them.

use crucible_profiles::dhat::{Amount, Place};
use crucible_tables::{Side, thousands};

use super::{Report, check, diff, leaks, summary, words};
use crate::judge::{RankedSite, Source};
use crate::verbs::Flame;

/// What a format draws.
pub enum Part {
    Title(String),
    Remark(String),
    Heading(String),
    Table(Rows),
}

/// A table: on which side each column stands, the head, and the lines.
pub struct Rows {
    pub sides: Vec<Side>,
    pub lines: Vec<Vec<String>>,
}

impl Rows {
    pub fn new(columns: &[(&str, Side)]) -> Self {
        let head = columns.iter().map(|&(name, _)| name.to_owned()).collect();
        Self { sides: columns.iter().map(|&(_, side)| side).collect(), lines: vec![head] }
    }

    /// Whether there is nothing but the head.
    pub fn is_empty(&self) -> bool {
        self.lines.len() < 2
    }
}

pub const L: Side = Side::Left;
pub const R: Side = Side::Right;

pub fn parts(report: &Report) -> Vec<Part> {
    match report {
        Report::Summary(report) => summary::parts(report),
        Report::Leaks(report) => leaks::parts(report),
        Report::Diff(report) => diff::parts(report),
        Report::Flame(report) => drawn(report),
        Report::Check(report) => check::parts(report),
    }
}

pub fn title(source: &Source) -> Part {
    let command = if source.command.is_empty() { "an unnamed program" } else { &source.command };
    Part::Title(format!("{}: {command} (mode {}, process {})", source.file, source.mode, source.pid))
}

pub fn warnings<'a>(sources: impl IntoIterator<Item = &'a Source>) -> impl Iterator<Item = Part> {
    let told = |source: &'a Source| {
        source.warnings.iter().map(|warning| Part::Remark(format!("warning: {}: {warning}", source.file)))
    };
    sources.into_iter().flat_map(told)
}

fn drawn(flame: &Flame) -> Vec<Part> {
    let source = &flame.source;
    let what = format!("{} {}", words::amount(source, flame.amount), flame.by.phrase());
    let mut parts = vec![Part::Title(format!("✓ {} written: {what}", flame.output))];
    parts.extend(warnings([source]));
    parts
}

/// Bytes, their share, blocks, the function, and where it is.
pub fn sites(source: &Source, sites: &[RankedSite], by_blocks: bool) -> Rows {
    let mut columns = vec![(&source.byte_unit[..], R), ("share", R), (&source.block_unit[..], R)];
    if by_blocks {
        columns = vec![(&source.block_unit[..], R), ("share", R), (&source.byte_unit[..], R), ("live", R)];
    }
    columns.extend([("site", L), ("", L)]);
    let mut rows = Rows::new(&columns);
    for site in sites {
        let (bytes, blocks) = (thousands(site.amount.bytes), thousands(site.amount.blocks));
        let share = words::percent(site.percent);
        let mut line = if by_blocks { vec![blocks, share, bytes] } else { vec![bytes, share, blocks] };
        if by_blocks {
            line.push(words::time(source, site.average_lifetime.unwrap_or(0)));
        }
        line.extend([site.place.short_function(), site.place.location()]);
        rows.lines.push(line);
    }
    rows
}

pub fn more(source: &Source, count: usize, amount: Amount) -> Option<Part> {
    let more = format!(
        "and {} more, with {}; --top 0 shows all",
        words::sites(count),
        words::amount(source, amount)
    );
    (count > 0).then_some(Part::Remark(more))
}

/// The first place beside the figures, and who called below.
pub fn stack(rows: &mut Rows, figures: Vec<String>, stack: &[Place]) {
    let blank = vec![String::new(); figures.len()];
    for (depth, place) in stack.iter().enumerate() {
        let mut line = if depth == 0 { figures.clone() } else { blank.clone() };
        let arrow = if depth == 0 { "" } else { "  ← " };
        line.extend([format!("{arrow}{}", place.short_function()), place.location()]);
        rows.lines.push(line);
    }
}
