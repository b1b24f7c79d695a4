//! Puts any [`EventSystem`] through what time and mishap can do to it, as FoundationDB and TigerBeetle do it: one
//! thread, virtual time, one seed.
//!
//! A [`Script`] is drawn from a seed: services that fail, stall, panic, leave and come back, publish to each other in
//! cycles; groups and rules that change; publishers that wait; time that passes; a shutdown in the middle. [`run`] does
//! it to a system. Its services and publishers tell a model of everything that happens, which knows what has to: each
//! delivery has one fate, and its books, bounds, order and moments are right. What a system does not offer (its
//! [capabilities](EventSystem::capabilities)) is left out, and it is held to its own figures
//! ([terms](EventSystem::terms)).
//!
//! Run it in a runtime of its own, of one thread, with a paused clock: then a seed does the same every time, and a hang
//! is noticed at once.
//!
//! ```no_run
//! # use crucible_events::routing::{EventSystem, simulation::{self, Script, Violation}};
//! # fn check<Mine: EventSystem>(new: impl Fn(&Script) -> Mine) -> Result<(), Violation> {
//! for seed in 0..1_000 {
//!     let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
//!     let runtime = runtime.expect("a runtime without I/O needs nothing of the machine");
//!     runtime.block_on(simulation::run(&Script::from_seed(seed), &new))?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What it takes more strictly than the contract's words, as a system on one machine can keep it: an event is routed,
//! and compared with the window, before publishing it first waits for anything; nothing that may be handed over waits
//! while nothing is in its way; of full batches in a row no more than three pass over a
//! priority, and where critical deliveries are left behind at most 14 of a batch are less urgent.

mod actor;
mod behaviour;
mod books;
mod breaker;
mod coverage;
mod generate;
mod handing;
mod letters;
mod published;
mod publishing;
mod replaying;
mod script;
mod service;
mod shrink;
mod stage;
mod violation;
mod window;
mod world;

pub use coverage::{Count, Coverage};
pub use script::{Draft, Mood, Script, Step};
pub use shrink::shrink;
pub use violation::{Promise, Violation};
pub use world::Tell;

use super::EventSystem;
use stage::Stage;
use world::World;

/// A run without a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// What happened.
    pub coverage: Coverage,
    /// A hash of everything that was noted, in order: two runs of one script have the same.
    pub journal: u64,
}

/// Does all of the script to the system that `make` makes of it.
///
/// # Errors
/// The first promise that was broken.
pub async fn run<S: EventSystem>(script: &Script, make: impl FnOnce(&Script) -> S) -> Result<Run, Violation> {
    run_told(script, make, None).await
}

/// The same, telling each step and what happened.
///
/// # Errors
/// The first promise that was broken.
pub async fn run_told<S: EventSystem>(
    script: &Script,
    make: impl FnOnce(&Script) -> S,
    tell: Option<Tell>,
) -> Result<Run, Violation> {
    let system = make(script);
    let world = World::new(script, system.capabilities(), system.terms(), tell);
    world.lock().count(Count::Seeds, 1);
    Box::pin(Stage::new(world.clone(), system).play(script)).await?;
    let model = world.lock();
    Ok(Run { coverage: model.counts, journal: model.journal() })
}
