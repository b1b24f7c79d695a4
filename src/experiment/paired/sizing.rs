use std::time::Duration;

use super::{Blocks, Paired, Shape};
use crate::experiment::{Halted, Threads};
use crate::sut::{BATCH, HandlerWork, Publishing};

/// How long blocks and rounds are to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sizing {
    /// A block of the slower system.
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

/// Looks at both systems once, and says how many events make a block, and how many blocks a round. `events`: those of the
/// workload.
///
/// # Errors
/// A system that gives no figure, or Ctrl-C.
pub fn sized(
    paired: &mut Paired<'_>,
    (threads, publishing, work): (Threads, Publishing, HandlerWork),
    events: usize,
    sizing: &Sizing,
) -> Result<(Blocks, Shape), Halted> {
    let least = divisor(events, if work == HandlerWork::None { BATCH } else { PASS_WITH_WORK });
    let look = Blocks { threads, publishing, work, pass: least, passes: 1 };
    let seen = paired.rounds(&look, Shape { warm_up: 2, pairs: LEAST_PAIRS }, 1)?;
    let passes_ns = seen[0].quartiles_ns();
    let blocks = blocks(look, passes_ns, events, sizing.block);
    let times = (blocks.pass * blocks.passes) as f64 / least as f64;
    Ok((blocks, shape(passes_ns.iter().sum::<f64>() * times, sizing)))
}

/// The slower system takes about `block` for one of these.
fn blocks(look: Blocks, passes_ns: [f64; 2], events: usize, block: Duration) -> Blocks {
    let slower_ns = passes_ns[0].max(passes_ns[1]) / look.pass as f64;
    let wanted = block.as_nanos() as f64 / slower_ns;
    let whole = |wanted: f64| wanted.round().max(1.0) as usize;
    if wanted >= events as f64 {
        return Blocks { pass: events, passes: whole(wanted / events as f64), ..look };
    }
    Blocks { pass: divisor(events, whole(wanted).max(look.pass)), passes: 1, ..look }
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

    const LOOK: Blocks = Blocks {
        threads: Threads(1),
        publishing: Publishing::Batch,
        work: HandlerWork::None,
        pass: 100,
        passes: 1,
    };

    #[test]
    fn the_slower_system_sets_the_size_of_a_block() {
        let block = Duration::from_micros(400);
        // 2 µs an event: 200 events.
        let found = blocks(LOOK, [50_000.0, 200_000.0], 1_000, block);
        assert_eq!((found.pass, found.passes), (200, 1));
        // 0.1 µs an event: four passes of the whole.
        let found = blocks(LOOK, [10_000.0, 5_000.0], 1_000, block);
        assert_eq!((found.pass, found.passes), (1_000, 4));
        // 100 µs an event: never less than was looked at.
        let found = blocks(LOOK, [1e7, 1e6], 1_000, block);
        assert_eq!((found.pass, found.passes), (100, 1));
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
