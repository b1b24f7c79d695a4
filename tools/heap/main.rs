//! `cargo heap`: tells what is in a heap profile in dhat's format, without a browser.
//!
//! Three rooms: `read` takes a profile and tells whose its frames are, `judge` sums and compares, `render` shows. A verb
//! goes through them in this order.

#![allow(unreachable_pub, reason = "a program has no outside; `pub` says what a room shows to the others")]

mod args;
mod judge;
mod read;
mod render;
mod verbs;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use self::args::{Arguments, Verb};
use self::judge::Status;
use self::render::Report;
use crucible_profiles::Result;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match report(&arguments) {
        Ok(report) => show(&arguments, &report),
        Err(refusal) => {
            eprintln!("cargo heap: {refusal}");
            Status::CannotJudge.into()
        }
    }
}

fn report(arguments: &Arguments) -> Result<Report> {
    let own = &arguments.common.own;
    Ok(match &arguments.verb {
        Verb::Summary { file, tree, top } => Report::Summary(verbs::summary(file, own, top.limit(), *tree)?),
        Verb::Leaks { file, top } => Report::Leaks(verbs::leaks(file, own, top.limit())?),
        Verb::Diff { old, new, per_event, by, top } => {
            Report::Diff(verbs::diff([old, new], own, *by, *per_event, top.limit())?)
        }
        Verb::Flame { file, output, by } => Report::Flame(verbs::flame(file, own, output, *by)?),
        Verb::Check { file, limits, allow } => Report::Check(verbs::check(file, own, limits, allow)?),
    })
}

/// A reader that has seen enough, such as `head`, is no failure of ours.
fn show(arguments: &Arguments, report: &Report) -> ExitCode {
    let text = render::render(report, arguments.common.format);
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("cargo heap: the result cannot be printed: {error}");
            Status::CannotJudge.into()
        }
        _ => report.status().into(),
    }
}
