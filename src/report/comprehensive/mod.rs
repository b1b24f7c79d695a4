//! The report on a run: one page for people, in Markdown and in HTML, and the same findings for programs.
//!
//! [`Report::of`] judges stored results; the renderers show one and the same page. What the results lack the report
//! lacks, and says so.

mod counts;
mod diff;
mod html;
mod json;
mod links;
mod markdown;
mod model;
mod plots;
mod sections;
#[cfg(test)]
mod tests;
mod words;

pub use diff::{Change, Difference, Moved, diff};
pub use words::{shown, text};

use self::model::Page;
use crate::analysis::findings::{Answer, Findings, ProductionLoad};
use crate::measure::Moment;
use crate::results::comparison_analysis::ComparisonAnalysis;
use crate::results::daemon_performance::DaemonPerformance;
use crate::results::load_testing::LoadTesting;
use crate::results::memory_profiling::MemoryProfiling;
use crate::results::scalability_testing::ScalabilityTesting;
use crate::results::{StoreError, StoredRun};

/// A run and what it comes to.
struct Judged<'r> {
    run: &'r StoredRun,
    findings: Findings,
    compared: Option<ComparisonAnalysis>,
    daemon: Option<DaemonPerformance>,
    load: Option<LoadTesting>,
    memory: Option<MemoryProfiling>,
    scaling: Option<ScalabilityTesting>,
}

/// A finished report.
#[derive(Debug)]
pub struct Report {
    /// For a terminal: what the summary says, and the answers.
    pub verdict: String,
    /// For people who read text.
    pub markdown: String,
    /// One self-contained page.
    pub html: String,
    /// For programs.
    pub json: String,
}

impl Report {
    /// Judges a run and renders all forms of the report. `written` is the moment that it is dated with.
    ///
    /// # Errors
    /// A file whose figures are not as expected.
    pub fn of(run: &StoredRun, written: Moment) -> Result<Self, StoreError> {
        let judged = Judged {
            run,
            findings: Findings::of(run, &ProductionLoad::default()),
            compared: run.results("comparison_analysis")?,
            daemon: run.results("daemon_performance")?,
            load: run.results("load_testing")?,
            memory: run.results("memory_profiling")?,
            scaling: run.results("scalability_testing")?,
        };
        let page = Page {
            title: format!("Performance report: {}", judged.findings.systems.join(" and ")),
            about: about(&judged, written),
            sections: sections::all(&judged),
        };
        let files =
            |target: &str| run.file(target).map_or_else(|| target.to_owned(), |file| file.name.clone());
        Ok(Self {
            verdict: verdict(&judged),
            markdown: markdown::render(&page, &files),
            html: html::render(&page, &files),
            json: json::render(&judged, written),
        })
    }
}

/// Of which run: the commit and machine of its first file.
fn about(judged: &Judged<'_>, written: Moment) -> String {
    let first = judged.run.files.iter().find_map(|file| file.provenance.as_ref());
    let of = first.map(|provenance| {
        let commit = provenance.source.value().map_or_else(
            || "unknown".to_owned(),
            |source| {
                let commit: String = source.commit.chars().take(7).collect();
                if source.dirty { format!("{commit}, changed") } else { commit }
            },
        );
        let cores = provenance.machine.cores.value().map_or_else(|| "?".to_owned(), usize::to_string);
        let cpu = provenance.machine.cpu.value().map_or("unknown processor", String::as_str);
        format!(" · measured {} · commit {commit} · {cores} cores of {cpu}", provenance.started)
    });
    let files = judged.run.files.len();
    format!("Written {written}{} · {files} files of results", of.unwrap_or_default())
}

fn verdict(judged: &Judged<'_>) -> String {
    let mut lines: Vec<String> =
        judged.run.mixture().into_iter().map(|what| format!("WARNING: not of one run: {what}")).collect();
    lines.extend(judged.findings.summary.iter().map(|finding| text(&finding.sentence)));
    if judged.findings.summary.is_empty() {
        lines.push("No recommendation: nothing in these results supports one.".to_owned());
    }
    for criterion in &judged.findings.criteria {
        let answer = match &criterion.answer {
            Answer::Yes => "yes".to_owned(),
            Answer::No => "no".to_owned(),
            Answer::NotMeasured(why) => format!("not measured: {why}"),
        };
        lines.push(format!("{}: {}? {answer}", criterion.system, criterion.asks));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}
