use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a curve says nothing about some points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NoFit {
    /// A curve with as many parameters as points goes through all of them, whatever they are.
    #[error("no fit: {points} different sizes, {needed} are needed")]
    TooFewPoints {
        /// Different sizes among the observations.
        points: usize,
        /// How many it takes.
        needed: usize,
    },
    /// Sizes below 1, or observations that are not above 0.
    #[error("no fit: {y} at {n} is no positive figure of a size from 1 on")]
    NotPositive {
        /// The size.
        n: f64,
        /// What was observed there.
        y: f64,
    },
    /// The points lie too far from the best curve of this kind.
    #[error(
        "no fit: the points lie {rms_percent:.0} % off the curve (root mean square), {allowed_percent:.0} % are allowed"
    )]
    Residuals {
        /// Root mean square of the relative residuals, for the degrees of freedom that are left.
        rms_percent: f64,
        /// What is allowed.
        allowed_percent: f64,
    },
    /// Shuffled, the observations follow such a curve about as well.
    #[error("no fit: whether the size matters cannot be told from the noise (p = {p:.3})")]
    NoTrend {
        /// Share of shuffled observations that the curve follows at least as well.
        p: f64,
    },
}

/// The observations, checked: sizes from 1 on, all positive and finite, of `needed` different sizes.
pub(super) fn check(observations: &[(f64, f64)], needed: usize) -> Result<(), NoFit> {
    let is_fine = |&&(n, y): &&(f64, f64)| n >= 1.0 && n.is_finite() && y > 0.0 && y.is_finite();
    if let Some(&(n, y)) = observations.iter().find(|observation| !is_fine(observation)) {
        return Err(NoFit::NotPositive { n, y });
    }
    let mut sizes: Vec<f64> = observations.iter().map(|&(n, _)| n).collect();
    sizes.sort_unstable_by(f64::total_cmp);
    sizes.dedup();
    match sizes.len() {
        points if points < needed => Err(NoFit::TooFewPoints { points, needed }),
        _ => Ok(()),
    }
}
