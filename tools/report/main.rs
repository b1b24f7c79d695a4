//! `cargo perf-report`: makes the report on a run from its stored results; `cargo perf-report diff` tells what changed.

#![allow(unreachable_pub, reason = "a program has no outside; `pub` says what a room shows to the others")]

mod args;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use crucible_perf::measure::Moment;
use crucible_perf::report::comprehensive::{Report, diff};
use crucible_perf::results::{ResultsDir, RunError, StoreError, StoredRun, Wanted};

use self::args::{Arguments, Make, Verb};

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let told = match &arguments.verb {
        None => make(&arguments.make),
        Some(Verb::Diff { old, new, all, results }) => changes(old, new, *all, results),
    };
    match told {
        Ok(text) => show(&text),
        Err(failure) => {
            eprintln!("cargo perf-report: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// All of it is rendered before anything is written.
fn make(make: &Make) -> Result<String, Failure> {
    let wanted = match (&make.run, &make.files[..]) {
        (Some(stamp), _) => Wanted::Since(stamp.clone()),
        (None, []) => Wanted::Latest,
        (None, files) => Wanted::Files(files.to_vec()),
    };
    let run = StoredRun::load(&make.results, &wanted)?;
    let now = Moment::now();
    let report = Report::of(&run, now)?;
    let folder = ResultsDir::open(make.out.as_ref().unwrap_or(&make.results))?;
    let mut file = folder.file("comprehensive_report", now);
    let mut written: Vec<PathBuf> = Vec::new();
    for (extension, text) in [("md", &report.markdown), ("html", &report.html), ("json", &report.json)] {
        written.push(file.save_as(extension, text)?);
    }
    let used: String = run.files.iter().map(|file| format!("from {}\n", file.path.display())).collect();
    let paths: String = written.iter().map(|path| format!("{}\n", path.display())).collect();
    Ok(format!("{}\n{used}{paths}", report.verdict))
}

fn changes(old: &str, new: &str, all: bool, results: &Path) -> Result<String, Failure> {
    let [old, new] = [named(old, results), named(new, results)];
    Ok(diff(&old?, &new?)?.text(all))
}

/// A folder, a file, or the stamp of a run.
fn named(word: &str, results: &Path) -> Result<StoredRun, RunError> {
    let path = Path::new(word);
    match () {
        () if path.is_dir() => StoredRun::load(path, &Wanted::Latest),
        () if path.exists() || path.extension().is_some() => {
            StoredRun::load(results, &Wanted::Files(vec![path.to_owned()]))
        }
        () => StoredRun::load(results, &Wanted::Since(word.to_owned())),
    }
}

/// A reader that has seen enough, such as `head`, is no failure of ours.
fn show(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("cargo perf-report: the result cannot be printed: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}
