use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

/// How many faults were injected so far; to be held against a system's ledger and statistics.
///
/// Deliveries, each counted once, unless it says otherwise. Whatever did not come to pass is not in it:
/// the error of a delivery whose batch was cancelled during a stall, say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Injected {
    /// That failed by an error.
    pub errors: u64,
    /// That met a stall.
    pub stalls: u64,
    /// That were slowed down.
    pub slowed: u64,
    /// That the handler hung at.
    pub hangs: u64,
    /// Others in the batch of one that the handler hung at.
    pub held_up: u64,
    /// That the handler panicked at.
    pub panics: u64,
    /// Others in the batch of one that the handler panicked at.
    pub taken_along: u64,
    /// Services that left.
    pub departures: u64,
    /// Services that came back.
    pub returns: u64,
}

impl Injected {
    /// Deliveries that failed by these faults alone: what a ledger has as failed, if the system tries
    /// nothing again, nobody cancels and the handlers within never fail.
    pub fn failed(&self) -> u64 {
        self.errors + self.panics + self.taken_along
    }
}

impl fmt::Display for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { errors, stalls, slowed, hangs, held_up, panics, taken_along, departures, returns } = self;
        write!(
            f,
            "{errors} errors, {stalls} stalls, {slowed} slowed, {hangs} hangs (+ {held_up} held up), \
             {panics} panics (+ {taken_along} taken along), {departures} departures, {returns} returns"
        )
    }
}

/// What all handlers of a run count together.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) errors: AtomicU64,
    pub(crate) stalls: AtomicU64,
    pub(crate) slowed: AtomicU64,
    pub(crate) hangs: AtomicU64,
    pub(crate) held_up: AtomicU64,
    pub(crate) panics: AtomicU64,
    pub(crate) taken_along: AtomicU64,
    pub(crate) departures: AtomicU64,
    pub(crate) returns: AtomicU64,
}

impl Counts {
    pub(crate) fn injected(&self) -> Injected {
        let read = |count: &AtomicU64| count.load(Relaxed);
        Injected {
            errors: read(&self.errors),
            stalls: read(&self.stalls),
            slowed: read(&self.slowed),
            hangs: read(&self.hangs),
            held_up: read(&self.held_up),
            panics: read(&self.panics),
            taken_along: read(&self.taken_along),
            departures: read(&self.departures),
            returns: read(&self.returns),
        }
    }
}
