use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{Blocks, Pair, PairRound, Shape};
use crate::experiment::{Halted, ProcessError};

/// Starts both processes.
type Start<'a> = &'a dyn Fn() -> Result<Pair, ProcessError>;

/// Rounds of two systems, whose processes are started anew after some: where a process and its heap happen to lie in
/// memory is then drawn again, too.
pub struct Paired<'a> {
    start: Start<'a>,
    rounds_per_process: usize,
    interrupted: &'a dyn Fn() -> bool,
    draw: ChaCha8Rng,
    pair: Option<Pair>,
    /// Rounds of the processes that there are.
    done: usize,
}

impl<'a> Paired<'a> {
    /// Nothing started yet. `rounds_per_process` is at least one; the seed is that of every order.
    pub fn new(
        start: Start<'a>,
        rounds_per_process: usize,
        seed: u64,
        interrupted: &'a dyn Fn() -> bool,
    ) -> Self {
        let draw = ChaCha8Rng::seed_from_u64(seed);
        Self { start, rounds_per_process: rounds_per_process.max(1), interrupted, draw, pair: None, done: 0 }
    }

    /// So many rounds.
    ///
    /// # Errors
    /// The first that gives no figure, or Ctrl-C.
    pub fn rounds(&mut self, spec: &Blocks, shape: Shape, rounds: usize) -> Result<Vec<PairRound>, Halted> {
        let mut done = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            if (self.interrupted)() {
                return Err(Halted::Interrupted);
            }
            if self.done >= self.rounds_per_process {
                self.pair = None;
            }
            let pair = match &mut self.pair {
                Some(pair) => pair,
                none => {
                    self.done = 0;
                    none.insert((self.start)()?)
                }
            };
            done.push(pair.round(spec, shape, &mut self.draw)?);
            self.done += 1;
        }
        Ok(done)
    }
}
