use crucible_profiles::dhat::Amount;
use crucible_tables::thousands;

use super::parts::{L, Part, R, Rows, more, stack, title, warnings};
use super::words;
use crate::judge::{Leaks, Live};

pub fn parts(leaks: &Leaks) -> Vec<Part> {
    let source = &leaks.source;
    let mut parts = vec![title(source)];
    parts.extend(warnings([source]));
    if leaks.end == Amount::default() {
        parts.push(Part::Remark("nothing was left at the end".to_owned()));
        return parts;
    }
    parts.push(Part::Remark(format!(
        "left at the end: {}, of {} allocated",
        words::amount(source, leaks.end),
        words::amount(source, leaks.total)
    )));
    parts.push(Part::Heading("left".to_owned()));
    let mut rows = Rows::new(&[
        (&source.byte_unit, R),
        ("share", R),
        (&source.block_unit, R),
        ("allocated by", L),
        ("", L),
    ]);
    for Live { amount, percent, stack: places } in &leaks.sites {
        let figures = vec![thousands(amount.bytes), words::percent(*percent), thousands(amount.blocks)];
        stack(&mut rows, figures, places);
    }
    parts.push(Part::Table(rows));
    parts.extend(more(source, leaks.more, leaks.more_amount));
    parts
}
