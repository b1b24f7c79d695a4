use super::{strings, table};
use crate::report::comprehensive::Judged;
use crate::report::comprehensive::counts::{Counts, Kernel, TARGET};
use crate::report::comprehensive::model::{Block, Section};
use crucible_tables::thousands;

/// Each kernel beside its own past; never beside another's.
pub(super) fn section(judged: &Judged<'_>) -> Option<Section> {
    let counts = Counts::of(judged.run)?;
    let mut lines = vec![strings([
        "kernel",
        "verdict",
        "instructions before",
        "now",
        "change",
        "atomics and other bus events",
    ])];
    lines.extend(counts.kernels.iter().map(line));
    let rows = (0..counts.kernels.len()).map(|at| format!("/judgement/kernels/{at}"));
    let title = format!("Counts of each kernel against its own past ({})", counts.against);
    let note =
        "Counts repeat exactly. They judge a kernel against its own past and never rank the two systems.";
    let blocks = table(TARGET, &title, lines, rows).into_iter().chain([Block::Paragraph(note.to_owned())]);
    Section::of("counts", "Instruction counts", blocks.collect())
}

fn line(kernel: &Kernel) -> Vec<String> {
    let shown = |count: Option<u64>| count.map_or_else(|| "–".to_owned(), thousands);
    let instructions = kernel.metric("instructions");
    let change =
        instructions.and_then(|change| Some((change.baseline.filter(|&count| count > 0)?, change.now?)));
    let percent = change.map_or_else(
        || "–".to_owned(),
        |(before, now)| format!("{:+.2} %", 100.0 * (now as f64 / before as f64 - 1.0)).replace('-', "−"),
    );
    vec![
        kernel.kernel.clone(),
        kernel.verdict.clone(),
        shown(instructions.and_then(|change| change.baseline)),
        shown(instructions.and_then(|change| change.now)),
        percent,
        shown(kernel.metric("bus_events").and_then(|change| change.now)),
    ]
}
