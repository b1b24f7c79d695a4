//! One stage of routing each, as a unit that can be timed and counted, and the one list of them.
//!
//! A kernel knows nothing of the instrument that watches it. It says what it did ([`Work`]), and
//! [`Checked`] compares that with what it should have done, outside the timed span.
//!
//! To add one: write its `prepare` in a file beside the others, and name it once in `list.rs`.

mod balance;
mod breaker;
mod checked;
mod codec;
mod hand_off;
mod list;
mod mailbox;
mod matching;
mod retry;
mod route;
mod rule_change;
mod window;

use std::fmt;

pub use checked::{Checked, WrongWork};
pub use list::all;

/// What one run did.
///
/// Cheap to make: a kernel adds up while it works, and nobody looks until the clock has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Events that went through, or operations where there are no events; at least 1.
    pub events: u64,
    /// Events × services that got them; for a stage that delivers nothing, what it let pass.
    pub deliveries: u64,
    /// Bytes that were read or written; 0 where a stage does not touch the content.
    pub bytes: u64,
    /// Depends on which events were handled, not on their order.
    pub checksum: u64,
}

/// The unit that is timed and counted.
///
/// A run is repeatable: each one does the same work and finds the state that the first one found.
/// It does not allocate for the benefit of the check, reads no clock and starts no thread.
pub trait Kernel {
    /// Does the work once and tells what was done.
    fn run(&mut self) -> Work;
}

impl<F: FnMut() -> Work> Kernel for F {
    fn run(&mut self) -> Work {
        self()
    }
}

/// A kernel ready to run, with what each run has to do.
pub struct Prepared {
    /// Its inputs are built, its outputs have room.
    pub kernel: Box<dyn Kernel>,
    /// From the inputs or the oracle, never from running the kernel.
    pub expected: Work,
    /// How many events go through, each run checked, before any figure is taken.
    pub warm_up_events: u64,
}

impl Prepared {
    /// A fault that hits one event in 10,000 shows with near certainty in twice as many when it comes
    /// by count, and the tables and pools of a router have long reached their final size by then.
    pub const WARM_UP_EVENTS: u64 = 20_000;

    /// Another number of events for the warm-up.
    #[must_use]
    pub fn with_warm_up(self, events: u64) -> Self {
        Self { warm_up_events: events, ..self }
    }

    /// A kernel with the usual warm-up.
    pub fn new(kernel: impl Kernel + 'static, expected: Work) -> Self {
        Self { kernel: Box::new(kernel), expected, warm_up_events: Self::WARM_UP_EVENTS }
    }
}

/// One entry of the list.
#[derive(Clone, Copy)]
pub struct KernelSpec {
    /// The name as a Rust identifier: what instruments call it that cannot have `/` in a name.
    pub id: &'static str,
    /// `stage/variant…`, lower case, e.g. `match/core/1000_rules`.
    pub name: &'static str,
    /// Builds inputs and expectation; not timed.
    pub prepare: fn() -> Prepared,
}

impl fmt::Display for KernelSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
