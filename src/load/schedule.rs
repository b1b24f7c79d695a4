use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::Course;
use super::course::PARTS;

/// How arrivals keep to the rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// At even distances, as a machine sends.
    #[default]
    Even,
    /// Each by chance, independent of all others, as a crowd does: a Poisson process. Where the rate moves it is an
    /// inhomogeneous one.
    Poisson,
}

/// Of the draws of arrivals; the workload's have other streams of the same seed.
const STREAM: u64 = 0xa771_7a15;

/// Intended times in nanoseconds from the beginning, ascending, all within the course: a pure function of course,
/// arrivals and seed, the same on every machine.
///
/// Each is computed from all events before it and not from the time before: rounding never adds up, 3 events/s stay 3
/// events/s. Poisson arrivals are those of a process of rate 1, whose distances are exponential, laid on the course
/// where it has come to as many events (inversion of the cumulative rate: Çinlar, "Introduction to Stochastic
/// Processes", 1975, ch. 4.7).
#[derive(Debug, Clone)]
pub struct Schedule {
    course: Course,
    /// The stretch of the last time.
    at: usize,
    next: Next,
}

/// Of the next event: how many, in parts, come before it.
#[derive(Debug, Clone)]
enum Next {
    Even(u64),
    Poisson { sum: u128, draw: Box<ChaCha8Rng> },
}

impl Course {
    /// When events are intended to be sent. `seed` is for Poisson arrivals.
    pub fn schedule(&self, arrivals: Arrivals, seed: u64) -> Schedule {
        let next = match arrivals {
            Arrivals::Even => Next::Even(0),
            Arrivals::Poisson => {
                let mut draw = Box::new(ChaCha8Rng::seed_from_u64(seed));
                draw.set_stream(STREAM);
                Next::Poisson { sum: 0, draw }
            }
        };
        Schedule { course: self.clone(), at: 0, next }
    }
}

impl Iterator for Schedule {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let parts = match &mut self.next {
            Next::Even(index) => {
                *index += 1;
                u128::from(*index - 1) * PARTS
            }
            Next::Poisson { sum, draw } => {
                *sum += exponential(draw);
                *sum
            }
        };
        self.course.moment_ns(&mut self.at, parts)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self.next {
            Next::Even(index) => {
                let left = usize::try_from(self.course.events().saturating_sub(index));
                (left.unwrap_or(usize::MAX), left.ok())
            }
            Next::Poisson { .. } => (0, None),
        }
    }
}

/// An exponential distance of mean 1, in [`PARTS`]: −ln of a uniform number in (0, 1] with 53 bits. By `libm`, whose
/// logarithm has the same bits on every machine. Rounding to parts does not add up: the sum is one of whole numbers.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 0 to 53·ln 2 events
fn exponential(draw: &mut ChaCha8Rng) -> u128 {
    let uniform = ((draw.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    (-libm::log(uniform) * PARTS as f64) as u128
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn poisson(course: &Course, seed: u64) -> Vec<u64> {
        course.schedule(Arrivals::Poisson, seed).collect()
    }

    #[test]
    fn poisson_arrivals_are_the_same_on_every_machine() {
        let course = Course::steady(1_000, SECOND).expect("a course");
        assert_eq!(poisson(&course, 42)[..4], [2_210_810, 2_215_400, 2_659_510, 3_771_573]);
        assert_ne!(poisson(&course, 42), poisson(&course, 43));
    }

    /// Kolmogorov and Smirnov: the largest distance between the distribution of what was drawn and that which it should
    /// have; at most 1.63/√n in 99 of 100 samples.
    fn furthest(mut values: Vec<f64>, distribution: impl Fn(f64) -> f64) -> f64 {
        values.sort_by(f64::total_cmp);
        let n = values.len() as f64;
        let distance = |(i, &value): (usize, &f64)| {
            let expected = distribution(value);
            (expected - i as f64 / n).abs().max((expected - (i + 1) as f64 / n).abs())
        };
        values.iter().enumerate().map(distance).fold(0.0, f64::max) * n.sqrt()
    }

    #[test]
    fn distances_of_a_constant_rate_are_exponential_and_independent() {
        let course = Course::steady(10_000, 10 * SECOND).expect("a course");
        let times = poisson(&course, 7);
        let gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e5).collect();
        let n = gaps.len() as f64;
        // 100,000 in the mean, with a standard deviation of 316.
        assert!((n - 1e5).abs() < 4.0 * 316.0, "{n}");
        let far = furthest(gaps.clone(), |gap| 1.0 - (-gap).exp());
        assert!(far < 1.63, "{far}");
        let neighbours: f64 = gaps.windows(2).map(|pair| (pair[0] - 1.0) * (pair[1] - 1.0)).sum::<f64>() / n;
        assert!(neighbours.abs() < 4.0 / n.sqrt(), "correlation {neighbours}");
    }

    #[test]
    fn arrivals_of_a_moving_rate_lie_as_the_rate_has_it() {
        let course = Course::default().then(0, 20_000, 4 * SECOND).expect("a course");
        let times: Vec<f64> = poisson(&course, 11).into_iter().map(|ns| ns as f64 / 4e9).collect();
        assert!((times.len() as f64 - 40_000.0).abs() < 4.0 * 200.0, "{}", times.len());
        // Of all events the part t² comes before the part t of the time.
        let far = furthest(times, |t| t * t);
        assert!(far < 1.63, "{far}");
    }

    #[test]
    fn a_pause_has_no_poisson_arrivals_either() {
        let course = Course::steady(1_000, SECOND).and_then(|c| c.then(0, 0, SECOND));
        let course = course.and_then(|c| c.then(1_000, 1_000, SECOND)).expect("a course");
        let times = poisson(&course, 3);
        assert!(!times.iter().any(|ns| (1_000_000_000..2_000_000_000).contains(ns)));
        assert!(times.iter().any(|ns| *ns >= 2_000_000_000));
    }
}
