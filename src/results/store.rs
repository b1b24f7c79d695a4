//! The folder of results. A file is there whole or not at all, and none of an earlier run is ever overwritten.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::NamedTempFile;

use super::{Document, StoreError};
use crate::measure::Moment;

/// A name is taken if any of these exists: a text beside another run's JSON would be read as belonging to it.
const EXTENSIONS: [&str; 4] = ["json", "txt", "html", "md"];

/// A folder that was seen to be writable.
#[derive(Debug, Clone)]
pub struct ResultsDir {
    path: PathBuf,
}

impl ResultsDir {
    /// Makes the folder if need be and proves, by a file that is removed again, that it can be written to: before
    /// anything is measured, not after an hour.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        if let Err(source) = fs::create_dir_all(&path) {
            return Err(StoreError::Folder { path, source });
        }
        match temporary_in(&path).and_then(|file| write_through(&file, b"proof")) {
            Ok(()) => Ok(Self { path }),
            Err(source) => Err(StoreError::NotWritable { path, source }),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of a run of `target` (a bench target's name): `<target>_YYYYMMDD_HHMMSS`, with `_2`, `_3`… if that is
    /// taken. Nothing is written yet, and the name is chosen with the first writing.
    pub fn file(&self, target: &str, started: Moment) -> ResultFile {
        let stem = format!("{target}_{}", started.stamp());
        ResultFile { folder: self.path.clone(), stem, claimed: false }
    }
}

/// The JSON of one run and the texts beside it, all of one name. Each can be written again as the run goes on: an
/// interruption keeps what was written last.
#[derive(Debug)]
pub struct ResultFile {
    folder: PathBuf,
    stem: String,
    /// Whether a file of this name is ours, so that it may be replaced.
    claimed: bool,
}

impl ResultFile {
    /// Writes the document as indented JSON; returns where.
    pub fn save<T: Serialize>(&mut self, document: &Document<T>) -> Result<PathBuf, StoreError> {
        let mut json = serde_json::to_vec_pretty(document)
            .map_err(|source| StoreError::Encode { path: self.path("json"), source })?;
        json.push(b'\n');
        self.write("json", &json)
    }

    /// Writes a text for people beside the JSON; returns where.
    pub fn save_text(&mut self, text: &str) -> Result<PathBuf, StoreError> {
        self.write("txt", text.as_bytes())
    }

    /// Writes a plot beside the JSON, `<stem>.<name>.svg`; returns where.
    pub fn save_plot(&mut self, name: &str, svg: &str) -> Result<PathBuf, StoreError> {
        self.write(&format!("{name}.svg"), svg.as_bytes())
    }

    /// Writes a text of another kind beside the others, `<stem>.<extension>`; returns where.
    pub fn save_as(&mut self, extension: &str, text: &str) -> Result<PathBuf, StoreError> {
        self.write(extension, text.as_bytes())
    }

    fn path(&self, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", self.stem))
    }

    fn write(&mut self, extension: &str, bytes: &[u8]) -> Result<PathBuf, StoreError> {
        let failed = |source| StoreError::writing(&self.path(extension), source);
        let file = temporary_in(&self.folder).map_err(failed)?;
        write_through(&file, bytes).map_err(failed)?;
        let path = if self.claimed { self.replace(file, extension) } else { self.claim(file, extension) }?;
        sync_folder(&self.folder).map_err(|source| StoreError::writing(&path, source))?;
        Ok(path)
    }

    fn replace(&self, file: NamedTempFile, extension: &str) -> Result<PathBuf, StoreError> {
        let path = self.path(extension);
        match file.persist(&path) {
            Ok(_) => Ok(path),
            Err(e) => Err(StoreError::writing(&path, e.error)),
        }
    }

    /// Takes the first free name; another process that is faster by a moment makes it taken, not overwritten.
    fn claim(&mut self, mut file: NamedTempFile, extension: &str) -> Result<PathBuf, StoreError> {
        let first = self.stem.clone();
        for number in 2_u64.. {
            let path = self.path(extension);
            if !self.is_taken() {
                match file.persist_noclobber(&path) {
                    Ok(_) => {
                        self.claimed = true;
                        return Ok(path);
                    }
                    Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => file = e.file,
                    Err(e) => return Err(StoreError::writing(&path, e.error)),
                }
            }
            self.stem = format!("{first}_{number}");
        }
        unreachable!("2^64 files of one second do not fit on a disk")
    }

    fn is_taken(&self) -> bool {
        EXTENSIONS.iter().any(|extension| self.path(extension).exists())
    }
}

/// Beside its destination: a rename is atomic within one file system only.
fn temporary_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".unfinished-");
    // Temporary files are private to their owner, results are not; the umask still applies.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

fn write_through(file: &NamedTempFile, bytes: &[u8]) -> io::Result<()> {
    file.as_file().write_all(bytes)?;
    file.as_file().sync_all()
}

/// The new name is on the disk only when its folder is; folders of other systems cannot be opened as files.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use tempfile::TempDir;

    use super::*;
    use crate::measure::{Reading, Run};

    fn folder() -> (TempDir, ResultsDir) {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let results = ResultsDir::open(temporary.path().join("deep/results")).expect("a new folder");
        (temporary, results)
    }

    fn moment() -> Moment {
        Moment::try_from("2026-11-23T22:13:40Z".to_owned()).expect("RFC 3339")
    }

    fn document<T>(results: T) -> Document<T> {
        let mut provenance = Run::begin(1).provenance();
        provenance.steal_percent = Reading::absent("a test");
        Document::new("kernels", provenance, results)
    }

    fn names(results: &ResultsDir) -> Vec<String> {
        let entries = fs::read_dir(results.path()).expect("the folder");
        let mut names: Vec<_> = entries
            .map(|e| e.expect("an entry").file_name().into_string().expect("our names are ASCII"))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn opening_makes_the_folder_and_leaves_it_empty() {
        let (_temporary, results) = folder();
        assert!(names(&results).is_empty());
    }

    #[test]
    fn a_document_is_read_back_as_it_was_written() {
        let (_temporary, results) = folder();
        let document = document(vec![1, 2, 3]);
        let path = results.file("kernels", moment()).save(&document).expect("writable");
        assert_eq!(path, results.path().join("kernels_20261123_221340.json"));
        assert_eq!(Document::<Vec<u64>>::read(&path).expect("just written"), document);
        assert_eq!(names(&results), ["kernels_20261123_221340.json"], "no temporary file is left");
    }

    #[test]
    fn a_file_of_another_run_is_never_overwritten() {
        let (_temporary, results) = folder();
        let mut paths: Vec<PathBuf> = Vec::new();
        for run in 1..=3 {
            paths.push(results.file("kernels", moment()).save(&document(run)).expect("writable"));
        }
        for (path, run) in paths.iter().zip(1..) {
            assert_eq!(Document::<u64>::read(path).expect("all three").results, run);
        }
        let expected = [
            "kernels_20261123_221340.json",
            "kernels_20261123_221340_2.json",
            "kernels_20261123_221340_3.json",
        ];
        assert_eq!(names(&results), expected);
    }

    #[test]
    fn a_run_replaces_its_own_file_and_keeps_its_text_beside_it() {
        let (_temporary, results) = folder();
        fs::write(results.path().join("kernels_20261123_221340.txt"), "another run's").expect("writable");
        let mut file = results.file("kernels", moment());
        for progress in 1..=2 {
            let path = file.save(&document(progress)).expect("writable");
            assert_eq!(Document::<u64>::read(&path).expect("just written").results, progress);
        }
        let text = file.save_text("a table\n").expect("writable");
        assert_eq!(fs::read_to_string(text).expect("just written"), "a table\n");
        let expected = [
            "kernels_20261123_221340.txt",
            "kernels_20261123_221340_2.json",
            "kernels_20261123_221340_2.txt",
        ];
        assert_eq!(names(&results), expected);
    }

    #[test]
    fn what_cannot_be_encoded_leaves_the_file_as_it_was() {
        let (_temporary, results) = folder();
        let mut file = results.file("kernels", moment());
        let path = file.save(&document(1_u64)).expect("writable");
        // JSON objects have strings as names.
        let error =
            file.save(&document(std::collections::BTreeMap::from([((1, 2), 3)]))).expect_err("no JSON");
        assert!(matches!(error, StoreError::Encode { .. }), "{error}");
        assert_eq!(Document::<u64>::read(&path).expect("still there").results, 1);
        assert_eq!(names(&results).len(), 1);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_before_anything_is_measured() {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let file = temporary.path().join("file");
        fs::write(&file, "").expect("writable");
        let error = ResultsDir::open(file.join("results")).expect_err("a file is no folder");
        assert!(matches!(error, StoreError::Folder { .. }), "{error}");
        assert!(error.to_string().ends_with("name another one with --out DIR"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_cannot_be_written_to_is_an_error_before_anything_is_measured() {
        // Even root cannot make a file there.
        let error = ResultsDir::open("/proc/self").expect_err("the kernel's folder");
        assert!(matches!(error, StoreError::NotWritable { .. }), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_vanished_is_an_error_that_names_the_file() {
        let (temporary, results) = folder();
        drop(temporary);
        let error = results.file("kernels", moment()).save(&document(1)).expect_err("the folder is gone");
        assert!(error.to_string().contains("kernels_20261123_221340.json: writing failed"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_results() {
        use std::os::unix::fs::PermissionsExt;
        let (_temporary, results) = folder();
        let plain = results.path().join("plain");
        fs::write(&plain, "").expect("writable");
        let saved = results.file("kernels", moment()).save(&document(1)).expect("writable");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode();
        assert_eq!(mode(&saved), mode(&plain), "as the umask has it for every file");
    }

    #[test]
    fn results_of_any_shape_fit() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Rows {
            rows: Vec<(String, Option<f64>)>,
        }
        let (_temporary, results) = folder();
        let document =
            document(Rows { rows: vec![("light".to_owned(), Some(0.5)), ("heavy".to_owned(), None)] });
        let path = results.file("kernels", moment()).save(&document).expect("writable");
        assert_eq!(Document::<Rows>::read(&path).expect("just written"), document);
    }
}
