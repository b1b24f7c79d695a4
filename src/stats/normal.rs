//! The normal distribution, and what planning needs of it.

use std::f64::consts::SQRT_2;

/// The z below which a share `p` of a normal distribution lies; `p` between 0 and 1, ends excluded.
pub fn normal_quantile(p: f64) -> f64 {
    let below = |z: f64| 0.5 * libm::erfc(-z / SQRT_2);
    // Doubles have no p beyond these but 0 and 1.
    let (mut low, mut high) = (-39.0, 9.0);
    while high - low > 1e-12 {
        let middle = f64::midpoint(low, high);
        if below(middle) < p { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The upper bound, at one-sided `confidence`, of the standard deviation that normal `values` were drawn with. `None` of
/// fewer than two.
///
/// The quantile of χ² is Wilson and Hilferty's (1931); with ten values it is off by less than a per cent.
pub fn sd_upper_bound(values: &[f64], confidence: f64) -> Option<f64> {
    let degrees = values.len().checked_sub(1).filter(|&degrees| degrees > 0)? as f64;
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let part = 2.0 / (9.0 * degrees);
    let chi_square =
        degrees * (1.0 - part + normal_quantile(1.0 - confidence) * part.sqrt()).max(0.01).powi(3);
    Some((squares / chi_square).sqrt())
}

/// Rounds after which an effect is found with this `power` by intervals of this two-sided `confidence`, if rounds have
/// this standard deviation: `((z_{α/2} + z_power)·sd / effect)²`, rounded up.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive, and saturates
pub fn rounds_needed(sd: f64, effect: f64, confidence: f64, power: f64) -> usize {
    let z = normal_quantile(f64::midpoint(1.0, confidence)) + normal_quantile(power);
    (z * sd / effect).powi(2).ceil() as usize
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::stats::noise::noise;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (p, z) in [(0.5, 0.0), (0.975, 1.959_964), (0.9, 1.281_552), (0.0005, -3.290_527)] {
            assert!((normal_quantile(p) - z).abs() < 1e-6, "{p}");
        }
    }

    #[test]
    fn rounds_are_those_of_the_formula() {
        // (2.807 + 1.282)² = 4.09² for one comparison at 0.005 and power 0.9.
        assert_eq!(rounds_needed(0.01, 0.01, 0.995, 0.9), 17);
        assert_eq!(rounds_needed(0.02, 0.01, 0.995, 0.9), 67);
        assert_eq!(rounds_needed(0.0, 0.01, 0.995, 0.9), 0);
    }

    #[test]
    fn the_bound_of_ten_values_is_that_of_the_tables() {
        // Squares sum to 9, and the 20 % point of χ² with 9 degrees is 5.380.
        let values = [1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 0.5_f64.sqrt(), -(0.5_f64.sqrt())];
        let bound = sd_upper_bound(&values, 0.8).expect("ten");
        assert!((bound - (9.0_f64 / 5.380).sqrt()).abs() < 0.01, "{bound}");
        assert_eq!(sd_upper_bound(&[1.0], 0.8), None);
    }

    #[test]
    fn the_bound_holds_as_often_as_it_promises() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let trials = 4_000;
        // The noise has the standard deviation that many of its values show.
        let many: Vec<f64> = (0..20_000).map(|_| noise(&mut random)).collect();
        let truth = (many.iter().map(|v| v * v).sum::<f64>() / many.len() as f64).sqrt();
        let held = (0..trials)
            .filter(|_| {
                let values: Vec<f64> = (0..10).map(|_| noise(&mut random)).collect();
                sd_upper_bound(&values, 0.8).expect("ten") >= truth
            })
            .count() as f64;
        let share = held / f64::from(trials);
        assert!((0.74..0.86).contains(&share), "{share}");
    }
}
