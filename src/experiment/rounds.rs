use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::{ClosedLoop, ClosedRound, Entry, ProcessError, Role, SystemProcess};

/// Why figures were not taken.
#[derive(Debug, thiserror::Error)]
pub enum Halted {
    /// A system gave none.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

/// One of those that are compared, in a process of its own.
#[derive(Debug)]
pub struct Contender {
    /// Name in the lineup.
    pub name: String,
    /// What it is compared as.
    pub role: Role,
    /// Where it runs.
    pub process: SystemProcess,
    /// What it came to so far.
    pub rounds: Vec<ClosedRound>,
}

impl Contender {
    /// Nothing done yet.
    pub fn new(entry: &Entry, process: SystemProcess) -> Self {
        Self { name: entry.name.clone(), role: entry.role, process, rounds: Vec::new() }
    }
}

/// So many rounds of each, with a fresh instance in each round, in random order: neighbours in time are compared, and
/// none is always the first.
///
/// # Errors
/// The first that gives no figure, or Ctrl-C.
pub fn interleave(
    contenders: &mut [Contender],
    spec: &ClosedLoop,
    rounds: usize,
    seed: u64,
    interrupted: &dyn Fn() -> bool,
) -> Result<(), Halted> {
    let mut draw = ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..rounds {
        for position in shuffled(contenders.len(), &mut draw) {
            if interrupted() {
                return Err(Halted::Interrupted);
            }
            let contender = &mut contenders[position];
            let round = contender.process.closed(spec)?;
            contender.rounds.push(round);
        }
    }
    Ok(())
}

/// 0 … len − 1 in random order (Fisher–Yates).
pub(crate) fn shuffled(len: usize, draw: &mut ChaCha8Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    for last in (1..len).rev() {
        order.swap(last, (draw.next_u64() % (last as u64 + 1)) as usize);
    }
    order
}
