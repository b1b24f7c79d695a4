use crucible_profiles::dhat::Amount;
use crucible_tables::thousands;

use super::parts::{L, Part, R, Rows, more, sites, title, warnings};
use super::words;
use crate::judge::{Caller, Rank, Ranking, Summary};

pub fn parts(summary: &Summary) -> Vec<Part> {
    let source = &summary.source;
    let mut parts = vec![title(source)];
    parts.extend(warnings([source]));
    parts.extend(source.not_measured().map(|why| Part::Remark(format!("not measured: {why}"))));
    parts.push(Part::Heading("all".to_owned()));
    parts.push(Part::Table(wholes(summary)));
    for ranking in &summary.rankings {
        parts.extend(ranked(summary, ranking));
    }
    parts
}

fn wholes(summary: &Summary) -> Rows {
    let source = &summary.source;
    let mut rows = Rows::new(&[("", L), (&source.byte_unit, R), (&source.block_unit, R), ("", L)]);
    let mut row = |name: &str, amount: Option<Amount>, remark: String| {
        if let Some(Amount { bytes, blocks }) = amount {
            rows.lines.push(vec![name.to_owned(), thousands(bytes), thousands(blocks), remark]);
        }
    };
    let after = |time: u64| format!("after {}", words::time(source, time));
    let at_most = summary.short_lived_at_most.map(|time| words::time(source, time)).unwrap_or_default();
    row("total", Some(summary.total), String::new());
    row("peak", summary.peak, source.peak_time.map(after).unwrap_or_default());
    row("end", summary.end, after(source.end_time));
    row("short-lived", summary.short_lived, format!("sites whose blocks live {at_most} or less on average"));
    rows
}

fn rank(rank: Rank) -> &'static str {
    match rank {
        Rank::Total => "most in total",
        Rank::Peak => "most at the peak",
        Rank::End => "most at the end",
        Rank::ShortLived => "most short-lived",
    }
}

fn ranked(summary: &Summary, ranking: &Ranking) -> Vec<Part> {
    let source = &summary.source;
    let mut parts = vec![Part::Heading(rank(ranking.by).to_owned())];
    if ranking.sites.is_empty() && ranking.more == 0 {
        parts.push(Part::Remark("nothing".to_owned()));
        return parts;
    }
    let mut rows = sites(source, &ranking.sites, ranking.by == Rank::ShortLived);
    if summary.tree {
        let columns = rows.sides.len() - 2;
        let head = rows.lines.remove(0);
        let lines = std::mem::replace(&mut rows.lines, vec![head]);
        for (line, site) in lines.into_iter().zip(&ranking.sites) {
            rows.lines.push(line);
            callers(&mut rows, &site.callers, 1, columns);
        }
    }
    parts.push(Part::Table(rows));
    parts.extend(more(source, ranking.more, ranking.more_amount));
    parts
}

/// A chain of single callers stays in its column.
fn callers(rows: &mut Rows, of: &[Caller], depth: usize, columns: usize) {
    for caller in of {
        let (bytes, blocks) = (thousands(caller.amount.bytes), thousands(caller.amount.blocks));
        let mut line = vec![bytes, String::new(), blocks];
        if columns > 3 {
            line.swap(0, 2);
        }
        line.resize(columns, String::new());
        line.extend([
            format!("{}← {}", "  ".repeat(depth), caller.place.short_function()),
            caller.place.location(),
        ]);
        rows.lines.push(line);
        callers(rows, &caller.callers, depth + usize::from(of.len() > 1), columns);
    }
}
