//! A real run, cut down: for the tests of findings and reports.

use std::path::Path;

use serde_json::Value;

use crate::results::{StoredFile, StoredRun};

const FILES: [&str; 5] = [
    include_str!("fixture/daemon_performance.json"),
    include_str!("fixture/load_testing.json"),
    include_str!("fixture/memory_profiling.json"),
    include_str!("fixture/scalability_testing.json"),
    include_str!("fixture/instructions.json"),
];

/// One document for each target.
pub(crate) fn documents() -> Vec<Value> {
    FILES.iter().map(|json| serde_json::from_str(json).expect("a real file")).collect()
}

/// A run with these files.
pub(crate) fn run_of(documents: &[Value]) -> StoredRun {
    let file = |document: &Value| {
        StoredFile::of(Path::new("fixture.json"), document.clone()).expect("a results file")
    };
    StoredRun::of(documents.iter().map(file).collect()).expect("one of each target")
}
