//! From per-round log ratios to one ratio with its interval.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::quantile::of_sorted;
use super::signed_rank::{SignedRank, signed_rank_p};

/// How many times as large B is as A, from one log ratio per round.
///
/// The estimate is Hodges and Lehmann's: the median of all means of two rounds (Walsh averages, each round with
/// itself too). Its interval runs between two of these means, counted in from both ends so far that the signed-rank
/// distribution promises the confidence (Hollander, Wolfe and Chicken, "Nonparametric Statistical Methods", ch. 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RatioEstimate {
    /// B / A.
    pub ratio: f64,
    /// Absent if so few rounds cannot reach the confidence: fewer than six cannot reach 95 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// How many log ratios it rests on.
    pub rounds: usize,
    /// Two-sided p of the signed-rank test that the ratio is 1.
    pub p: f64,
}

/// Where a figure lies, at the confidence that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// What was asked for, e.g. 0.95. The exact distribution moves in steps, so what is reached is a little more.
    pub confidence: f64,
}

/// Why there is no estimate.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum RatioError {
    /// No rounds.
    #[error("no rounds to estimate a ratio from; run at least one")]
    NoRounds,
    /// A round's log ratio is NaN or infinite.
    #[error("round {round}: its log ratio is {value}; a round must take time in both systems")]
    NotFinite {
        /// Counted from 0.
        round: usize,
        /// What it was.
        value: f64,
    },
    /// Not a probability.
    #[error("confidence {0} is not between 0 and 1; 0.95 is usual")]
    Confidence(f64),
}

impl RatioEstimate {
    /// `log_ratios`: `ln(B / A)` of each round, in any order; `confidence` between 0 and 1, ends excluded.
    pub fn from_log_ratios(log_ratios: &[f64], confidence: f64) -> Result<Self, RatioError> {
        check(log_ratios, confidence)?;
        let walsh = walsh_averages(log_ratios);
        Ok(Self {
            ratio: of_sorted(&walsh, 0.5).exp(),
            interval: interval(&walsh, log_ratios.len(), confidence),
            rounds: log_ratios.len(),
            p: signed_rank_p(log_ratios),
        })
    }
}

fn check(log_ratios: &[f64], confidence: f64) -> Result<(), RatioError> {
    if !(confidence > 0.0 && confidence < 1.0) {
        return Err(RatioError::Confidence(confidence));
    }
    if log_ratios.is_empty() {
        return Err(RatioError::NoRounds);
    }
    match log_ratios.iter().position(|v| !v.is_finite()) {
        Some(round) => Err(RatioError::NotFinite { round, value: log_ratios[round] }),
        None => Ok(()),
    }
}

/// The means of all n(n+1)/2 pairs, sorted.
fn walsh_averages(values: &[f64]) -> Vec<f64> {
    let mut averages = Vec::with_capacity(values.len() * (values.len() + 1) / 2);
    for (i, a) in values.iter().enumerate() {
        averages.extend(values[i..].iter().map(|b| a / 2.0 + b / 2.0));
    }
    averages.sort_unstable_by(f64::total_cmp);
    averages
}

fn interval(walsh: &[f64], rounds: usize, confidence: f64) -> Option<Interval> {
    let outside = averages_outside(rounds, confidence)?;
    let (low, high) = (walsh[outside].exp(), walsh[walsh.len() - 1 - outside].exp());
    Some(Interval { low, high, confidence })
}

/// How many Walsh averages may be left out at each end: the largest sum whose tail is within half of what the
/// confidence leaves. `None` if not even the outermost averages reach the confidence.
fn averages_outside(rounds: usize, confidence: f64) -> Option<usize> {
    // `1 − 0.9375` and its like are halves of halves up to rounding; the tail probabilities are exact.
    let tail = (1.0 - confidence) / 2.0 * (1.0 + 1e-12);
    let distribution = SignedRank::without_ties(rounds);
    let half = rounds * (rounds + 1) / 4;
    (0..=half).take_while(|&sum| distribution.at_most(sum as f64) <= tail).last()
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::stats::noise::noise;

    fn close(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 1e-9
    }

    #[test]
    fn estimate_and_interval_of_a_published_example() {
        // R: wilcox.test(depression$x - depression$y, conf.int = TRUE): 0.46, interval 0.010 to 0.786, p 0.03906.
        let logs = [0.952, -0.147, 1.022, 0.430, 0.620, 0.590, 0.490, -0.080, 0.010];
        let found = RatioEstimate::from_log_ratios(&logs, 0.95).expect("nine finite rounds");
        let interval = found.interval.expect("nine rounds reach 95 %");
        assert!(close(found.ratio.ln(), 0.46), "{found:?}");
        assert!(close(interval.low.ln(), 0.010) && close(interval.high.ln(), 0.786), "{interval:?}");
        assert!(close(found.p, 0.039_062_5));
        assert_eq!(found.rounds, 9);
    }

    #[test]
    fn too_few_rounds_have_no_interval() {
        // n rounds reach at most 1 − 2/2^n.
        for (rounds, confidence, reached) in
            [(5, 0.95, false), (6, 0.95, true), (5, 0.9375, true), (12, 0.9997, false), (13, 0.9997, true)]
        {
            let logs: Vec<f64> = (0..rounds).map(f64::from).collect();
            let found = RatioEstimate::from_log_ratios(&logs, confidence).expect("finite");
            assert_eq!(found.interval.is_some(), reached, "{rounds} rounds at {confidence}");
        }
    }

    #[test]
    fn exchanging_the_systems_inverts_ratio_and_interval() {
        let logs = [0.11, 0.07, 0.13, 0.05, 0.12, 0.09, 0.10];
        let there = RatioEstimate::from_log_ratios(&logs, 0.95).expect("finite");
        let back = RatioEstimate::from_log_ratios(&logs.map(|v| -v), 0.95).expect("finite");
        let (a, b) = (there.interval.expect("seven"), back.interval.expect("seven"));
        assert!(close(there.ratio * back.ratio, 1.0) && close(there.p, back.p));
        assert!(close(a.low * b.high, 1.0) && close(a.high * b.low, 1.0));
    }

    #[test]
    fn the_interval_covers_as_often_as_its_order_statistics_promise() {
        let (rounds, trials, confidence, truth) = (15, 4_000, 0.95, 0.3);
        let outside = averages_outside(rounds, confidence).expect("fifteen rounds") as f64;
        let promised = 1.0 - 2.0 * SignedRank::without_ties(rounds).at_most(outside);
        let mut random = ChaCha8Rng::seed_from_u64(17);
        let covered = (0..trials)
            .filter(|_| {
                let logs: Vec<f64> = (0..rounds).map(|_| truth + noise(&mut random)).collect();
                let found = RatioEstimate::from_log_ratios(&logs, confidence).expect("finite");
                let interval = found.interval.expect("fifteen rounds");
                (interval.low..=interval.high).contains(&truth.exp())
            })
            .count() as f64
            / f64::from(trials);
        let four_sigma = 4.0 * (promised * (1.0 - promised) / f64::from(trials)).sqrt();
        assert!((confidence..confidence + 0.01).contains(&promised), "{promised}");
        assert!((covered - promised).abs() < four_sigma, "{covered} covered, {promised} promised");
    }

    #[test]
    fn intervals_at_995_miss_one_in_two_hundred() {
        let (trials, truth) = (10_000, 0.02);
        let mut random = ChaCha8Rng::seed_from_u64(19);
        // Half of the trials with one wild round in ten, as on a busy machine.
        let missed = (0..trials)
            .filter(|trial| {
                let logs: Vec<f64> = (0..20)
                    .map(|round| {
                        let wild = if trial % 2 == 0 && round % 10 == 0 { 10.0 } else { 1.0 };
                        truth + 0.02 * wild * noise(&mut random)
                    })
                    .collect();
                let found = RatioEstimate::from_log_ratios(&logs, 0.995).expect("finite");
                let interval = found.interval.expect("twenty rounds");
                !(interval.low..=interval.high).contains(&truth.exp())
            })
            .count();
        assert!((10..=100).contains(&missed), "{missed} of {trials}");
    }

    #[test]
    fn equal_systems_are_called_different_as_often_as_the_level_allows() {
        let (trials, level) = (4_000, 0.05);
        let mut random = ChaCha8Rng::seed_from_u64(18);
        let alarms = (0..trials)
            .filter(|_| {
                let logs: Vec<f64> = (0..14).map(|_| noise(&mut random)).collect();
                RatioEstimate::from_log_ratios(&logs, 0.95).expect("finite").p <= level
            })
            .count() as f64;
        let rate = alarms / f64::from(trials);
        assert!((0.035..0.06).contains(&rate), "{rate} false alarms at {level}");
    }

    #[test]
    fn what_is_no_figure_is_refused() {
        let refused = |logs: &[f64], confidence| RatioEstimate::from_log_ratios(logs, confidence);
        assert_eq!(refused(&[], 0.95), Err(RatioError::NoRounds));
        assert!(matches!(refused(&[0.0, f64::NAN], 0.95), Err(RatioError::NotFinite { round: 1, .. })));
        assert!(matches!(refused(&[f64::INFINITY], 0.95), Err(RatioError::NotFinite { round: 0, .. })));
        assert_eq!(refused(&[0.0], 1.0), Err(RatioError::Confidence(1.0)));
        assert!(matches!(refused(&[0.0], f64::NAN), Err(RatioError::Confidence(_))));
    }

    #[test]
    fn an_absent_interval_is_absent_in_json() {
        let few = RatioEstimate::from_log_ratios(&[0.0], 0.95).expect("finite");
        let json = serde_json::to_string(&few).expect("plain numbers");
        assert_eq!(json, r#"{"ratio":1.0,"rounds":1,"p":1.0}"#);
        assert_eq!(serde_json::from_str::<RatioEstimate>(&json).expect("own JSON"), few);
    }
}
