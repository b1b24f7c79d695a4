//! The third room: the same judgement as text, JSON, Markdown, or annotations.

mod github;
mod json;
mod markdown;
mod rows;
mod text;

use crate::args::Format;
use crate::judge::{Explanation, Judgement, Status};
use crate::verbs::{Acceptance, Listing};

/// What there is to show.
#[derive(Debug, Clone)]
pub enum Report {
    /// Of `check` and `against`.
    Judgement {
        /// What was found.
        judged: Judgement,
        /// Whether what did not change is shown too.
        all: bool,
    },
    /// Of `explain`.
    Explanation(Explanation),
    /// Of `accept`.
    Acceptance(Acceptance),
    /// Of `list`.
    Listing(Listing),
}

impl Report {
    /// How the program ends.
    pub fn status(&self) -> Status {
        match self {
            Self::Judgement { judged, .. } => judged.status(),
            _ => Status::Clean,
        }
    }
}

/// The report as `format` has it, with a newline at its end.
pub fn render(report: &Report, format: Format) -> String {
    match format {
        Format::Text => text::render(report),
        Format::Json => json::render(report),
        Format::Markdown => markdown::render(report),
        Format::Github => github::render(report),
    }
}
