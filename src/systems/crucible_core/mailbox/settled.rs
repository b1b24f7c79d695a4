use crate::crucible_core::clock::Moment;
use crate::routing::{Ledger, Single};

/// What became of the deliveries of a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Where they are.
    pub ledger: Ledger,
    /// Of the dead-lettered ones, those that made room for more urgent ones.
    pub displaced: u64,
    /// Tries that failed and were followed by another.
    pub retried: u64,
    /// Batches that exceeded the handler's time-out.
    pub timeouts: u64,
    /// Batches in which the handler panicked.
    pub panics: u64,
    /// How often the breaker opened.
    pub breaker_opened: u64,
}

/// What became of a batch in which not all was acknowledged.
#[derive(Debug, Default)]
pub struct Settled {
    /// Whether each delivery was acknowledged, in order.
    pub acknowledged: Vec<bool>,
    /// Those that are tried again, with one retry more, and when.
    pub retries: Vec<(Moment, Single)>,
    /// How many of the failed ones became dead letters.
    pub dead_lettered: usize,
    /// Whether its handler exceeded its time-out.
    pub timed_out: bool,
    /// Whether its handler panicked.
    pub panicked: bool,
}
