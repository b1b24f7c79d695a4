use std::process::ExitCode;

use crucible_profiles::Difference;
use serde::Serialize;

use super::{Drift, KernelVerdict, Verdict, WaiverFault};

/// What a program can act on: the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing to do.
    Clean = 0,
    /// There was nothing that could be judged, or judging it went wrong.
    CannotJudge = 1,
    /// A kernel costs more than is allowed.
    Regressed = 3,
    /// A kernel costs less, is new or gone: the baseline is out of date.
    OutOfDate = 4,
    /// The baseline was taken under other circumstances.
    Incomparable = 5,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

/// What the counts were compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The committed counts, which have to be kept up to date.
    Baseline,
    /// Another revision, measured here and now: what it lacks or did worse leaves nothing to do.
    Revision,
}

/// All that a comparison came to.
#[derive(Debug, Clone, Serialize)]
pub struct Judgement {
    /// What the counts were compared with, e.g. `ci/baseline.json`.
    pub against: String,
    /// What that is.
    pub side: Side,
    /// Remarks on how it was done.
    pub notes: Vec<String>,
    /// Circumstances that differ; empty if counts can be compared.
    pub differences: Vec<Difference>,
    /// One for each kernel, in the order of their names.
    pub kernels: Vec<KernelVerdict>,
    /// Kernels whose accepted changes add up to more than the budget.
    pub drifts: Vec<Drift>,
    /// Waivers that do not hold.
    pub waiver_faults: Vec<WaiverFault>,
    /// Which waivers hold.
    pub waivers: Vec<String>,
}

impl Judgement {
    /// The gravest of what was found.
    pub fn status(&self) -> Status {
        if !self.differences.is_empty() {
            Status::Incomparable
        } else if self.count(Verdict::Regressed) > 0 || !self.drifts.is_empty() {
            Status::Regressed
        } else if !self.waiver_faults.is_empty() {
            Status::CannotJudge
        } else if self.side == Side::Baseline && self.is_out_of_date() {
            Status::OutOfDate
        } else {
            Status::Clean
        }
    }

    fn is_out_of_date(&self) -> bool {
        let changes = self.kernels.iter().flat_map(|kernel| &kernel.changes);
        changes
            .map(|change| change.verdict)
            .any(|verdict| matches!(verdict, Verdict::Improved | Verdict::New | Verdict::Missing))
    }

    /// How many kernels have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.kernels.iter().filter(|kernel| kernel.verdict == verdict).count()
    }
}
