use std::time::Duration;

use super::{Blocks, Paired, Shape};
use crate::experiment::{Halted, Threads};
use crate::sut::{BATCH, HandlerWork, Publishing};

/// How long blocks and rounds are to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sizing {
    /// A block of the slower system; one pass, where that takes longer.
    pub block: Duration,
    /// The blocks of a round that count, of both systems together.
    pub round: Duration,
    /// Pairs of blocks that are thrown away before, at most; not longer than the round.
    pub warm_up_pairs: usize,
}

/// Quartiles want some values.
const LEAST_PAIRS: usize = 4;

/// More tell little more, and each costs two messages.
const MOST_PAIRS: usize = 200;

/// A pass of events whose handlers take time: enough for those to overlap which can.
const PASS_WITH_WORK: usize = 10;

/// What a delivery is taken to cost beside its handler's work: between CrucibleCore's 50 ns and DataCoordinator's 450 (medium, batches).
/// Reckoned, so that a pass has as many events for every pair of systems, on every machine and in every run: a ratio depends on it.
const DELIVERY: Duration = Duration::from_nanos(200);

/// What a rule is taken to cost each event: with 1,000 of them DataCoordinator takes 33 µs an event.
const RULE: Duration = Duration::from_nanos(30);

/// Events of a pass that takes about `block`, as rules and deliveries are taken to cost; divides `events`, those of the workload.
/// `fan_out`: deliveries of an event.
pub fn pass_events(
    events: usize,
    (rules, fan_out): (usize, f64),
    work: HandlerWork,
    block: Duration,
) -> usize {
    let (least, work) = match work {
        HandlerWork::None => (BATCH, Duration::ZERO),
        HandlerWork::Spin(each) | HandlerWork::Await(each) => (PASS_WITH_WORK, each),
    };
    let event = RULE.as_secs_f64() * rules as f64 + (DELIVERY + work).as_secs_f64() * fan_out;
    divisor(events, whole(block.as_secs_f64() / event).max(least))
}

/// Looks at both systems once, and says how many passes make a block, and how many blocks a round.
///
/// # Errors
/// A system that gives no figure, or Ctrl-C.
pub fn sized(
    paired: &mut Paired<'_>,
    (threads, publishing, work): (Threads, Publishing, HandlerWork),
    pass: usize,
    sizing: &Sizing,
) -> Result<(Blocks, Shape), Halted> {
    let look = Blocks { threads, publishing, work, pass, passes: 1 };
    let seen = paired.rounds(&look, Shape { warm_up: 2, pairs: LEAST_PAIRS }, 1)?;
    let passes_ns = seen[0].quartiles_ns();
    let passes = passes(passes_ns, sizing.block);
    let pair_ns = passes_ns.iter().sum::<f64>() * passes as f64;
    Ok((Blocks { passes, ..look }, shape(pair_ns, sizing)))
}

/// The slower system takes about `block` for so many, or longer for one.
fn passes(passes_ns: [f64; 2], block: Duration) -> usize {
    whole(block.as_nanos() as f64 / passes_ns[0].max(passes_ns[1])).max(1)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates
fn whole(wanted: f64) -> usize {
    wanted.round() as usize
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped
fn shape(pair_ns: f64, sizing: &Sizing) -> Shape {
    let pairs = sizing.round.as_nanos() as f64 / pair_ns;
    Shape {
        warm_up: (pairs as usize).clamp(1, sizing.warm_up_pairs.max(1)),
        pairs: (pairs as usize).clamp(LEAST_PAIRS, MOST_PAIRS),
    }
}

/// The smallest divisor that is not below `least`; the number itself if there is none below it.
fn divisor(of: usize, least: usize) -> usize {
    (least..of).find(|part| of.is_multiple_of(*part)).unwrap_or(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: Duration = Duration::from_micros(400);

    #[test]
    fn a_pass_is_sized_by_what_it_delivers_and_by_what_handlers_take() {
        let spin = HandlerWork::Spin(Duration::from_micros(3));
        let pass = |events, fan_out, work| pass_events(events, (0, fan_out), work, BLOCK);
        // 2,000 deliveries at 0.2 µs; 125 at 3.2 µs.
        assert_eq!([pass(1_000, 4.0, HandlerWork::None), pass(1_000, 4.0, spin)], [500, 40]);
        // 100 rules at 30 ns, 5 deliveries at 0.2 µs: 4 µs an event.
        assert_eq!(pass_events(1_000, (100, 5.0), HandlerWork::None, BLOCK), 100);
        // The whole workload has fewer.
        assert_eq!(pass(100, 1.5, HandlerWork::None), 100);
        // Never so few that waking up is all that is measured.
        assert_eq!(pass(1_000, 100.0, HandlerWork::None), 100);
        assert_eq!(pass(1_000, 5.0, HandlerWork::Await(Duration::from_millis(1))), PASS_WITH_WORK);
    }

    #[test]
    fn the_slower_system_sets_how_many_passes_a_block_has() {
        assert_eq!([passes([50_000.0, 200_000.0], BLOCK), passes([1e7, 1e6], BLOCK)], [2, 1]);
    }

    #[test]
    fn rounds_have_a_few_pairs_at_least() {
        let sizing =
            Sizing { block: Duration::from_micros(400), round: Duration::from_millis(24), warm_up_pairs: 15 };
        assert_eq!(shape(600_000.0, &sizing), Shape { warm_up: 15, pairs: 40 });
        assert_eq!(shape(50e6, &sizing), Shape { warm_up: 1, pairs: LEAST_PAIRS });
    }

    #[test]
    fn passes_divide_the_workload() {
        assert_eq!([divisor(1_000, 64), divisor(100, 64), divisor(7, 3), divisor(10, 10)], [100, 100, 7, 10]);
    }
}
