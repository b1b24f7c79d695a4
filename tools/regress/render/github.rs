//! Annotations: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>. The rest is told as text.

use super::{Report, rows, text};
use crate::judge::{Change, Judgement, KernelVerdict, Status, Verdict};

pub fn render(report: &Report) -> String {
    match report {
        Report::Judgement { judged, .. } => annotations(judged) + &text::render(report),
        _ => text::render(report),
    }
}

fn annotations(judged: &Judgement) -> String {
    let mut out = String::new();
    let level = if judged.status() == Status::Incomparable { "warning" } else { "error" };
    for remark in rows::remarks(judged) {
        out += &annotation(level, None, "performance", &remark);
    }
    for kernel in &judged.kernels {
        for change in &kernel.changes {
            let level = match change.verdict {
                Verdict::Regressed => "error",
                Verdict::Waived => "warning",
                Verdict::Improved | Verdict::New | Verdict::Missing
                    if judged.status() == Status::OutOfDate =>
                {
                    "error"
                }
                _ => continue,
            };
            out += &about(level, kernel, change);
        }
    }
    out
}

fn about(level: &str, kernel: &KernelVerdict, change: &Change) -> String {
    let from = kernel.origins.iter().find(|origin| origin.metric == change.metric);
    let location =
        from.and_then(|origin| origin.location.as_ref()).map(|place| (&place.file[..], place.line));
    let share = change.percent().map(rows::percent_of).unwrap_or_default();
    let counted = |count: Option<u64>| count.map_or_else(|| "none".to_owned(), crucible_tables::thousands);
    let from = from.map(|origin| format!("; {}", rows::origin(origin))).unwrap_or_default();
    let message = format!(
        "{}: {} from {} to {} {share}{from}",
        change.verdict.name(),
        change.metric,
        counted(change.baseline),
        counted(change.now)
    );
    annotation(level, location, &kernel.kernel, &message)
}

fn annotation(level: &str, location: Option<(&str, u32)>, title: &str, message: &str) -> String {
    let place =
        location.map(|(file, line)| format!("file={},line={line},", property(file))).unwrap_or_default();
    format!("::{level} {place}title={}::{}\n", property(title), data(message))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
