//! What a report tells of, in the order in which it is read.

mod comparison;
mod counts;
mod findings;
mod load;
mod memory;
mod missing;
mod provenance;
mod scaling;

use super::Judged;
use super::model::{Block, Place, Section, Table};
use crate::results::StoredFile;

/// All sections that have something to say.
pub(super) fn all(judged: &Judged<'_>) -> Vec<Section> {
    [
        findings::summary(judged),
        findings::criteria(judged),
        comparison::blocks(judged),
        comparison::section(judged),
        findings::strengths(judged),
        findings::bottlenecks(judged),
        findings::recommendations(judged),
        comparison::latency(judged),
        load::section(judged),
        scaling::section(judged),
        memory::section(judged),
        counts::section(judged),
        findings::kpis(judged),
        missing::section(judged),
        provenance::section(judged),
        provenance::method(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A table of the figures in a file, with where its rows are.
fn table(
    target: &str,
    title: &str,
    lines: Vec<Vec<String>>,
    pointers: impl IntoIterator<Item = String>,
) -> Option<Block> {
    Table::of(title, lines, pointers.into_iter().map(|pointer| Place::new(target, pointer)))
}

fn strings<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

/// A file beside a file of results, wherever it was written.
fn beside(file: &StoredFile, path: &std::path::Path) -> Option<std::path::PathBuf> {
    Some(file.path.with_file_name(path.file_name()?))
}
