//! The files of one run, found again: one for each bench target that left some.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{SCHEMA, StoreError};
use crate::measure::{NotMeasured, Provenance};

/// Bench targets that leave results to be reported, and how their files' names begin, in the order of a run.
pub const REPORTED: [(&str, &str); 6] = [
    ("daemon_performance", "daemon_performance"),
    ("load_testing", "load_testing"),
    ("memory_profiling", "memory_profiling"),
    ("comparison_analysis", "comparison_analysis"),
    ("scalability_testing", "scalability_results"),
    ("instructions", "instructions"),
];

/// What `cargo regress check --format json` prints; stored beside the other results it tells of the counts.
const COUNTS_SCHEMA: &str = "crucible-regress/1";

/// The length of `YYYYMMDD_HHMMSS`.
const STAMP: usize = 15;

/// A file of results as it is, with what its envelope says.
#[derive(Debug, Clone)]
pub struct StoredFile {
    /// The bench target.
    pub target: &'static str,
    /// Its name without folders.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Where the figures come from; the judgement on counts has none of its own.
    pub provenance: Option<Provenance>,
    /// False if the run was interrupted.
    pub complete: bool,
    /// What belongs there and is missing.
    pub not_measured: Vec<NotMeasured>,
    document: Value,
}

/// All that was found of a run, in the order of [`REPORTED`].
#[derive(Debug, Clone, Default)]
pub struct StoredRun {
    /// One for each target at most.
    pub files: Vec<StoredFile>,
}

/// Which files are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The latest of each target.
    Latest,
    /// Of each target the first that was begun at this moment or later, but before the next run of the runner.
    Since(String),
    /// These.
    Files(Vec<PathBuf>),
}

/// Why there is no run to be read.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No folder.
    #[error("{}: the results folder cannot be read: {source}; name another one with --results DIR", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Nothing there.
    #[error("{}: no results there{}; measure with benches/run_performance_tests.sh quick", path.display(), since.as_ref().map(|stamp| format!(" from {stamp} on")).unwrap_or_default())]
    Nothing {
        /// The folder.
        path: PathBuf,
        /// From when on.
        since: Option<String>,
    },
    /// Results of no target that is reported.
    #[error("{}: results of `{target}`, which no report tells of; it tells of {}", path.display(), REPORTED.map(|(target, _)| target).join(", "))]
    Target {
        /// The file.
        path: PathBuf,
        /// What it says.
        target: String,
    },
    /// Two files of one target.
    #[error("{} and {}: both are of `{target}`; a report is about one run", first.display(), second.display())]
    Twice {
        /// The target.
        target: &'static str,
        /// One of them.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// Not `YYYYMMDD_HHMMSS`.
    #[error("`{0}` is no stamp of a run; it looks like 20261123_221340, as in the names of the files")]
    Stamp(String),
}

/// What every file of results begins with.
#[derive(Deserialize)]
struct Envelope {
    target: String,
    provenance: Provenance,
    complete: bool,
    not_measured: Vec<NotMeasured>,
}

impl StoredFile {
    /// Reads one. Its target is what it says itself, whatever its name.
    ///
    /// # Errors
    /// If it is no file of results, or of another version.
    pub fn read(path: &Path) -> Result<Self, RunError> {
        let json = fs::read(path).map_err(|source| StoreError::Read { path: path.to_owned(), source })?;
        let decode = |source| StoreError::Decode { path: path.to_owned(), source };
        let document: Value = serde_json::from_slice(&json).map_err(decode)?;
        Self::of(path, document)
    }

    /// A document that has been read.
    ///
    /// # Errors
    /// As [`StoredFile::read`].
    pub fn of(path: &Path, document: Value) -> Result<Self, RunError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let path = path.to_owned();
        let schema = document.get("schema").and_then(Value::as_str).unwrap_or_default();
        if schema == COUNTS_SCHEMA {
            let (target, provenance, complete) = ("instructions", None, true);
            return Ok(Self { target, name, path, provenance, complete, not_measured: Vec::new(), document });
        }
        if schema != SCHEMA {
            return Err(StoreError::OtherSchema { path, found: schema.to_owned() }.into());
        }
        let decode = |source| StoreError::Decode { path: path.clone(), source };
        let envelope = Envelope::deserialize(&document).map_err(decode)?;
        let known = REPORTED.into_iter().find(|(target, _)| *target == envelope.target);
        let Some((target, _)) = known else {
            return Err(RunError::Target { path, target: envelope.target });
        };
        let Envelope { provenance, complete, not_measured, .. } = envelope;
        Ok(Self { target, name, path, provenance: Some(provenance), complete, not_measured, document })
    }

    /// All of it.
    pub const fn document(&self) -> &Value {
        &self.document
    }

    /// The figures, if they are of this kind.
    ///
    /// # Errors
    /// What is not as expected.
    pub fn results<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        let results = self.document.get("results").cloned().unwrap_or(Value::Null);
        serde_json::from_value(results)
            .map_err(|source| StoreError::Decode { path: self.path.clone(), source })
    }
}

impl StoredRun {
    /// Finds and reads the files.
    ///
    /// # Errors
    /// If there is none, or one that cannot be used.
    pub fn load(folder: &Path, wanted: &Wanted) -> Result<Self, RunError> {
        let paths = match wanted {
            Wanted::Files(paths) => paths.clone(),
            Wanted::Latest => chosen(folder, |stamps| stamps.last().cloned())?,
            Wanted::Since(stamp) => since(folder, stamp)?,
        };
        if paths.is_empty() {
            let since = if let Wanted::Since(stamp) = wanted { Some(stamp.clone()) } else { None };
            return Err(RunError::Nothing { path: folder.to_owned(), since });
        }
        let files = paths.iter().map(|path| StoredFile::read(path)).collect::<Result<Vec<_>, _>>()?;
        Self::of(files)
    }

    /// Of files that have been read.
    ///
    /// # Errors
    /// If two are of one target.
    pub fn of(mut files: Vec<StoredFile>) -> Result<Self, RunError> {
        let place = |file: &StoredFile| REPORTED.iter().position(|(target, _)| *target == file.target);
        files.sort_by_key(place);
        if let Some(pair) = files.windows(2).find(|pair| pair[0].target == pair[1].target) {
            let (target, [first, second]) = (pair[0].target, [0, 1].map(|at| pair[at].path.clone()));
            return Err(RunError::Twice { target, first, second });
        }
        Ok(Self { files })
    }

    /// The file of a target.
    pub fn file(&self, target: &str) -> Option<&StoredFile> {
        self.files.iter().find(|file| file.target == target)
    }

    /// The figures of a target; none if it left no file.
    ///
    /// # Errors
    /// What is not as expected.
    pub fn results<T: DeserializeOwned>(&self, target: &str) -> Result<Option<T>, StoreError> {
        self.file(target).map(StoredFile::results).transpose()
    }

    /// In which the files differ though one run has but one of each: commit, changes, compiler, machine.
    pub fn mixture(&self) -> Vec<String> {
        let of = |what: &str, tell: &dyn Fn(&Provenance) -> String| {
            let told: Vec<(&str, String)> =
                self.files.iter().filter_map(|f| Some((f.target, tell(f.provenance.as_ref()?)))).collect();
            let (_, first) = told.first()?;
            let differs = told.iter().any(|(_, other)| other != first);
            let listed: Vec<String> = told.iter().map(|(target, told)| format!("{target} {told}")).collect();
            differs.then(|| format!("different {what}: {}", listed.join(", ")))
        };
        let source = |p: &Provenance| match p.source.value() {
            Some(source) => {
                let commit: String = source.commit.chars().take(7).collect();
                if source.dirty { format!("{commit} (changed)") } else { commit }
            }
            None => "unknown".to_owned(),
        };
        let cpu = |p: &Provenance| {
            let cores = p.machine.cores.value().map_or_else(|| "?".to_owned(), usize::to_string);
            format!("{} ({cores} cores)", p.machine.cpu.value().map_or("unknown", String::as_str))
        };
        [of("commits", &source), of("compilers", &|p| p.build.rustc.clone()), of("machines", &cpu)]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// The stamps of the files whose names begin with `prefix`, each with its file, ascending.
fn stamped(folder: &Path, prefix: &str, extension: &str) -> Result<Vec<(String, PathBuf)>, RunError> {
    let unreadable = |source| RunError::Folder { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stem = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_'));
        // `_2` follows the stamp of a second run in one second; anything else belongs to another file.
        let Some(stamp) = stem.and_then(|rest| rest.strip_suffix(extension)) else { continue };
        let (moment, again) = stamp.split_at_checked(STAMP).unwrap_or_default();
        let counted =
            again.strip_prefix('_').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        if is_stamp(moment) && (again.is_empty() || counted) {
            found.push((stamp.to_owned(), path));
        }
    }
    found.sort();
    Ok(found)
}

fn is_stamp(text: &str) -> bool {
    let shape = |(at, byte): (usize, u8)| if at == 8 { byte == b'_' } else { byte.is_ascii_digit() };
    text.len() == STAMP && text.bytes().enumerate().all(shape)
}

fn chosen(
    folder: &Path,
    choose: impl Fn(&[(String, PathBuf)]) -> Option<(String, PathBuf)>,
) -> Result<Vec<PathBuf>, RunError> {
    let mut paths = Vec::new();
    for (_, prefix) in REPORTED {
        paths.extend(choose(&stamped(folder, prefix, ".json")?).map(|(_, path)| path));
    }
    Ok(paths)
}

fn since(folder: &Path, stamp: &str) -> Result<Vec<PathBuf>, RunError> {
    if !is_stamp(stamp) {
        return Err(RunError::Stamp(stamp.to_owned()));
    }
    let next =
        stamped(folder, "summary", ".txt")?.into_iter().map(|(next, _)| next).find(|next| &**next > stamp);
    chosen(folder, |stamps| {
        let within = |(found, _): &&(String, PathBuf)| {
            &**found >= stamp && next.as_ref().is_none_or(|next| found < next)
        };
        stamps.iter().find(within).cloned()
    })
}
