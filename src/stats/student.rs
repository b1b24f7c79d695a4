//! Student's t distribution for whole degrees of freedom.

use std::f64::consts::PI;

/// The t beyond which, at either side together, lies what the confidence leaves. `degrees` from 1 on; `confidence`
/// between 0 and 1.
pub(super) fn two_sided_t(degrees: usize, confidence: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while within(high, degrees) < confidence {
        high *= 2.0;
    }
    while high - low > 1e-12 * high {
        let middle = f64::midpoint(low, high);
        if within(middle, degrees) < confidence { low = middle } else { high = middle }
    }
    high
}

/// P(|T| ≤ t), a finite sum (Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.3 and 26.7.4).
fn within(t: f64, degrees: usize) -> f64 {
    let angle = (t / (degrees as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let odd = degrees % 2 == 1;
    // cos + 2/3 cos³ + 2·4/(3·5) cos⁵ + … up to cos^(ν−2), or 1 + 1/2 cos² + 1·3/(2·4) cos⁴ + …
    let (mut term, mut power) = if odd { (cosine, 1) } else { (1.0, 0) };
    let mut sum = 0.0;
    while power + 2 <= degrees {
        sum += term;
        power += 2;
        term *= (power - 1) as f64 / power as f64 * cosine * cosine;
    }
    if odd { 2.0 / PI * (angle + sine * sum) } else { sine * sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        // R: qt(0.975, c(1, 2, 3, 4, 6, 10, 29)), qt(0.995, 5)
        let at_95 = [
            (1, 12.706_204_736),
            (2, 4.302_652_730),
            (3, 3.182_446_305),
            (4, 2.776_445_105),
            (6, 2.446_911_851),
            (10, 2.228_138_852),
            (29, 2.045_229_642),
        ];
        for (degrees, t) in at_95 {
            let found = two_sided_t(degrees, 0.95);
            assert!((found - t).abs() < 1e-8, "{degrees}: {found} instead of {t}");
        }
        assert!((two_sided_t(5, 0.99) - 4.032_142_984).abs() < 1e-8);
    }
}
