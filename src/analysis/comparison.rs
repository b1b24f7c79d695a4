//! What a comparison says. An effect that is sure is not yet one that matters, and one that was not seen may hide behind a
//! wide interval: the verdicts keep these apart.

use crate::measure::Reading;
use crate::results::comparison_analysis::{Comparison, Judged, Pilot, Reliability, Verdict};
use crate::stats::{Interval, RatioEstimate};

/// By itself: `relevant_percent` is the smallest effect that matters, `1 + relevant_percent / 100` and its inverse as
/// ratios.
pub fn judged(estimate: RatioEstimate, relevant_percent: f64) -> Judged {
    Judged { estimate, verdict: verdict(&estimate, relevant_percent) }
}

fn verdict(estimate: &RatioEstimate, relevant_percent: f64) -> Verdict {
    let Some(interval) = estimate.interval else { return Verdict::Inconclusive };
    let (effect, low, high) = (estimate.ratio.ln(), interval.low.ln(), interval.high.ln());
    let matters = margin(relevant_percent);
    if low > 0.0 && effect >= matters {
        Verdict::Faster
    } else if high < 0.0 && effect <= -matters {
        Verdict::Slower
    } else if -matters <= low && high <= matters {
        Verdict::Equivalent
    } else if high - low <= 2.0 * matters {
        Verdict::NoDifferenceShown
    } else {
        Verdict::Inconclusive
    }
}

/// The smallest effect that matters, as a log ratio.
pub fn margin(relevant_percent: f64) -> f64 {
    (relevant_percent / 100.0).ln_1p()
}

/// Half of what lies between the ends of an interval, in per cent: ± so much.
pub fn half_width_percent(interval: &Interval) -> f64 {
    100.0 * ((interval.high / interval.low).ln() / 2.0).exp_m1()
}

/// Of quartile and total together, with what there is to add, and whether they disagree.
///
/// Noise lengthens some blocks, so the total says less often something than the quartile; where it does, it counts.
pub fn combined(
    quartile: &Judged,
    total: &Judged,
    pilot: &Pilot,
    rounds: usize,
) -> (Verdict, Option<String>, bool) {
    use Verdict::{Contradictory, Faster, Inconclusive, Slower};
    let decided = |verdict| matches!(verdict, Faster | Slower);
    let (by_quartile, by_total) = (quartile.verdict, total.verdict);
    match (by_quartile, by_total) {
        (Faster, Slower) | (Slower, Faster) => {
            let why = "most blocks say one thing, their total the other: it stalls now and then";
            (Contradictory, Some(why.to_owned()), true)
        }
        (_, Faster | Slower) if !decided(by_quartile) => {
            let why = "by total time only: what differs happens in some blocks, and not in most";
            (by_total, Some(why.to_owned()), by_quartile != Inconclusive)
        }
        (Faster | Slower, Inconclusive) => (by_quartile, None, false),
        (Faster | Slower, _) if !decided(by_total) => {
            let why = "in most blocks; their total does not show it";
            (by_quartile, Some(why.to_owned()), true)
        }
        (Inconclusive, _) => (Inconclusive, Some(too_wide(quartile, pilot, rounds)), false),
        _ => (by_quartile, None, false),
    }
}

fn too_wide(quartile: &Judged, pilot: &Pilot, rounds: usize) -> String {
    let width = match &quartile.estimate.interval {
        Some(interval) => format!("its interval is ±{:.1} %", half_width_percent(interval)),
        None => "so few rounds have no interval".to_owned(),
    };
    let enough = quartile.estimate.interval.map(|interval| enough(&interval, pilot.effect, rounds));
    let enough = enough.map(|enough| format!("; some {enough} rounds would do")).unwrap_or_default();
    format!("uneven rounds: {width}, with {rounds} rounds{enough}")
}

/// Rounds like these after which the interval would reach no further than `effect`, a log ratio, to either side: its width goes
/// with the root of their number.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // thousands
fn enough(interval: &Interval, effect: f64, rounds: usize) -> usize {
    let times = (interval.high / interval.low).ln() / 2.0 / effect;
    (rounds as f64 * times * times).ceil() as usize
}

/// What the controls tell of the run.
pub fn reliability(controls: &[Comparison]) -> Reliability {
    let absent = "no system was compared with itself";
    if controls.is_empty() {
        return Reliability {
            reliable: Reading::absent(absent),
            noise_floor_percent: Reading::absent(absent),
        };
    }
    let is_different =
        |c: &Comparison| matches!(c.verdict, Verdict::Faster | Verdict::Slower | Verdict::Contradictory);
    let widths: Option<Vec<f64>> = controls
        .iter()
        .flat_map(|control| [&control.quartile, &control.total])
        .map(|judged| judged.estimate.interval.as_ref().map(half_width_percent))
        .collect();
    let widest = widths.map(|widths| widths.into_iter().fold(0.0, f64::max));
    Reliability {
        reliable: Reading::Value(!controls.iter().any(is_different)),
        noise_floor_percent: widest
            .map_or_else(|| Reading::absent("so few rounds have no interval"), Reading::Value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(low: f64, ratio: f64, high: f64) -> RatioEstimate {
        let interval = Some(Interval { low, high, confidence: 0.995 });
        RatioEstimate { ratio, interval, rounds: 20, p: 0.5 }
    }

    fn of(low: f64, ratio: f64, high: f64) -> Judged {
        judged(estimate(low, ratio, high), 1.0)
    }

    const PILOT: Pilot =
        Pilot { rounds: 13, quartile_sd: 0.03, total_sd: 0.1, effect: 0.01, rounds_needed: 400 };

    #[test]
    fn sure_is_not_yet_what_matters_and_not_seen_is_not_equal() {
        for (low, ratio, high, expected) in [
            (1.02, 1.03, 1.04, Verdict::Faster),
            (0.96, 0.97, 0.98, Verdict::Slower),
            (0.995, 1.0, 1.005, Verdict::Equivalent),
            // Sure, but less than matters.
            (1.002, 1.004, 1.006, Verdict::Equivalent),
            (1.001, 1.006, 1.012, Verdict::NoDifferenceShown),
            (0.995, 1.004, 1.013, Verdict::NoDifferenceShown),
            (0.95, 1.02, 1.09, Verdict::Inconclusive),
        ] {
            assert_eq!(of(low, ratio, high).verdict, expected, "{low} {ratio} {high}");
        }
        let few = RatioEstimate { interval: None, ..estimate(1.0, 2.0, 3.0) };
        assert_eq!(judged(few, 1.0).verdict, Verdict::Inconclusive);
    }

    #[test]
    fn what_matters_can_be_said() {
        assert_eq!(judged(estimate(1.02, 1.03, 1.04), 5.0).verdict, Verdict::Equivalent);
        assert_eq!(judged(estimate(1.02, 1.03, 1.06), 5.0).verdict, Verdict::NoDifferenceShown);
    }

    #[test]
    fn exchanging_the_sides_exchanges_the_verdict() {
        for (low, ratio, high) in [(1.02, 1.03, 1.04), (0.995, 1.004, 1.013), (0.95, 1.02, 1.09)] {
            let there = of(low, ratio, high).verdict;
            let back = of(1.0 / high, 1.0 / ratio, 1.0 / low).verdict;
            let expected = if there == Verdict::Faster { Verdict::Slower } else { there };
            assert_eq!(back, expected);
        }
    }

    #[test]
    fn where_quartile_and_total_disagree_it_is_said() {
        let (faster, slower) = (of(1.1, 1.2, 1.3), of(0.7, 0.8, 0.9));
        let (equal, wide) = (of(0.995, 1.0, 1.005), of(0.5, 1.0, 2.0));
        for (quartile, total, expected, disagree) in [
            (faster, slower, Verdict::Contradictory, true),
            (equal, slower, Verdict::Slower, true),
            (wide, slower, Verdict::Slower, false),
            (faster, equal, Verdict::Faster, true),
            (faster, wide, Verdict::Faster, false),
            (equal, wide, Verdict::Equivalent, false),
            (equal, equal, Verdict::Equivalent, false),
        ] {
            let (verdict, why, disagreement) = combined(&quartile, &total, &PILOT, 60);
            assert_eq!((verdict, disagreement), (expected, disagree), "{quartile:?} {total:?}");
            assert!(!disagree || why.is_some());
        }
    }

    #[test]
    fn what_is_inconclusive_says_why() {
        let wide = of(0.5, 1.0, 2.0);
        let (verdict, why, _) = combined(&wide, &wide, &PILOT, 60);
        let why = why.expect("a reason");
        assert_eq!(verdict, Verdict::Inconclusive);
        // ln 2 is 69.3 times 0.01, and 60 times the square of that are 288,271.8.
        assert!(why.contains("±100.0 %, with 60 rounds; some 288272 rounds would do"), "{why}");
    }
}
