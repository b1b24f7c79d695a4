//! Wilcoxon's signed-rank statistic and its distribution when the true difference is zero.
//!
//! Source: F. Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1 (1945);
//! Hollander, Wolfe and Chicken, "Nonparametric Statistical Methods", 3rd ed., ch. 3.

/// Up to this many values the distribution is counted out, above it is approximated by the normal one. Counting takes
/// under a millisecond here, and the approximation is worst in the far tails, where levels corrected for many
/// comparisons lie: with 100 values and a tail of 2 in 10,000 it is 22 % too large, which is the safe side.
const EXACT_UP_TO: usize = 100;

/// The distribution of the sum of the positive ranks, each rank being positive or negative with probability ½.
///
/// Ties have equal ranks in halves, so everything is kept doubled: whole numbers.
pub(super) struct SignedRank {
    doubled_ranks: Vec<u64>,
    /// Probability of each doubled sum from 0 up; empty above [`EXACT_UP_TO`].
    exact: Vec<f64>,
}

impl SignedRank {
    /// For `n` values without ties: ranks 1 to n.
    pub(super) fn without_ties(n: usize) -> Self {
        Self::of_doubled_ranks((1..=n as u64).map(|rank| 2 * rank).collect())
    }

    fn of_doubled_ranks(doubled_ranks: Vec<u64>) -> Self {
        let exact = if doubled_ranks.len() <= EXACT_UP_TO { count_out(&doubled_ranks) } else { Vec::new() };
        Self { doubled_ranks, exact }
    }

    /// P(sum of positive ranks ≤ `sum`).
    pub(super) fn at_most(&self, sum: f64) -> f64 {
        if self.exact.is_empty() { self.normal_at_most(sum) } else { self.exact_at_most(sum) }
    }

    fn exact_at_most(&self, sum: f64) -> f64 {
        let doubled = (2.0 * sum).floor();
        if doubled < 0.0 {
            return 0.0;
        }
        let last = (doubled as usize).min(self.exact.len() - 1);
        self.exact[..=last].iter().sum::<f64>().min(1.0)
    }

    /// With continuity correction. The variance, a quarter of the sum of squared ranks, already knows about ties.
    fn normal_at_most(&self, sum: f64) -> f64 {
        let squares: f64 = self.doubled_ranks.iter().map(|&d| (d as f64 / 2.0).powi(2)).sum();
        let z = (sum + 0.5 - self.largest_sum() / 2.0) / (squares / 4.0).sqrt();
        0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)
    }

    fn largest_sum(&self) -> f64 {
        self.doubled_ranks.iter().sum::<u64>() as f64 / 2.0
    }

    /// Two-sided p of a sum of positive ranks. The distribution is symmetric, so the smaller tail is doubled.
    fn two_sided(&self, sum: f64) -> f64 {
        let smaller = sum.min(self.largest_sum() - sum);
        (2.0 * self.at_most(smaller)).min(1.0)
    }
}

/// Adds one rank after the other: each is in the sum or not, with probability ½.
fn count_out(doubled_ranks: &[u64]) -> Vec<f64> {
    let mut probability = vec![1.0];
    for &rank in doubled_ranks {
        let rank = rank as usize;
        let mut next = vec![0.0; probability.len() + rank];
        for (sum, p) in probability.iter().enumerate() {
            next[sum] += p / 2.0;
            next[sum + rank] += p / 2.0;
        }
        probability = next;
    }
    probability
}

/// Two-sided p of Wilcoxon's signed-rank test that `values` are symmetric about zero. Zeros say nothing and are left
/// out; ties get the mean of their ranks, and the p is that of these very ranks. 1 if nothing is left.
pub fn signed_rank_p(values: &[f64]) -> f64 {
    let mut nonzero: Vec<f64> = values.iter().copied().filter(|v| *v != 0.0).collect();
    if nonzero.is_empty() {
        return 1.0;
    }
    nonzero.sort_unstable_by(|a, b| a.abs().total_cmp(&b.abs()));
    let doubled_ranks = doubled_ranks_of(&nonzero);
    let ranked = nonzero.iter().zip(&doubled_ranks);
    let positive: u64 = ranked.filter(|(value, _)| **value > 0.0).map(|(_, rank)| rank).sum();
    SignedRank::of_doubled_ranks(doubled_ranks).two_sided(positive as f64 / 2.0)
}

/// Twice the ranks of values sorted by size, ties sharing the mean: places `first..=last` (from 1) give `first + last`.
fn doubled_ranks_of(sorted: &[f64]) -> Vec<u64> {
    let mut ranks = Vec::with_capacity(sorted.len());
    for tied in sorted.chunk_by(|a, b| a.abs() == b.abs()) {
        let (first, last) = (ranks.len() + 1, ranks.len() + tied.len());
        ranks.extend(std::iter::repeat_n((first + last) as u64, tied.len()));
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every one of the 2^n ways to give signs, one by one.
    fn enumerated_p(values: &[f64]) -> f64 {
        let mut by_size = values.to_vec();
        by_size.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
        let ranks = doubled_ranks_of(&by_size);
        let total: u64 = ranks.iter().sum();
        let tail = |positive: u64| positive.min(total - positive);
        let seen = tail(by_size.iter().zip(&ranks).filter(|(v, _)| **v > 0.0).map(|(_, r)| r).sum());
        let as_extreme = (0_u32..1 << ranks.len())
            .filter(|signs| {
                tail((0..ranks.len()).filter(|i| signs >> i & 1 == 1).map(|i| ranks[i]).sum()) <= seen
            })
            .count();
        as_extreme as f64 / f64::from(1_u32 << ranks.len())
    }

    #[test]
    fn p_is_that_of_counting_all_signs() {
        let samples: [&[f64]; 4] = [
            &[1.1, -0.4, 2.0, 3.5, -0.2, 0.9, 1.7],
            &[1.0, 1.0, -1.0, 2.0, 2.0, -3.0, 4.0, 4.0, 4.0],
            &[-5.0, 1.0, -2.0, -3.0, -4.0],
            &[0.3, -0.3],
        ];
        for values in samples {
            let (found, counted) = (signed_rank_p(values), enumerated_p(values));
            assert!((found - counted).abs() < 1e-12, "{values:?}: {found} instead of {counted}");
        }
    }

    #[test]
    #[expect(clippy::approx_constant, reason = "3.14 was measured")]
    fn p_of_a_published_example() {
        // Hollander and Wolfe, depression scale factor IV (also R's example of wilcox.test): V = 40, one-sided 0.01953.
        let before = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];
        let after = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
        let differences: Vec<f64> = before.iter().zip(after).map(|(b, a)| b - a).collect();
        assert!((signed_rank_p(&differences) - 0.039_062_5).abs() < 1e-12);
    }

    #[test]
    fn the_distribution_is_that_of_published_tables() {
        // Critical values of the smaller rank sum, two-sided: n, level, largest sum still inside the level.
        for (n, level, largest) in
            [(6, 0.05, 0.0), (10, 0.05, 8.0), (15, 0.01, 15.0), (20, 0.05, 52.0), (30, 0.01, 109.0)]
        {
            let distribution = SignedRank::without_ties(n);
            assert!(2.0 * distribution.at_most(largest) <= level, "n {n}");
            assert!(2.0 * distribution.at_most(largest + 1.0) > level, "n {n}");
        }
    }

    #[test]
    fn probabilities_add_up_to_one() {
        for n in [1, 5, 30, EXACT_UP_TO] {
            let all = SignedRank::without_ties(n).at_most((n * (n + 1) / 2) as f64);
            assert!((all - 1.0).abs() < 1e-12, "n {n}: {all}");
        }
    }

    #[test]
    fn the_approximation_joins_the_exact_distribution() {
        let exact = SignedRank::without_ties(EXACT_UP_TO);
        for (sum, too_large_by) in [(1_500.0, 0.25), (1_800.0, 0.06), (2_100.0, 0.01), (2_525.0, 0.001)] {
            let (counted, normal) = (exact.at_most(sum), exact.normal_at_most(sum));
            assert!(
                (-0.01..too_large_by).contains(&(normal / counted - 1.0)),
                "sum {sum}: {counted}, {normal}"
            );
        }
        assert!(SignedRank::without_ties(EXACT_UP_TO + 1).exact.is_empty());
    }

    #[test]
    fn ties_share_the_mean_of_their_ranks() {
        // Places 1, 2, 3 share 2; 4 has its own; 5, 6 share 5½.
        assert_eq!(doubled_ranks_of(&[1.0, -1.0, 1.0, 2.0, 3.0, -3.0]), [4, 4, 4, 8, 11, 11]);
    }

    #[test]
    fn zeros_say_nothing() {
        assert_eq!(signed_rank_p(&[0.0, 0.0]), 1.0);
        assert_eq!(signed_rank_p(&[]), 1.0);
        assert_eq!(signed_rank_p(&[0.0, 1.0, 2.0, 0.0, -3.0]), signed_rank_p(&[1.0, 2.0, -3.0]));
    }
}
