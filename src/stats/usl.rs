//! The Universal Scalability Law.
//!
//! Source: N. J. Gunther, "Guerrilla Capacity Planning", ch. 4 to 6, and "A General Theory of Computational Scalability
//! Based on Rational Functions" (arXiv:0808.1431).

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::fit::{NoFit, check};
use super::quantile::of_sorted;

/// Three parameters, and as many points that could contradict them.
const POINTS_NEEDED: usize = 6;

/// Root mean square of the relative residuals. Repeated rounds on a quiet machine differ by some per cent; a curve
/// that is ten off tells a story of its own.
const RESIDUALS_ALLOWED: f64 = 0.10;

/// The curve must beat shuffled observations this clearly. With six single points the least p is near 1/720.
const TREND_LEVEL: f64 = 0.01;

const SHUFFLES: usize = 499;
const RESAMPLES: usize = 500;

/// Confidence of [`Peak::low`] to [`Peak::high`].
const CONFIDENCE: f64 = 0.95;

/// Throughput with N in parallel at constant work for each: `λN / (1 + σ(N−1) + κN(N−1))`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Usl {
    /// Throughput of one, in the unit of the observations.
    pub lambda: f64,
    /// Contention: the part of the work that one does while the others wait, 0 to 1.
    pub sigma: f64,
    /// Coherency: what each pair costs to agree.
    pub kappa: f64,
}

/// Where throughput is highest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// N* = √((1−σ)/κ).
    pub n: f64,
    /// Lower end of its interval at 95 %.
    pub low: f64,
    /// Upper end; points were measured beyond it.
    pub high: f64,
}

/// A curve that the observations follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UslFit {
    /// Its parameters.
    pub model: Usl,
    /// Only if it lies within what was measured, interval and all: before the points turn down, noise alone decides
    /// where the curve does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak: Option<Peak>,
    /// Observation over curve less 1, in the order of the observations.
    pub residuals: Vec<f64>,
    /// Their root mean square for the degrees of freedom that are left.
    pub rms_residual: f64,
}

impl Usl {
    /// Throughput with `n` in parallel.
    pub fn throughput(&self, n: f64) -> f64 {
        self.lambda * n / (1.0 + self.sigma * (n - 1.0) + self.kappa * n * (n - 1.0))
    }

    /// N* = √((1−σ)/κ); infinite where nothing turns it down.
    pub fn peak(&self) -> f64 {
        ((1.0 - self.sigma) / self.kappa).sqrt()
    }
}

impl UslFit {
    /// `observations`: (N, throughput), any number for each N. `seed`: of the draws for the interval and the test.
    ///
    /// # Errors
    /// Why the law says nothing about them.
    pub fn of(observations: &[(f64, f64)], seed: u64) -> Result<Self, NoFit> {
        check(observations, POINTS_NEEDED)?;
        let coefficients = Coefficients::fitted(observations);
        let residuals: Vec<f64> = coefficients.residuals(observations).collect();
        let rms_residual =
            (sum_of_squares(residuals.iter().copied()) / degrees_left(observations.len())).sqrt();
        if !rms_residual.is_finite() || rms_residual > RESIDUALS_ALLOWED {
            let [rms_percent, allowed_percent] = [rms_residual, RESIDUALS_ALLOWED].map(|part| 100.0 * part);
            return Err(NoFit::Residuals { rms_percent, allowed_percent });
        }
        let mut draw = ChaCha8Rng::seed_from_u64(seed);
        let p = shuffled_as_good(observations, &mut draw);
        if p > TREND_LEVEL {
            return Err(NoFit::NoTrend { p });
        }
        let peak = peak(observations, &coefficients, &residuals, &mut draw);
        Ok(Self { model: coefficients.model(), peak, residuals, rms_residual })
    }
}

/// The law turned over: `N/x = a + b·N + c·N(N−1)`, a straight sum, with a = (1−σ)/λ, b = σ/λ, c = κ/λ. None is below
/// zero exactly if σ is between 0 and 1 and κ not below zero. To minimize the sum of `(x·(a + b·N + c·N(N−1))/N − 1)²`,
/// the relative distance from the curve, is then linear least squares without negative coefficients, and needs no
/// search.
#[derive(Debug, Clone, Copy)]
struct Coefficients([f64; 3]);

/// a, b, c: those that may differ from zero. Without a and b throughput would have no beginning.
const SUPPORTS: [[bool; 3]; 5] = [
    [true, true, false],
    [true, false, true],
    [false, true, true],
    [true, false, false],
    [false, true, false],
];

impl Coefficients {
    /// The best of those with no negative one: where the least of all has one, some are zero at the best and the others
    /// solve the equations that they alone have.
    fn fitted(observations: &[(f64, f64)]) -> Self {
        let system = NormalEquations::of(observations);
        let misfit = |solution: &Self| sum_of_squares(solution.residuals(observations));
        system.solve([true; 3]).unwrap_or_else(|| {
            let feasible = SUPPORTS.into_iter().filter_map(|support| system.solve(support));
            let best = feasible.min_by(|one, other| misfit(one).total_cmp(&misfit(other)));
            best.expect("a alone solves to a positive number, since all observations are positive")
        })
    }

    fn model(&self) -> Usl {
        let [a, b, c] = self.0;
        Usl { lambda: 1.0 / (a + b), sigma: b / (a + b), kappa: c / (a + b) }
    }

    /// √(a/c), which is √((1−σ)/κ).
    fn peak(&self) -> f64 {
        let [a, _, c] = self.0;
        if c > 0.0 { (a / c).sqrt() } else { f64::INFINITY }
    }

    fn residuals(&self, observations: &[(f64, f64)]) -> impl Iterator<Item = f64> {
        let coefficients = self.0;
        observations.iter().map(move |&observation| {
            row(observation)
                .iter()
                .zip(coefficients)
                .map(|(column, coefficient)| column * coefficient)
                .sum::<f64>()
                - 1.0
        })
    }
}

fn row((n, x): (f64, f64)) -> [f64; 3] {
    [x / n, x, x * (n - 1.0)]
}

/// Those of the least squares, each column scaled to length 1: sizes up to thousands and throughputs of millions leave
/// all digits.
struct NormalEquations {
    scale: [f64; 3],
    left: [[f64; 3]; 3],
    right: [f64; 3],
}

impl NormalEquations {
    fn of(observations: &[(f64, f64)]) -> Self {
        let sum = |of: &dyn Fn([f64; 3]) -> f64| -> f64 { observations.iter().map(|&o| of(row(o))).sum() };
        // A column of zeros (N = 1 alone) has nothing to say.
        let scale = [0, 1, 2].map(|i| sum(&|row| row[i] * row[i]).sqrt().max(f64::MIN_POSITIVE));
        let left = [0, 1, 2].map(|i| [0, 1, 2].map(|j| sum(&|row| row[i] / scale[i] * row[j] / scale[j])));
        let right = [0, 1, 2].map(|i| sum(&|row| row[i] / scale[i]));
        Self { scale, left, right }
    }

    /// With all coefficients outside `support` zero (Gauss–Jordan; the matrix is positive definite). `None` if one
    /// comes out negative, or if there is no single solution.
    fn solve(&self, support: [bool; 3]) -> Option<Coefficients> {
        let (mut left, mut right) = (self.left, self.right);
        let within = || (0..3).filter(|&i| support[i]);
        for pivot in within() {
            let (line, value) = (left[pivot], right[pivot]);
            if line[pivot] < 1e-12 {
                return None;
            }
            for other in within().filter(|&other| other != pivot) {
                let factor = left[other][pivot] / line[pivot];
                within().for_each(|j| left[other][j] -= factor * line[j]);
                right[other] -= factor * value;
            }
        }
        let solution =
            [0, 1, 2].map(|i| if support[i] { right[i] / left[i][i] / self.scale[i] } else { 0.0 });
        solution.iter().all(|&coefficient| coefficient >= 0.0).then_some(Coefficients(solution))
    }
}

fn sum_of_squares(residuals: impl Iterator<Item = f64>) -> f64 {
    residuals.map(|r| r * r).sum()
}

fn degrees_left(observations: usize) -> f64 {
    (observations - 3) as f64
}

/// How often the curve follows observations that were dealt out to the sizes at random as well as the true ones, the
/// true ones among them: a permutation test against "size does not matter".
fn shuffled_as_good(observations: &[(f64, f64)], draw: &mut ChaCha8Rng) -> f64 {
    let misfit = |observations: &[(f64, f64)]| {
        sum_of_squares(Coefficients::fitted(observations).residuals(observations))
    };
    let found = misfit(observations);
    let mut dealt = observations.to_vec();
    let as_good = (0..SHUFFLES).filter(|_| {
        for last in (1..dealt.len()).rev() {
            let other = below(last + 1, draw);
            (dealt[last].1, dealt[other].1) = (dealt[other].1, dealt[last].1);
        }
        misfit(&dealt) <= found
    });
    (as_good.count() + 1) as f64 / (SHUFFLES + 1) as f64
}

/// N* with its interval from resampled residuals, if the points show it.
fn peak(
    observations: &[(f64, f64)],
    coefficients: &Coefficients,
    residuals: &[f64],
    draw: &mut ChaCha8Rng,
) -> Option<Peak> {
    let sizes = || observations.iter().map(|&(n, _)| n);
    let (smallest, largest) = (sizes().fold(f64::INFINITY, f64::min), sizes().fold(0.0, f64::max));
    let n = coefficients.peak();
    if !(smallest..=largest).contains(&n) {
        return None;
    }
    let mut peaks: Vec<f64> = (0..RESAMPLES)
        .map(|_| Coefficients::fitted(&resampled(observations, coefficients.model(), residuals, draw)).peak())
        .collect();
    peaks.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    // N* ≤ 1.2 × the largest size with a finite interval, as is often asked for, let through 36 of 200 curves that were
    // measured once at each of eight sizes up to three quarters of their peak; this lets through none.
    let (low, high) = (of_sorted(&peaks, tail), of_sorted(&peaks, 1.0 - tail));
    (smallest <= low && high <= largest).then_some(Peak { n, low, high })
}

/// What might have been observed, if the curve were true: residuals change places.
fn resampled(
    observations: &[(f64, f64)],
    model: Usl,
    residuals: &[f64],
    draw: &mut ChaCha8Rng,
) -> Vec<(f64, f64)> {
    let mean = residuals.iter().sum::<f64>() / residuals.len() as f64;
    // Residuals are smaller than the noise, since the curve has followed it.
    let widen = (residuals.len() as f64 / degrees_left(residuals.len())).sqrt();
    let noisy = observations.iter().map(|&(n, _)| {
        let residual = residuals[below(residuals.len(), draw)] - mean;
        (n, model.throughput(n) * (1.0 + widen * residual).max(f64::MIN_POSITIVE))
    });
    noisy.collect()
}

/// Even within 2⁻⁶⁴ · `bound`.
fn below(bound: usize, draw: &mut ChaCha8Rng) -> usize {
    (draw.next_u64() % bound as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::noise::noise;

    /// N* = √(0.95 / 0.002) = 21.8.
    const TRUE: Usl = Usl { lambda: 1_000.0, sigma: 0.05, kappa: 0.002 };
    const UP_TO_64: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0];

    fn observed(model: Usl, sizes: &[f64], rounds: usize, deviation: f64, seed: u64) -> Vec<(f64, f64)> {
        let mut draw = ChaCha8Rng::seed_from_u64(seed);
        let each = sizes.iter().flat_map(|&n| std::iter::repeat_n(n, rounds));
        each.map(|n| (n, model.throughput(n) * (1.0 + deviation * noise(&mut draw)))).collect()
    }

    fn close(found: f64, expected: f64) -> bool {
        (found - expected).abs() <= 1e-9 * expected.abs().max(1e-3)
    }

    #[test]
    fn exact_observations_give_exact_parameters() {
        let models = [
            TRUE,
            Usl { sigma: 0.0, kappa: 0.0, ..TRUE },
            Usl { sigma: 0.3, kappa: 0.0, ..TRUE },
            Usl { sigma: 0.0, kappa: 0.01, lambda: 3e6 },
        ];
        for model in models {
            let fit = UslFit::of(&observed(model, &UP_TO_64, 1, 0.0, 1), 1).expect("a perfect curve");
            let Usl { lambda, sigma, kappa } = fit.model;
            assert!(close(lambda, model.lambda), "{fit:?}");
            assert!(close(sigma, model.sigma) && close(kappa, model.kappa), "{fit:?}");
            assert!(fit.residuals.iter().all(|residual| residual.abs() < 1e-9), "{fit:?}");
            let peak = fit.peak.map(|peak| peak.n);
            assert_eq!(peak.is_some(), model.kappa > 0.0);
            assert!(peak.is_none_or(|n| close(n, model.peak())), "{fit:?}");
        }
    }

    /// The law is not fitted to the reciprocals of noisy points by chance: an independent search finds no better one.
    #[test]
    fn no_other_parameters_are_better() {
        let observations = observed(TRUE, &UP_TO_64, 1, 0.03, 5);
        let squares = |model: Usl| -> f64 {
            observations.iter().map(|&(n, x)| (x / model.throughput(n) - 1.0).powi(2)).sum()
        };
        let found = UslFit::of(&observations, 1).expect("a curve").model;
        for lambda in [0.99, 1.0, 1.01] {
            for sigma in [0.9, 1.0, 1.1] {
                for kappa in [0.9, 1.0, 1.1] {
                    let other = Usl {
                        lambda: found.lambda * lambda,
                        sigma: found.sigma * sigma,
                        kappa: found.kappa * kappa,
                    };
                    assert!(squares(other) >= squares(found), "{other:?} is better than {found:?}");
                }
            }
        }
    }

    #[test]
    fn a_peak_with_points_past_it_is_found() {
        for (sizes, rounds) in [(&UP_TO_64[..], 1), (&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0][..], 3)] {
            let (mut claimed, mut covered) = (0, 0);
            for seed in 0..100 {
                let fit = UslFit::of(&observed(TRUE, sizes, rounds, 0.03, seed), seed).expect("a curve");
                if let Some(peak) = fit.peak {
                    claimed += 1;
                    assert!((peak.n / TRUE.peak() - 1.0).abs() < 0.15, "seed {seed}: {peak:?}");
                    covered += u32::from(peak.low <= TRUE.peak() && TRUE.peak() <= peak.high);
                }
            }
            println!("{rounds} rounds: {claimed} of 100 claimed, {covered} intervals hold the true one");
            assert!(claimed >= 95, "{claimed} of 100");
            assert!(covered >= 85, "{covered} of 100");
        }
    }

    #[test]
    fn without_points_past_it_no_peak_is_claimed() {
        for largest in [8.0, 12.0, 16.0] {
            let sizes: Vec<f64> =
                (1..=8).map(|step| 1.0 + (largest - 1.0) * f64::from(step - 1) / 7.0).collect();
            for rounds in [1, 3] {
                let claims = (0..100)
                    .filter(|&seed| {
                        let fit = UslFit::of(&observed(TRUE, &sizes, rounds, 0.03, seed), seed);
                        fit.is_ok_and(|fit| fit.peak.is_some())
                    })
                    .count();
                assert_eq!(claims, 0, "{rounds} rounds up to {largest}");
            }
        }
    }

    #[test]
    fn saturation_without_a_fall_has_no_peak() {
        let model = Usl { sigma: 0.2, kappa: 0.0, ..TRUE };
        for seed in 0..100 {
            let fit = UslFit::of(&observed(model, &UP_TO_64, 3, 0.03, seed), seed).expect("a curve");
            assert_eq!(fit.peak, None, "seed {seed}");
            assert!((fit.model.sigma - 0.2).abs() < 0.05, "seed {seed}: {fit:?}");
        }
    }

    #[test]
    fn noise_alone_is_no_fit() {
        let flat = Usl { sigma: 1.0, kappa: 0.0, ..TRUE };
        for (deviation, at_most) in [(0.03, 4), (0.08, 4), (0.25, 0)] {
            let fits = (0..100)
                .filter(|&seed| UslFit::of(&observed(flat, &UP_TO_64, 1, deviation, seed), seed).is_ok())
                .count();
            assert!(fits <= at_most, "{fits} of 100 at {deviation}");
        }
    }

    #[test]
    fn what_does_not_follow_the_law_is_no_fit() {
        // Up, down and up again.
        let waves: Vec<(f64, f64)> =
            UP_TO_64.iter().map(|&n| (n, 100.0 * (2.0 + (3.0 * n.ln()).sin()))).collect();
        assert!(matches!(UslFit::of(&waves, 1), Err(NoFit::Residuals { .. })));
        let few = observed(TRUE, &[1.0, 2.0, 4.0, 8.0, 16.0], 4, 0.0, 1);
        assert_eq!(UslFit::of(&few, 1), Err(NoFit::TooFewPoints { points: 5, needed: 6 }));
        for (n, y) in [(0.0, 1.0), (2.0, 0.0), (2.0, f64::NAN), (f64::INFINITY, 1.0)] {
            let mut observations = observed(TRUE, &UP_TO_64, 1, 0.0, 1);
            observations.push((n, y));
            assert!(matches!(UslFit::of(&observations, 1), Err(NoFit::NotPositive { .. })), "{n}: {y}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let observations = observed(TRUE, &UP_TO_64, 1, 0.03, 9);
        assert_eq!(UslFit::of(&observations, 3), UslFit::of(&observations, 3));
    }
}
