use std::time::Duration;

use super::{Landing, Offer, Staircase, Steps};
use crate::experiment::{Halted, Trial};

/// How staircases are walked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Walk {
    /// How long each load is offered.
    pub lasting: Duration,
    /// From load to load.
    pub steps: Steps,
}

/// A load that has this much more waiting than it offers in a second is none that a trial of a tenth of it is for.
const HOPELESS: Duration = Duration::from_secs(1);

/// One staircase each, trial by trial in turns, so that what happens on the machine meets all alike. `starts`: where
/// each begins, events/s. Arrivals by chance are drawn anew for each trial, and the same for all.
///
/// # Errors
/// The first that gives no figure, or Ctrl-C.
pub fn walk(
    systems: &mut [&mut dyn Offer],
    starts: &[f64],
    walk: &Walk,
    seed: u64,
    interrupted: &dyn Fn() -> bool,
) -> Result<Vec<Landing>, Halted> {
    let mut staircases: Vec<Staircase> =
        starts.iter().map(|&start| Staircase::from(start, walk.steps)).collect();
    for turn in 0_u64.. {
        let mut all_ended = true;
        for (system, staircase) in systems.iter_mut().zip(&mut staircases) {
            let Some(rate) = staircase.next_rate() else { continue };
            if interrupted() {
                return Err(Halted::Interrupted);
            }
            let trial = Trial {
                hopeless: HOPELESS,
                ..Trial::steady(whole(rate), walk.lasting, seed.wrapping_add(turn))
            };
            staircase.answer(system.offer(&trial)?.keeping());
            all_ended = false;
        }
        if all_ended {
            break;
        }
    }
    Ok(staircases.iter().filter_map(Staircase::landing).collect())
}

/// Where a staircase had better begin: what a system does of a load that is too much for it, events/s; at least a tenth
/// of the load.
///
/// # Errors
/// If it gives no figure.
pub fn saturated(system: &mut dyn Offer, too_much: f64, lasting: Duration, seed: u64) -> Result<f64, Halted> {
    let run = system.offer(&Trial::steady(whole(too_much), lasting, seed))?;
    Ok(run.events_per_second().clamp(0.1 * too_much, too_much))
}

/// Loads are whole numbers of events/s.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 1 to some millions
pub(super) fn whole(rate: f64) -> u64 {
    rate.round().max(1.0) as u64
}
