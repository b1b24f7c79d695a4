use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;

use super::{Progress, catch_interrupt, interrupted};
use crate::measure::Run;
use crate::results::{Document, ResultFile, ResultsDir, StoreError};
use crate::targets::PlanError;

/// Where results are written if nobody says so.
const RESULTS: &str = "benchmark_results";

/// A run of a bench target, whose results are on disk after every figure.
pub struct Session {
    target: &'static str,
    run: Run,
    /// Of this run.
    pub file: ResultFile,
}

/// What became of the figures.
pub struct Taken {
    /// Those that could not be taken, and why.
    pub failures: Vec<String>,
    /// Where the rest is.
    pub stored: Result<PathBuf, StoreError>,
}

impl Session {
    /// Finds out whether results can be written, before anything is measured, and from now on lets Ctrl-C keep what was
    /// finished. `files` is how their names begin.
    ///
    /// # Errors
    /// A folder that cannot be written, or a signal that cannot be handled.
    pub fn begin(
        target: &'static str,
        files: &str,
        folder: Option<&Path>,
        seed: u64,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let folder = ResultsDir::open(folder.unwrap_or_else(|| Path::new(RESULTS)))?;
        let run = Run::begin(seed);
        let file = folder.file(files, run.started());
        catch_interrupt()?;
        Ok(Self { target, run, file })
    }

    /// Writes what was taken so far; returns where.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep<T: Serialize>(&mut self, taken: T, complete: bool) -> Result<PathBuf, StoreError> {
        let mut document = Document::new(self.target, self.run.provenance(), taken);
        document.complete = complete;
        self.file.save(&document)
    }

    /// Takes each figure and keeps what `plan` has. One that fails does not hide the others; Ctrl-C and a disk that takes
    /// no more end it.
    pub fn take_each<P, T: Serialize + Clone>(
        &mut self,
        progress: &Progress,
        names: &[String],
        plan: &mut P,
        take: impl Fn(&mut P, usize) -> Result<(), PlanError>,
        taken: impl Fn(&P) -> &T,
    ) -> Taken {
        let mut failures = Vec::new();
        for (number, name) in names.iter().enumerate() {
            progress.show(number, name);
            match take(plan, number) {
                Ok(()) => {}
                Err(why) if why.is_interruption() => break,
                Err(why) => {
                    eprintln!("\nerror: {why}");
                    failures.push(why.to_string());
                }
            }
            if let Err(full) = self.keep(taken(plan).clone(), false) {
                progress.clear();
                return Taken { failures, stored: Err(full) };
            }
        }
        progress.clear();
        let complete = !interrupted() && failures.is_empty();
        Taken { stored: self.keep(taken(plan).clone(), complete), failures }
    }
}

/// One line on stderr, and the exit status of what failed.
pub fn fail(target: &str, error: impl Display) -> ExitCode {
    eprintln!("{target}: {error}");
    ExitCode::FAILURE
}
