//! Quantiles of a sample, and which of them a sample can support.

/// Samples that must lie beyond a quantile before it is printed.
const SAMPLES_BEYOND: f64 = 10.0;

/// Slack for `1 − q` in binary: 100 samples do support the 90th percentile, though `100.0 * (1.0 - 0.9) < 10.0`.
const ROUNDING: f64 = 1e-9;

/// Whether `samples` values are enough to speak of their quantile `q` (0..=1): at least ten lie beyond it.
pub fn quantile_is_supported(q: f64, samples: u64) -> bool {
    samples as f64 * (1.0 - q) + ROUNDING >= SAMPLES_BEYOND
}

/// The quantile `q` (0..=1) of `values`, in any order: linear between the two nearest order statistics (Hyndman and
/// Fan's type 7, the default of R and NumPy). `None` if there are no values, one is NaN, or `q` is outside 0..=1.
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    if values.is_empty() || values.iter().any(|v| v.is_nan()) || !(0.0..=1.0).contains(&q) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Some(of_sorted(&sorted, q))
}

/// The middle value; the mean of the two middle ones if their number is even.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The quantile 0.25: the value of a round. Noise only adds time, so the lower quartile repeats better than the
/// median or the mean, and unlike the minimum it does not depend on one lucky block.
pub fn lower_quartile(values: &[f64]) -> Option<f64> {
    quantile(values, 0.25)
}

/// As [`quantile`], of values that are sorted, not empty and free of NaN.
pub(super) fn of_sorted(sorted: &[f64], q: f64) -> f64 {
    let position = q * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = position.ceil() as usize;
    // Not `low + (high − low)·t` alone: with equal infinities that is NaN.
    if below == above || sorted[below] == sorted[above] {
        return sorted[below];
    }
    sorted[below] + (sorted[above] - sorted[below]) * (position - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_r_type_7() {
        // R: quantile(c(7, 1, 3, 10, 4), c(0, .1, .25, .5, .9, 1))
        let values = [7.0, 1.0, 3.0, 10.0, 4.0];
        let expected = [(0.0, 1.0), (0.1, 1.8), (0.25, 3.0), (0.5, 4.0), (0.9, 8.8), (1.0, 10.0)];
        for (q, value) in expected {
            let found = quantile(&values, q).expect("five numbers");
            assert!((found - value).abs() < 1e-12, "q {q}: {found} instead of {value}");
        }
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(lower_quartile(&[4.0, 1.0, 3.0, 2.0]), Some(1.75));
        assert_eq!(median(&[5.0]), Some(5.0));
    }

    #[test]
    fn nothing_comes_from_nothing() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[1.0, f64::NAN]), None);
        assert_eq!(quantile(&[1.0], 1.1), None);
        assert_eq!(quantile(&[1.0], f64::NAN), None);
    }

    #[test]
    fn ten_samples_must_lie_beyond() {
        for (q, fewest) in [(0.5, 20), (0.9, 100), (0.95, 200), (0.99, 1_000), (0.999, 10_000)] {
            assert!(quantile_is_supported(q, fewest), "{fewest} samples support {q}");
            assert!(!quantile_is_supported(q, fewest - 1), "{} samples do not support {q}", fewest - 1);
        }
        assert!(!quantile_is_supported(1.0, u64::MAX), "the maximum is not a quantile");
    }
}
