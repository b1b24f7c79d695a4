/// Lower and upper end of the share that `some` of `all` stand for, at the quantile `z` of the normal distribution (1.96
/// for 95 %). Between 0 and 1, and sensible where nothing or all was counted.
///
/// Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22 (1927).
pub fn wilson_interval(some: u64, all: u64, z: f64) -> Option<(f64, f64)> {
    if all == 0 || some > all {
        return None;
    }
    let n = all as f64;
    let share = some as f64 / n;
    let shrink = 1.0 + z * z / n;
    let middle = (share + z * z / (2.0 * n)) / shrink;
    let half = z / shrink * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    Some(((middle - half).max(0.0), (middle + half).min(1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples() {
        // R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        for ((some, all), (low, high)) in [
            ((81, 263), (0.2553, 0.3662)),
            ((15, 148), (0.0624, 0.1605)),
            ((0, 20), (0.0, 0.1611)),
            ((1, 29), (0.0061, 0.1718)),
        ] {
            let found = wilson_interval(some, all, 1.959_964).expect("a share");
            assert!((found.0 - low).abs() < 5e-5 && (found.1 - high).abs() < 5e-5, "{some}/{all}: {found:?}");
        }
    }

    #[test]
    fn nothing_of_nothing_is_no_share() {
        assert_eq!(wilson_interval(0, 0, 1.96), None);
        assert_eq!(wilson_interval(2, 1, 1.96), None);
    }
}
