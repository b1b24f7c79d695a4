//! `cargo regress`: holds the counts of kernels against a committed baseline, and explains what changed.
//!
//! Three rooms: `read` takes what others left, `judge` compares, `render` shows. A verb goes through them in this order.

#![allow(unreachable_pub, reason = "a program has no outside; `pub` says what a room shows to the others")]

mod args;
mod judge;
mod read;
mod render;
mod verbs;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;

use self::args::{Arguments, Format, Verb};
use self::judge::Status;
use self::read::Project;
use self::render::Report;
use self::verbs::Wish;
use crucible_profiles::{Refusal, Result};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// As shells have it for programs that Ctrl-C ends.
const EXIT_INTERRUPTED: u8 = 130;

/// Whether Ctrl-C was pressed. What was started ends by itself; we tidy up.
fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // If it cannot be set, Ctrl-C ends us at once, as it would without.
    let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed));
    let result = report(&arguments);
    match result {
        Ok(report) => show(&arguments, &report),
        Err(_) if interrupted() => {
            eprintln!("cargo regress: interrupted; nothing was written");
            ExitCode::from(EXIT_INTERRUPTED)
        }
        Err(refusal) => {
            eprintln!("cargo regress: {refusal}");
            Status::CannotJudge.into()
        }
    }
}

fn report(arguments: &Arguments) -> Result<Report> {
    let project =
        Project::around_here(arguments.common.measurement.clone(), arguments.common.policy.clone())?;
    let file = |given: &Option<_>| given.clone().unwrap_or_else(|| project.baseline());
    Ok(match &arguments.verb {
        Verb::Check { kernels, all, baseline } => {
            Report::Judgement { judged: verbs::check(&project, kernels, &file(baseline))?, all: *all }
        }
        Verb::Explain { kernel, baseline } => {
            Report::Explanation(verbs::explain(&project, kernel, &file(baseline))?)
        }
        Verb::Against { revision, words, all } => {
            Report::Judgement { judged: verbs::against(&project, revision, words)?, all: *all }
        }
        Verb::Accept { kernels, reason, only_improvements, baseline } => {
            let wish = Wish { kernels, reason, only_improvements: *only_improvements };
            Report::Acceptance(verbs::accept(&project, &wish, &file(baseline))?)
        }
        Verb::List { filters } => Report::Listing(verbs::list(&project, filters)?),
    })
}

fn append(path: &Path, report: &Report) -> Result<()> {
    let text = render::render(report, Format::Markdown);
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| Refusal::file(path, &error))
}

/// A reader that has seen enough, such as `head`, is no failure of ours.
fn show(arguments: &Arguments, report: &Report) -> ExitCode {
    if let Some(Err(error)) = arguments.common.append_markdown.as_deref().map(|path| append(path, report)) {
        eprintln!("cargo regress: {error}");
        return Status::CannotJudge.into();
    }
    let text = render::render(report, arguments.common.format);
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("cargo regress: the result cannot be printed: {error}");
            Status::CannotJudge.into()
        }
        _ => report.status().into(),
    }
}
