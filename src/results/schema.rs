//! The envelope of every file of results.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::measure::{NotMeasured, Provenance};

/// Name and version of the envelope. Fields may be added under the same version; one that changes its meaning, its unit
/// or its name makes a new one.
pub const SCHEMA: &str = "crucible-perf/1";

/// Results of one target with all that is needed to judge them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document<T> {
    schema: String,
    /// The bench target, e.g. `daemon_performance`.
    pub target: String,
    /// Where the figures come from.
    pub provenance: Provenance,
    /// False if the run was interrupted: what is here is valid, but not all that was asked for.
    pub complete: bool,
    /// Figures that belong here and are missing, each with the reason.
    pub not_measured: Vec<NotMeasured>,
    /// The figures.
    pub results: T,
}

/// What is looked at first: another version may differ in everything else.
#[derive(Deserialize)]
struct Header {
    schema: String,
}

impl<T> Document<T> {
    /// Complete, and nothing missing; both fields are there to be changed.
    pub fn new(target: impl Into<String>, provenance: Provenance, results: T) -> Self {
        let schema = SCHEMA.to_owned();
        Self { schema, target: target.into(), provenance, complete: true, not_measured: Vec::new(), results }
    }
}

impl<T: DeserializeOwned> Document<T> {
    /// Reads a stored document.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        let json = fs::read(path).map_err(|source| StoreError::Read { path: path.to_owned(), source })?;
        let decode = |source| StoreError::Decode { path: path.to_owned(), source };
        let Header { schema: found } = serde_json::from_slice(&json).map_err(decode)?;
        if found != SCHEMA {
            return Err(StoreError::OtherSchema { path: path.to_owned(), found });
        }
        serde_json::from_slice(&json).map_err(decode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Reading, Run};

    fn stored(json: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("document.json");
        fs::write(&path, json).expect("writable");
        (folder, path)
    }

    #[test]
    fn another_version_is_named_whatever_else_it_holds() {
        let (_folder, path) = stored(r#"{"schema":"crucible-perf/2","figures":{}}"#);
        let error = Document::<u64>::read(&path).expect_err("another version");
        let message = error.to_string();
        assert!(message.contains("`crucible-perf/2`") && message.contains("`crucible-perf/1`"), "{message}");
        assert!(message.starts_with(&*path.to_string_lossy()), "{message}");
    }

    #[test]
    fn what_is_no_document_is_refused_with_its_place() {
        for json in ["", "{", "[]", r#"{"schema":"crucible-perf/1"}"#] {
            let (_folder, path) = stored(json);
            let error = Document::<u64>::read(&path).expect_err("no document");
            assert!(matches!(error, StoreError::Decode { .. }), "{error}");
        }
        let (folder, _) = stored("");
        let error = Document::<u64>::read(&folder.path().join("gone")).expect_err("no file");
        assert!(matches!(error, StoreError::Read { .. }), "{error}");
    }

    #[test]
    fn the_envelope_has_these_fields_in_this_order() {
        let provenance =
            Provenance { steal_percent: Reading::absent("a test"), ..Run::begin(1).provenance() };
        let mut document = Document::new("kernels", provenance, vec![1.5]);
        document.not_measured.push(NotMeasured::new("valgrind", "not installed"));
        document.complete = false;
        let json = serde_json::to_string(&document).expect("plain data");
        assert!(
            json.starts_with(r#"{"schema":"crucible-perf/1","target":"kernels","provenance":{"#),
            "{json}"
        );
        let end = r#","complete":false,"not_measured":[{"what":"valgrind","why":"not installed"}],"results":[1.5]}"#;
        assert!(json.ends_with(end), "{json}");
        let (_folder, path) = stored(&json);
        assert_eq!(Document::<Vec<f64>>::read(&path).expect("own JSON"), document);
    }
}
