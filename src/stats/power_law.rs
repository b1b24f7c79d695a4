use serde::{Deserialize, Serialize};

use super::fit::{NoFit, check};
use super::quantile::median;
use super::student::two_sided_t;

/// Two parameters, and as many points that could contradict them.
const POINTS_NEEDED: usize = 4;

/// Root mean square of the residuals' logarithms: the points lie within some 20 % of the line, over sizes that differ by
/// factors of a hundred and more. A bend, such as a cost that is constant before it grows, lies farther off.
const RESIDUALS_ALLOWED: f64 = 0.2;

/// Confidence of [`PowerLaw::low`] to [`PowerLaw::high`].
const CONFIDENCE: f64 = 0.95;

/// `y = factor · n^exponent`, a straight line in logarithms. 0: the size does not matter; 1: in proportion; −1: halved
/// by twice the size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PowerLaw {
    /// y at size 1.
    pub factor: f64,
    /// How it grows.
    pub exponent: f64,
    /// Lower end of the exponent's interval at 95 %.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Observation over line less 1, of the median at each size, sizes ascending.
    pub residuals: Vec<f64>,
    /// Root mean square of their logarithms for the degrees of freedom that are left.
    pub rms_residual: f64,
}

impl PowerLaw {
    /// `observations`: (n, y), any number for each n, of which the median counts. The rounds at one size share what is
    /// peculiar to that size, so that more of them say nothing more about the line.
    ///
    /// # Errors
    /// Why there is no line.
    pub fn of(observations: &[(f64, f64)]) -> Result<Self, NoFit> {
        check(observations, POINTS_NEEDED)?;
        let points = medians(observations);
        let logs: Vec<(f64, f64)> = points.iter().map(|&(n, y)| (n.ln(), y.ln())).collect();
        let count = logs.len() as f64;
        let mean_x = logs.iter().map(|(x, _)| x).sum::<f64>() / count;
        let mean_y = logs.iter().map(|(_, y)| y).sum::<f64>() / count;
        let spread: f64 = logs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
        let common: f64 = logs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
        let exponent = common / spread;
        let off = |&(x, y): &(f64, f64)| y - mean_y - exponent * (x - mean_x);
        let squares: f64 = logs.iter().map(|point| off(point).powi(2)).sum();
        let rms_residual = (squares / (count - 2.0)).sqrt();
        if rms_residual > RESIDUALS_ALLOWED {
            let [rms_percent, allowed_percent] =
                [rms_residual, RESIDUALS_ALLOWED].map(|log| 100.0 * log.exp_m1());
            return Err(NoFit::Residuals { rms_percent, allowed_percent });
        }
        let reach = two_sided_t(logs.len() - 2, CONFIDENCE) * rms_residual / spread.sqrt();
        Ok(Self {
            factor: (mean_y - exponent * mean_x).exp(),
            exponent,
            low: exponent - reach,
            high: exponent + reach,
            residuals: logs.iter().map(|point| off(point).exp_m1()).collect(),
            rms_residual,
        })
    }

    /// y at size `n`.
    pub fn at(&self, n: f64) -> f64 {
        self.factor * n.powf(self.exponent)
    }
}

/// The median at each size, sizes ascending.
fn medians(observations: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut sorted = observations.to_vec();
    sorted.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    let of_one_size = sorted.chunk_by(|one, other| one.0 == other.0);
    let middle = |chunk: &[(f64, f64)]| median(&chunk.iter().map(|&(_, y)| y).collect::<Vec<_>>());
    of_one_size.filter_map(|chunk| Some((chunk[0].0, middle(chunk)?))).collect()
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::stats::noise::noise;

    const SIZES: [f64; 7] = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0];

    fn observed(factor: f64, exponent: f64, deviation: f64, seed: u64) -> Vec<(f64, f64)> {
        let mut draw = ChaCha8Rng::seed_from_u64(seed);
        SIZES.map(|n| (n, factor * n.powf(exponent) * (deviation * noise(&mut draw)).exp())).into()
    }

    #[test]
    fn exact_observations_give_the_exact_line() {
        for (factor, exponent) in [(7.0, 0.0), (2e6, -1.0), (1e-3, 0.5), (40.0, 2.0)] {
            let law = PowerLaw::of(&observed(factor, exponent, 0.0, 1)).expect("a line");
            assert!((law.factor / factor - 1.0).abs() < 1e-9, "{law:?}");
            assert!((law.exponent - exponent).abs() < 1e-9, "{law:?}");
            assert!(law.high - law.low < 1e-9 && law.residuals.iter().all(|r| r.abs() < 1e-9), "{law:?}");
            assert!((law.at(50.0) / (factor * 50_f64.powf(exponent)) - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn the_interval_covers_the_exponent_as_often_as_it_promises() {
        let trials = 4_000;
        let covered = (0..trials)
            .filter(|&seed| {
                let law = PowerLaw::of(&observed(10.0, -0.7, 0.05, seed)).expect("a line");
                (law.low..=law.high).contains(&-0.7)
            })
            .count() as f64
            / trials as f64;
        assert!((covered - 0.95).abs() < 0.014, "{covered}");
    }

    #[test]
    fn a_bend_and_noise_are_no_line() {
        // Constant up to 30, then in proportion.
        let bend = SIZES.map(|n| (n, 1.0 + n / 30.0));
        assert!(matches!(PowerLaw::of(&bend), Err(NoFit::Residuals { .. })));
        let fits = (0..200).filter(|&seed| PowerLaw::of(&observed(10.0, 0.0, 1.0, seed)).is_ok()).count();
        assert!(fits <= 2, "{fits} of 200");
    }

    #[test]
    fn the_median_of_each_size_counts() {
        let outlier = |n: f64| [(n, 2.0 * n), (n, 2.0 * n), (n, 500.0 * n)];
        let law = PowerLaw::of(&SIZES.map(outlier).concat()).expect("a line");
        assert!((law.factor - 2.0).abs() < 1e-9 && (law.exponent - 1.0).abs() < 1e-9);
        assert_eq!(law.residuals.len(), SIZES.len());
    }

    #[test]
    fn three_sizes_are_too_few() {
        let few = observed(1.0, 1.0, 0.0, 1)[..3].repeat(5);
        assert_eq!(PowerLaw::of(&few), Err(NoFit::TooFewPoints { points: 3, needed: 4 }));
    }
}
