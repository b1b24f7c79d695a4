use std::collections::{BTreeMap, BTreeSet};

use crucible_profiles::{Counts, Metric};
use serde::Serialize;

use super::{Origin, Standing};
use crate::read::Policy;

/// What a comparison says of a kernel or of one of its metrics. The later ones outweigh the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Within the tolerance.
    Unchanged,
    /// Taken under other circumstances.
    Incomparable,
    /// Costs less.
    Improved,
    /// Not in the baseline.
    New,
    /// In the baseline, but there is no such kernel any more.
    Missing,
    /// Costs more, and that is allowed for a while.
    Waived,
    /// Costs more.
    Regressed,
}

impl Verdict {
    /// For people, and as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Incomparable => "incomparable",
            Self::Improved => "improved",
            Self::New => "new",
            Self::Missing => "missing",
            Self::Waived => "waived",
            Self::Regressed => "regressed",
        }
    }
}

/// One metric of one kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Which.
    pub metric: Metric,
    /// Before; none for a new kernel.
    pub baseline: Option<u64>,
    /// Now; none for a kernel that is gone.
    pub now: Option<u64>,
    /// What that means.
    pub verdict: Verdict,
}

/// One kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KernelVerdict {
    /// Its name.
    pub kernel: String,
    /// The gravest of its metrics.
    pub verdict: Verdict,
    /// In the order of [`Metric::ALL`].
    pub changes: Vec<Change>,
    /// Where a regression comes from, the largest share first; filled in from profiles.
    pub origins: Vec<Origin>,
}

impl Change {
    /// In per cent of the baseline; none if that is zero or there is none.
    pub fn percent(&self) -> Option<f64> {
        let (baseline, now) = (self.baseline.filter(|&count| count > 0)?, self.now?);
        Some((now as f64 - baseline as f64) / baseline as f64 * 100.0)
    }
}

/// Compares each kernel of either side. A metric that only one side has is not compared, unless a kernel is on that side
/// only: whoever reads the counts sees to it that both have them.
pub fn compare(
    baseline: &BTreeMap<String, Counts>,
    now: &BTreeMap<String, Counts>,
    policy: &Policy,
    standing: &Standing,
) -> Vec<KernelVerdict> {
    let names: BTreeSet<_> = baseline.keys().chain(now.keys()).collect();
    let verdict_of = |name: &&String| {
        let (before, after) = (baseline.get(*name), now.get(*name));
        let mut changes = Vec::new();
        for metric in Metric::ALL {
            let count = |counts: Option<&Counts>| counts.and_then(|counts| counts.get(&metric).copied());
            let (baseline, now) = (count(before), count(after));
            let tolerance = policy.tolerance_ppm(name, metric);
            let verdict = match (baseline, now) {
                (None, None) => continue,
                (Some(baseline), Some(now)) => judged(baseline, now, tolerance),
                _ if before.is_some() && after.is_some() => continue,
                (None, Some(_)) => Verdict::New,
                (Some(_), None) => Verdict::Missing,
            };
            let waived = verdict == Verdict::Regressed && standing.waives(name, metric);
            let verdict = if waived { Verdict::Waived } else { verdict };
            changes.push(Change { metric, baseline, now, verdict });
        }
        let verdict = changes.iter().map(|change| change.verdict).max().unwrap_or(Verdict::Unchanged);
        KernelVerdict { kernel: (*name).clone(), verdict, changes, origins: Vec::new() }
    };
    names.iter().map(verdict_of).collect()
}

/// Exact: no rounding decides at the limit, which still is allowed.
fn judged(baseline: u64, now: u64, tolerance_ppm: Option<u64>) -> Verdict {
    let Some(tolerance) = tolerance_ppm else { return Verdict::Unchanged };
    let moved = u128::from(now.abs_diff(baseline)) * 1_000_000;
    if moved <= u128::from(baseline) * u128::from(tolerance) {
        Verdict::Unchanged
    } else if now > baseline {
        Verdict::Regressed
    } else {
        Verdict::Improved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_is_allowed_and_one_more_is_not() {
        assert_eq!(judged(1_000_000, 1_002_000, Some(2000)), Verdict::Unchanged);
        assert_eq!(judged(1_000_000, 1_002_001, Some(2000)), Verdict::Regressed);
        assert_eq!(judged(1_000_000, 998_000, Some(2000)), Verdict::Unchanged);
        assert_eq!(judged(1_000_000, 997_999, Some(2000)), Verdict::Improved);
        assert_eq!(judged(u64::MAX, u64::MAX - 1, Some(0)), Verdict::Improved);
        assert_eq!(judged(0, 0, Some(0)), Verdict::Unchanged);
        assert_eq!(judged(0, 1, Some(2000)), Verdict::Regressed, "from nothing there is no share");
        assert_eq!(judged(1, 9, None), Verdict::Unchanged, "what only informs");
    }
}
