//! What `cargo regress check --format json` prints, as far as reports tell of it.

use serde::Deserialize;

use crate::results::StoredRun;

/// As stored results call it.
pub(super) const TARGET: &str = "instructions";

#[derive(Deserialize)]
struct Document {
    judgement: Counts,
}

/// Each kernel beside its own past.
#[derive(Deserialize)]
pub(super) struct Counts {
    pub(super) against: String,
    pub(super) kernels: Vec<Kernel>,
}

#[derive(Deserialize)]
pub(super) struct Kernel {
    pub(super) kernel: String,
    pub(super) verdict: String,
    changes: Vec<Change>,
}

/// One metric of a kernel: as it was accepted, and as it was counted in this run.
#[derive(Deserialize)]
pub(super) struct Change {
    metric: String,
    pub(super) baseline: Option<u64>,
    pub(super) now: Option<u64>,
}

impl Counts {
    /// Of a run that has them in the form that is known here.
    pub(super) fn of(run: &StoredRun) -> Option<Self> {
        let document = Document::deserialize(run.file(TARGET)?.document()).ok()?;
        Some(document.judgement)
    }
}

impl Kernel {
    pub(super) fn metric(&self, name: &str) -> Option<&Change> {
        self.changes.iter().find(|change| change.metric == name)
    }
}
