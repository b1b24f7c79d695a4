//! The tables and plots of `scalability_testing`.

pub(super) mod dimensions;
pub(super) mod limits;
pub(super) mod plots;

use std::fmt::Write;

use crucible_tables::columns;

use crate::measure::Reading;
use crate::results::scalability_testing::ScalabilityTesting;

pub use plots::plots;

/// All tables.
pub fn text(results: &ScalabilityTesting) -> String {
    let mut out = String::new();
    limits::write(&mut out, &results.limits);
    dimensions::write(&mut out, &results.dimensions);
    out
}

fn section(out: &mut String, title: &str, lines: &[Vec<String>]) {
    if lines.len() > 1 {
        let _ = writeln!(out, "{title}\n{}", columns(lines));
    }
}

fn strings<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

const NONE: &str = "–";

fn reading<T>(reading: &Reading<T>, show: impl Fn(&T) -> String) -> String {
    reading.value().map_or_else(|| NONE.to_owned(), show)
}
