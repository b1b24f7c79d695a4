use serde::{Deserialize, Serialize};

use crate::experiment::Keeping;
use crate::stats::median;

/// How a staircase is walked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Steps {
    /// Up or down, until it has turned twice: 0.08 is 8 %.
    pub coarse: f64,
    /// From then on.
    pub fine: f64,
    /// Trials with fine steps, whose median is the result.
    pub trials: usize,
}

/// Loads that are not offered, in a row, at one rate.
const TRIES: usize = 3;

/// Steps down because the load could not be offered, of all steps down with fine steps, from which on it was the pacer
/// that the staircase has found and not the system.
const PACER_FOUND: f64 = 0.5;

/// A walk up after a load that was kept up with, and down after one that was not, around the rate at which either is as
/// likely (W. J. Dixon and A. M. Mood, "A method for obtaining and analyzing sensitivity data", 1948).
///
/// Bisection believes each answer for good: with noisy ones it ended between 0.65 and 1.36 times the true rate.
#[derive(Debug, Clone, PartialEq)]
pub struct Staircase {
    steps: Steps,
    rate: f64,
    went_up: Option<bool>,
    turns: usize,
    not_offered: usize,
    /// Rates of the trials with fine steps.
    fine: Vec<f64>,
    down: usize,
    down_not_offered: usize,
}

/// Where a staircase ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Landing {
    /// Events/s.
    pub rate: f64,
    /// Whether the pacer gave up before the system did: the system's limit is not below this rate.
    pub pacer_gave_up: bool,
}

impl Staircase {
    /// Begins at this rate, events/s.
    pub fn from(rate: f64, steps: Steps) -> Self {
        let (fine, went_up) = (Vec::with_capacity(steps.trials), None);
        Self { steps, rate, went_up, turns: 0, not_offered: 0, fine, down: 0, down_not_offered: 0 }
    }

    /// What is to be offered next, events/s; `None` if it has ended.
    pub fn next_rate(&self) -> Option<f64> {
        (self.fine.len() < self.steps.trials).then_some(self.rate)
    }

    /// What came of it. A load that was not offered says nothing and is tried again, up to three times.
    pub fn answer(&mut self, keeping: Keeping) {
        if keeping == Keeping::NotOffered {
            self.not_offered += 1;
            if self.not_offered < TRIES {
                return;
            }
        }
        let up = keeping == Keeping::Up;
        if self.is_fine() {
            self.fine.push(self.rate);
            self.down += usize::from(!up);
            self.down_not_offered += usize::from(keeping == Keeping::NotOffered);
        }
        self.turns += usize::from(self.went_up.is_some_and(|before| before != up));
        (self.went_up, self.not_offered) = (Some(up), 0);
        let step = 1.0 + if self.is_fine() { self.steps.fine } else { self.steps.coarse };
        self.rate = if up { self.rate * step } else { self.rate / step };
    }

    fn is_fine(&self) -> bool {
        self.turns >= 2
    }

    /// Where it ended; `None` before.
    pub fn landing(&self) -> Option<Landing> {
        if self.next_rate().is_some() {
            return None;
        }
        let pacer_gave_up = self.down_not_offered as f64 > PACER_FOUND * self.down as f64;
        Some(Landing { rate: median(&self.fine)?, pacer_gave_up })
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;

    const STEPS: Steps = Steps { coarse: 0.08, fine: 0.03, trials: 30 };

    fn walk(start: f64, mut keeping: impl FnMut(f64) -> Keeping) -> (Landing, usize) {
        let mut staircase = Staircase::from(start, STEPS);
        let mut trials = 0;
        while let Some(rate) = staircase.next_rate() {
            staircase.answer(keeping(rate));
            trials += 1;
        }
        (staircase.landing().expect("it has ended"), trials)
    }

    fn up_if(kept: bool) -> Keeping {
        if kept { Keeping::Up } else { Keeping::Behind }
    }

    #[test]
    fn it_lands_within_half_a_step_of_a_sharp_limit_wherever_it_begins() {
        for start in [100.0, 700.0, 1_000.0, 1_500.0, 9_000.0] {
            let (landing, trials) = walk(start, |rate| up_if(rate <= 1_000.0));
            assert!((landing.rate / 1_000.0 - 1.0).abs() < 0.03, "from {start}: {landing:?}");
            assert!(!landing.pacer_gave_up);
            let far = (start / 1_000.0_f64).ln().abs() / 1.08_f64.ln();
            assert!((trials as f64) < far + 36.0, "from {start}: {trials}");
        }
    }

    #[test]
    fn noisy_answers_are_averaged() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        for _ in 0..200 {
            // Sure below 0.9 and above 1.1 of the limit, by chance between.
            let keeping = |rate: f64| {
                let chance = f64::from(random.next_u32()) / f64::from(u32::MAX);
                up_if(rate / 1_000.0 < 0.9 + 0.2 * chance)
            };
            let (landing, _) = walk(800.0, keeping);
            assert!((landing.rate / 1_000.0 - 1.0).abs() < 0.06, "{landing:?}");
        }
    }

    #[test]
    fn a_pacer_that_gives_up_first_is_found_out() {
        let keeping = |rate: f64| if rate <= 1_000.0 { Keeping::Up } else { Keeping::NotOffered };
        let (landing, _) = walk(900.0, keeping);
        assert!(landing.pacer_gave_up && (landing.rate / 1_000.0 - 1.0).abs() < 0.03, "{landing:?}");
    }

    #[test]
    fn a_late_pacer_now_and_then_moves_nothing() {
        let mut count = 0;
        let keeping = |rate: f64| {
            count += 1;
            if count % 3 == 0 { Keeping::NotOffered } else { up_if(rate <= 1_000.0) }
        };
        let (landing, trials) = walk(900.0, keeping);
        assert!(!landing.pacer_gave_up && (landing.rate / 1_000.0 - 1.0).abs() < 0.03, "{landing:?}");
        assert!(trials > 40, "{trials}: they were tried again");
    }
}
