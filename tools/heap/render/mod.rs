//! The third room: the same report as text, JSON or Markdown.

mod check;
mod diff;
mod json;
mod leaks;
mod markdown;
mod parts;
mod summary;
mod text;
mod words;

use crate::args::Format;
use crate::judge::{Check, Diff, Leaks, Status, Summary};
use crate::verbs::Flame;

/// What there is to show.
#[derive(Debug, Clone)]
pub enum Report {
    Summary(Summary),
    Leaks(Leaks),
    Diff(Diff),
    Flame(Flame),
    Check(Check),
}

impl Report {
    /// How the program ends.
    pub fn status(&self) -> Status {
        match self {
            Self::Check(check) => check.status(),
            _ => Status::Fine,
        }
    }
}

/// The report as `format` has it, with a newline at its end.
pub fn render(report: &Report, format: Format) -> String {
    match format {
        Format::Text => text::render(&parts::parts(report)),
        Format::Json => json::render(report),
        Format::Markdown => markdown::render(&parts::parts(report)),
    }
}
