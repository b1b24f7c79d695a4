//! `cargo record`: records traces, which the bench targets replay.
//!
//! ```text
//!  watch ─┐ a folder: notify → what changed → both halves of a rename
//!         ├─► Source ──► recording ──► TraceWriter
//!  lines ─┘ JSON                          summary
//! ```

#![allow(unreachable_pub, reason = "a program has no outside; `pub` says what a room shows to the others")]

mod args;
mod lines;
mod output;
mod progress;
mod recording;
mod refusal;
mod source;
mod stop;
mod summary;
mod watch;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use self::args::Arguments;
use self::lines::Lines;
use self::output::Output;
use self::recording::{Ended, Ends, Recording};
use self::refusal::Refusal;
use self::source::Source;
use self::stop::Stop;
use self::summary::Summary;
use self::watch::Watch;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.info {
        Some(trace) => Summary::read(trace).and_then(|summary| show(&summary, trace)),
        None => record(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(refusal) => {
            eprintln!("cargo record: {refusal}");
            ExitCode::FAILURE
        }
    }
}

fn record(arguments: &Arguments) -> Result<(), Refusal> {
    let stop = Stop::on_ctrl_c()?;
    let output = Output::named(arguments.out.clone());
    let mut source: Box<dyn Source> = match (&arguments.watch, &arguments.jsonl) {
        (Some(folder), _) => Box::new(Watch::start(folder, &arguments.ignore, output.path())?),
        (None, Some(file)) => Box::new(Lines::start(file, arguments.time.clone())?),
        (None, None) => unreachable!("the arguments name one of them"),
    };
    let recording = Recording::begin(&output, source.how(), arguments.note.as_deref())?;
    eprintln!("recording {} into {}; Ctrl-C ends it", source.what(), output.path().display());
    let ends = Ends { after: arguments.time_limit, events: arguments.limit, stop };
    let Ended { summary, because, outcome } = recording.run(&mut *source, &ends);
    if let Some(because) = because {
        eprintln!("cargo record: {because}");
    }
    show(&summary, output.path())?;
    outcome
}

/// A reader that has seen enough is no failure of ours.
fn show(summary: &Summary, trace: &Path) -> Result<(), Refusal> {
    match io::stdout().write_all(summary.text(trace).as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Refusal::Print(error)),
        _ => Ok(()),
    }
}
