use serde::Deserialize;

use super::{strings, table};
use crate::report::comprehensive::Judged;
use crate::report::comprehensive::model::{Block, Section};
use crucible_tables::thousands;

const TARGET: &str = "instructions";

/// What `cargo regress check --format json` prints, as far as it is shown.
#[derive(Deserialize)]
struct Document {
    judgement: Judgement,
}

#[derive(Deserialize)]
struct Judgement {
    against: String,
    kernels: Vec<Kernel>,
}

#[derive(Deserialize)]
struct Kernel {
    kernel: String,
    verdict: String,
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    metric: String,
    baseline: Option<u64>,
    now: Option<u64>,
}

/// Each kernel beside its own past; never beside another's.
pub(super) fn section(judged: &Judged<'_>) -> Option<Section> {
    let file = judged.run.file(TARGET)?;
    let Ok(Document { judgement }) = Document::deserialize(file.document()) else { return None };
    let mut lines = vec![strings([
        "kernel",
        "verdict",
        "instructions before",
        "now",
        "change",
        "atomics and other bus events",
    ])];
    lines.extend(judgement.kernels.iter().map(line));
    let rows = (0..judgement.kernels.len()).map(|at| format!("/judgement/kernels/{at}"));
    let title = format!("Counts of each kernel against its own past ({})", judgement.against);
    let note =
        "Counts repeat exactly. They judge a kernel against its own past and never rank the two systems.";
    let blocks = table(TARGET, &title, lines, rows).into_iter().chain([Block::Paragraph(note.to_owned())]);
    Section::of("counts", "Instruction counts", blocks.collect())
}

fn line(kernel: &Kernel) -> Vec<String> {
    let of = |metric: &str| kernel.changes.iter().find(|change| change.metric == metric);
    let shown = |count: Option<u64>| count.map_or_else(|| "–".to_owned(), thousands);
    let instructions = of("instructions");
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
        shown(of("bus_events").and_then(|change| change.now)),
    ]
}
