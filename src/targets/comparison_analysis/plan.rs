use std::path::PathBuf;
use std::time::Duration;

use super::Case;
use super::take::take;
use crate::analysis::comparison::reliability;
use crate::experiment::{Lineup, Role, Sizing, UnknownSystem};
use crate::results::comparison_analysis::{Aspect, Comparison, ComparisonAnalysis, Method, Remark};
use crate::targets::PlanError;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Smallest effect that matters, in per cent.
    pub relevant_percent: f64,
    /// Rounds of each pilot.
    pub pilot_rounds: usize,
    /// Fewest rounds that are judged.
    pub least_rounds: usize,
    /// Most of them.
    pub most_rounds: usize,
    /// How long blocks and rounds are.
    pub sizing: Sizing,
    /// Rounds after which the processes are started anew.
    pub rounds_per_process: usize,
    /// Of the workload and of all orders.
    pub seed: u64,
}

impl Settings {
    /// Chance to see an effect that matters, where the most rounds allow for it.
    pub const POWER: f64 = 0.9;

    /// A minute and a half for all comparisons on two cores.
    pub const QUICK: Self = Self {
        relevant_percent: 1.0,
        pilot_rounds: 13,
        least_rounds: 13,
        most_rounds: 60,
        sizing: Sizing {
            block: Duration::from_micros(500),
            round: Duration::from_millis(25),
            warm_up_pairs: 15,
        },
        rounds_per_process: 13,
        seed: 42,
    };
    /// Narrower intervals where they are needed.
    pub const FULL: Self = Self { most_rounds: 400, ..Self::QUICK };
    /// A round or two of everything, to see that it works.
    pub const TRIAL: Self = Self {
        pilot_rounds: 1,
        least_rounds: 1,
        most_rounds: 1,
        sizing: Sizing { round: Duration::ZERO, warm_up_pairs: 1, ..Self::QUICK.sizing },
        ..Self::QUICK
    };
}

/// Who runs the side below the line.
#[derive(Debug, Clone, Default)]
pub enum Between {
    /// This program.
    #[default]
    Systems,
    /// The same harness, built around the systems of another revision.
    Revisions {
        /// What it is called.
        revision: String,
        /// The bench target, built.
        program: PathBuf,
    },
}

/// Makes comparisons, one after the other, and keeps what was made.
pub struct Plan<'a> {
    lineup: &'a Lineup,
    pub(super) settings: Settings,
    pub(super) between: Between,
    pub(super) interrupted: &'a dyn Fn() -> bool,
    /// What was found so far.
    pub taken: ComparisonAnalysis,
}

impl<'a> Plan<'a> {
    /// Nothing compared yet. `comparisons`: how many there will be, controls among them; their intervals hold together
    /// with 95 % confidence (Bonferroni).
    pub fn new(
        lineup: &'a Lineup,
        settings: Settings,
        between: Between,
        (comparisons, machine): (usize, Vec<Remark>),
        interrupted: &'a dyn Fn() -> bool,
    ) -> Self {
        let method = method(&settings, comparisons);
        let (comparisons, controls, reliability) = (Vec::new(), Vec::new(), reliability(&[]));
        let taken = ComparisonAnalysis { method, machine, comparisons, controls, reliability };
        Self { lineup, settings, between, interrupted, taken }
    }

    /// Makes one comparison; `watch` is told how it goes. After an error nothing of it is kept.
    ///
    /// # Errors
    /// Why it could not be made.
    pub fn take(&mut self, case: &Case, watch: &mut dyn FnMut(&str)) -> Result<&Comparison, PlanError> {
        let comparison = take(self, case, watch)?;
        let kept = match case.aspect {
            Aspect::Control => &mut self.taken.controls,
            _ => &mut self.taken.comparisons,
        };
        kept.push(comparison);
        self.taken.reliability = reliability(&self.taken.controls);
        let kept = match case.aspect {
            Aspect::Control => &self.taken.controls,
            _ => &self.taken.comparisons,
        };
        Ok(kept.last().expect("it was pushed just now"))
    }

    pub(super) fn role(&self, system: &str) -> Result<Role, UnknownSystem> {
        Ok(self.lineup.find(system)?.role)
    }
}

#[allow(clippy::cast_precision_loss)] // some dozens
fn method(settings: &Settings, comparisons: usize) -> Method {
    Method {
        relevant_percent: settings.relevant_percent,
        comparisons,
        confidence: 1.0 - 0.05 / (2 * comparisons.max(1)) as f64,
        power: Settings::POWER,
        pilot_rounds: settings.pilot_rounds,
        least_rounds: settings.least_rounds,
        most_rounds: settings.most_rounds,
        warm_up_pairs: settings.sizing.warm_up_pairs,
        round_seconds: settings.sizing.round.as_secs_f64(),
        block_seconds: settings.sizing.block.as_secs_f64(),
        rounds_per_process: settings.rounds_per_process,
    }
}
