use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::{Blocks, BlocksRun};
use crate::experiment::{ProcessError, SystemProcess};
use crate::stats::lower_quartile;

/// Two processes whose systems are compared: the one above the line, then the one below.
#[derive(Debug)]
pub struct Pair(pub [SystemProcess; 2]);

/// How many blocks a round has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Pairs that are thrown away, since the instances are new.
    pub warm_up: usize,
    /// Pairs that count; at least one.
    pub pairs: usize,
}

/// One round: what each side's blocks took that count, in their order, and what its instance came to.
#[derive(Debug, Clone, PartialEq)]
pub struct PairRound {
    /// Of each side, nanoseconds.
    pub blocks_ns: [Vec<f64>; 2],
    /// Of each side.
    pub runs: [BlocksRun; 2],
}

impl Pair {
    /// One round with a fresh instance on each side. Which of them is made first, and which block of each pair comes first,
    /// is drawn; an order that is kept would favour one of them.
    ///
    /// # Errors
    /// The first that gives no figure.
    pub fn round(
        &mut self,
        spec: &Blocks,
        shape: Shape,
        draw: &mut ChaCha8Rng,
    ) -> Result<PairRound, ProcessError> {
        for side in in_random_order(draw) {
            self.0[side].begin_blocks(spec)?;
        }
        let mut blocks_ns = [Vec::with_capacity(shape.pairs), Vec::with_capacity(shape.pairs)];
        for pair in 0..shape.warm_up + shape.pairs {
            for side in in_random_order(draw) {
                let took = self.0[side].block()?;
                if pair >= shape.warm_up {
                    blocks_ns[side].push(nanoseconds(took));
                }
            }
        }
        let [system, over] = &mut self.0;
        Ok(PairRound { blocks_ns, runs: [system.end_blocks()?, over.end_blocks()?] })
    }
}

impl PairRound {
    /// Throughput of the one above the line over that of the other, as a logarithm, by the lower quartile of the blocks.
    pub fn log_ratio_by_quartile(&self) -> f64 {
        let [system, over] = self.quartiles_ns();
        (over / system).ln()
    }

    /// The same by the blocks' total.
    pub fn log_ratio_by_total(&self) -> f64 {
        let [system, over] = self.totals_ns();
        (over / system).ln()
    }

    /// Of each side, the time of a block.
    pub fn quartiles_ns(&self) -> [f64; 2] {
        self.blocks_ns.each_ref().map(|blocks| lower_quartile(blocks).unwrap_or(f64::NAN))
    }

    /// Of each side, the time of all blocks.
    pub fn totals_ns(&self) -> [f64; 2] {
        self.blocks_ns.each_ref().map(|blocks| blocks.iter().sum())
    }
}

fn in_random_order(draw: &mut ChaCha8Rng) -> [usize; 2] {
    if draw.next_u32() & 1 == 0 { [0, 1] } else { [1, 0] }
}

#[allow(clippy::cast_precision_loss)] // blocks take less than a month
fn nanoseconds(took: Duration) -> f64 {
    took.as_nanos() as f64
}
