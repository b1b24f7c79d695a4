use super::Interval;

/// Where the median of what the values were drawn from lies: between two of them, counted in from both ends so far that
/// chance seldom has as many on one side (the sign test turned over; W. R. Thompson, "On confidence ranges for the
/// median", 1936). Nothing is assumed of their distribution. `None` if so few cannot reach the confidence: fewer than six
/// cannot reach 95 %.
pub fn median_interval(values: &[f64], confidence: f64) -> Option<Interval> {
    let tail = (1.0 - confidence) / 2.0 * (1.0 + 1e-12);
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let count = sorted.len();
    // P(at most k of n coins fall on one side), added up while it stays within the tail.
    let mut chance = 0.5_f64.powi(i32::try_from(count).ok()?);
    let (mut sum, mut outside) = (chance, 0);
    while sum <= tail {
        chance *= (count - outside) as f64 / (outside + 1) as f64;
        sum += chance;
        outside += 1;
    }
    let outermost = outside.checked_sub(1)?;
    Some(Interval { low: sorted[outermost], high: sorted[count - 1 - outermost], confidence })
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::stats::noise::noise;

    #[test]
    fn ranks_are_those_of_the_tables() {
        // Hollander, Wolfe and Chicken, table A.2: at 95 % the ranks to count in from each end.
        for (count, rank) in
            [(5, None), (6, Some(1)), (7, Some(1)), (8, Some(1)), (9, Some(2)), (15, Some(4)), (25, Some(8))]
        {
            let values: Vec<f64> = (1..=count).rev().map(f64::from).collect();
            let found = median_interval(&values, 0.95).map(|interval| (interval.low, interval.high));
            let expected = rank.map(|rank| (f64::from(rank), f64::from(count + 1 - rank)));
            assert_eq!(found, expected, "{count} values");
        }
        assert_eq!(median_interval(&[], 0.95), None);
    }

    #[test]
    fn it_covers_the_median_as_often_as_it_promises() {
        let mut draw = ChaCha8Rng::seed_from_u64(4);
        let trials = 4_000;
        let covered = (0..trials)
            .filter(|_| {
                // Skewed: the median of e to the noise is 1.
                let values: Vec<f64> = (0..7).map(|_| noise(&mut draw).exp()).collect();
                let interval = median_interval(&values, 0.95).expect("seven");
                interval.low <= 1.0 && 1.0 <= interval.high
            })
            .count() as f64;
        // 1 − 2/2⁷
        assert!((covered / f64::from(trials) - 0.984).abs() < 0.008, "{covered}");
    }
}
