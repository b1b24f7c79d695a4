use crucible_tables::thousands;

use super::parts::{L, Part, R, Rows, stack, warnings};
use super::words;
use crate::args::By;
use crate::judge::{Change, Diff, Kind, difference};

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Appeared => "appeared",
        Kind::Gone => "gone",
        Kind::Grown => "grown",
        Kind::Shrunk => "shrunk",
    }
}

pub fn parts(diff: &Diff) -> Vec<Part> {
    let Diff { old, new, by, .. } = diff;
    let mut parts = vec![Part::Title(format!("{} → {}", old.file, new.file))];
    if old.command != new.command {
        parts.push(Part::Remark(format!("commands differ: {} → {}", old.command, new.command)));
    }
    parts.extend(warnings([old, new]));
    parts.extend(
        old.not_measured().or(new.not_measured()).map(|why| Part::Remark(format!("not measured: {why}"))),
    );
    parts.push(Part::Heading("all".to_owned()));
    parts.push(Part::Table(totals(diff)));
    parts.push(Part::Heading(format!("sites by {}", by.name())));
    let counts = [
        (diff.appeared, "appeared"),
        (diff.gone, "gone"),
        (diff.grown, "grown"),
        (diff.shrunk, "shrunk"),
        (diff.unchanged, "unchanged"),
    ];
    let counts: Vec<_> =
        counts.iter().map(|&(count, kind)| format!("{} {kind}", thousands(count as u64))).collect();
    parts.push(Part::Remark(counts.join(", ")));
    if diff.sites.is_empty() && diff.by != By::Total {
        parts.push(Part::Remark(
            "nothing differs; --by total compares all that was ever allocated".to_owned(),
        ));
    }
    parts.push(Part::Table(changes(diff)));
    if diff.more > 0 {
        parts.push(Part::Remark(format!("and {} more; --top 0 shows all", words::sites(diff.more))));
    }
    parts
}

fn totals(diff: &Diff) -> Rows {
    let (bytes, blocks) = (&diff.new.byte_unit, &diff.new.block_unit);
    let each = diff.events.map(|events| format!("for each of {} events", thousands(events.get())));
    let mut columns = vec![("", L), ("", L), ("old", R), ("new", R), ("difference", R)];
    columns.extend(each.as_deref().map(|each| (each, R)));
    let mut rows = Rows::new(&columns);
    for whole in &diff.totals {
        let units = [(bytes, whole.old.bytes, whole.new.bytes), (blocks, whole.old.blocks, whole.new.blocks)];
        for (number, (unit, old, new)) in units.into_iter().enumerate() {
            let name = if number == 0 { whole.by.name() } else { "" };
            let mut line = vec![name.to_owned(), unit.clone(), thousands(old), thousands(new)];
            line.push(words::signed(old, new));
            let share =
                |events: std::num::NonZeroU64| words::each(difference(old, new) as f64 / events.get() as f64);
            line.extend(diff.events.map(share));
            rows.lines.push(line);
        }
    }
    rows
}

fn changes(diff: &Diff) -> Rows {
    let (bytes, blocks) = (&diff.new.byte_unit, &diff.new.block_unit);
    let mut columns = vec![("", L), (&bytes[..], R), (&blocks[..], R)];
    let each = [format!("{bytes}/event"), format!("{blocks}/event")];
    if diff.events.is_some() {
        columns.extend(each.iter().map(|name| (&name[..], R)));
    }
    columns.extend([("allocated by", L), ("", L)]);
    let mut rows = Rows::new(&columns);
    for change in &diff.sites {
        let Change { old, new, bytes_per_event, blocks_per_event, .. } = change;
        let mut figures = vec![
            kind(change.kind).to_owned(),
            words::signed(old.bytes, new.bytes),
            words::signed(old.blocks, new.blocks),
        ];
        figures
            .extend([bytes_per_event, blocks_per_event].into_iter().flatten().map(|&each| words::each(each)));
        stack(&mut rows, figures, &change.stack);
    }
    rows
}
