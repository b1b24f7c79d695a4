use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;

use super::{EXIT_INTERRUPTED, Progress, catch_interrupt, interrupted};
use crate::measure::Run;
use crate::results::{Document, ResultFile, ResultsDir, StoreError};
use crate::targets::PlanError;

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
        folder: &Path,
        seed: u64,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let folder = ResultsDir::open(folder)?;
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

impl Taken {
    /// Says what failed, and the exit status: what could not be written comes first, then Ctrl-C, then what failed; `otherwise` is
    /// the target's own.
    pub fn status(self, target: &str, otherwise: ExitCode) -> ExitCode {
        self.failures.iter().for_each(|failure| eprintln!("no figure: {failure}"));
        match self.stored {
            Err(error) => fail(target, error),
            Ok(_) if interrupted() => ExitCode::from(EXIT_INTERRUPTED),
            Ok(_) if !self.failures.is_empty() => ExitCode::FAILURE,
            Ok(_) => otherwise,
        }
    }
}

/// One line on stderr, and the exit status of what failed.
pub fn fail(target: &str, error: impl Display) -> ExitCode {
    eprintln!("{target}: {error}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::Failure;

    struct Plan {
        taken: Vec<usize>,
    }

    fn session(folder: &Path) -> Session {
        let folder = ResultsDir::open(folder).expect("writable");
        let run = Run::begin(42);
        let file = folder.file("t", run.started());
        Session { target: "t", run, file }
    }

    fn stored(taken: &Taken) -> serde_json::Value {
        let path = taken.stored.as_ref().expect("written");
        serde_json::from_slice(&std::fs::read(path).expect("there")).expect("JSON")
    }

    /// What becomes of four figures if this happens to the second.
    fn take_four(folder: &Path, second: fn() -> Result<(), Failure>) -> Taken {
        let names = ["a", "b", "c", "d"].map(str::to_owned);
        let mut plan = Plan { taken: Vec::new() };
        let take = |plan: &mut Plan, number: usize| {
            let happens = if number == 1 { second() } else { Ok(()) };
            happens.map_err(|why| PlanError { figure: "b".to_owned(), why })?;
            plan.taken.push(number);
            Ok(())
        };
        let progress = Progress::of("t", names.len());
        session(folder).take_each(&progress, &names, &mut plan, take, |plan| &plan.taken)
    }

    #[test]
    fn all_is_kept_and_complete() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let taken = take_four(folder.path(), || Ok(()));
        let document = stored(&taken);
        assert_eq!(document["results"], serde_json::json!([0, 1, 2, 3]));
        assert_eq!((document["complete"].as_bool(), taken.failures.len()), (Some(true), 0));
        assert_eq!(taken.status("t", ExitCode::from(4)), ExitCode::from(4));
    }

    #[test]
    fn a_failure_does_not_hide_the_next() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let taken = take_four(folder.path(), || Err(Failure::Profile("it is empty".to_owned())));
        let document = stored(&taken);
        assert_eq!(document["results"], serde_json::json!([0, 2, 3]));
        assert_eq!(document["complete"], false);
        assert_eq!(taken.failures, ["b: it is empty"]);
        assert_eq!(taken.status("t", ExitCode::SUCCESS), ExitCode::FAILURE);
    }

    #[test]
    fn an_interruption_ends_it_and_what_was_taken_is_kept() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let taken = take_four(folder.path(), || Err(Failure::Interrupted));
        assert_eq!(stored(&taken)["results"], serde_json::json!([0]));
        assert_eq!(taken.failures, [""; 0]);
    }

    #[test]
    fn a_folder_that_is_gone_ends_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("results");
        let mut session = session(&path);
        std::fs::remove_dir(&path).expect("it is empty");
        let mut plan = Plan { taken: Vec::new() };
        let take = |plan: &mut Plan, number: usize| {
            plan.taken.push(number);
            Ok(())
        };
        let names = ["a", "b"].map(str::to_owned);
        let progress = Progress::of("t", names.len());
        let taken = session.take_each(&progress, &names, &mut plan, take, |plan| &plan.taken);
        assert_eq!(plan.taken, [0], "what cannot be kept is not measured");
        assert_eq!(taken.status("t", ExitCode::SUCCESS), ExitCode::FAILURE);
    }
}
