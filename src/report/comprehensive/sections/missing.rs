use super::strings;
use crate::analysis::findings::Answer;
use crate::report::comprehensive::Judged;
use crate::report::comprehensive::model::{Block, Section, Table};
use crate::report::scalability_testing::limits;
use crate::report::{daemon_performance, load_testing};
use crate::results::REPORTED;

/// Rates that were looked for and not found.
pub(super) fn unconfirmed(judged: &Judged<'_>) -> Vec<[String; 2]> {
    judged.scaling.as_ref().map_or_else(Vec::new, |scaling| limits::unconfirmed(&scaling.limits))
}

/// What was not measured, and why.
pub(super) fn section(judged: &Judged<'_>) -> Option<Section> {
    let mut lines = vec![strings(["what", "why"])];
    let absent = REPORTED.iter().filter(|(target, _)| judged.run.file(target).is_none());
    lines.extend(absent.map(|(target, _)| strings([target, "this run has no results of it"])));
    for file in &judged.run.files {
        lines.extend(
            file.not_measured
                .iter()
                .map(|missing| strings([&format!("{}: {}", file.target, missing.what), &missing.why])),
        );
    }
    lines.extend(judged.findings.criteria.iter().filter_map(|criterion| match &criterion.answer {
        Answer::NotMeasured(why) => {
            Some(strings([&format!("{}: {}?", criterion.system, criterion.asks), why]))
        }
        Answer::Yes | Answer::No => None,
    }));
    lines.extend(judged.findings.not_measured.iter().map(|missing| strings([&missing.what, &missing.why])));
    lines.extend(unconfirmed(judged).into_iter().map(|[what, why]| strings([&what, &why])));
    let told = |text: String| match text.split_once(": ") {
        Some((what, why)) => strings([what, why]),
        None => strings([&text, "see the table"]),
    };
    lines.extend(judged.daemon.iter().flat_map(daemon_performance::reasons).map(told));
    lines.extend(judged.load.iter().flat_map(|load| load_testing::reasons(&load.figures)).map(told));
    let told = Table::of("What is missing", lines, []);
    let fine = Block::Paragraph("Nothing is missing.".to_owned());
    Section::of("missing", "Not measured", vec![told.unwrap_or(fine)])
}
