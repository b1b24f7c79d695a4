//! The old way, built as a competent author of that design would: [`DataCoordinator`].
//!
//! Publishing routes the event under a shared lock on the registries: rules are scanned from the
//! first to the last and compared as strings. The event and its targets then go through one unbounded
//! channel to one coordination loop, which serves the targets one after the other and awaits each:
//! a clone of the event for every target, and one more for a legacy channel that the loop itself
//! consumes. No priorities, no back-pressure, no group strategy but round-robin.
//!
//! Routing happens in the publisher's call, not in the loop, on purpose. The rules in force at that
//! moment count, as the contract wants; a handler that changes rules waits for nobody (a round trip
//! through the loop would wait for that very handler); the number of deliveries is known when
//! publishing returns; and the one loop has less to do. It is generous to the old design.

mod condition;
mod coordination;
mod defaults;
mod legacy;
mod registry;
mod service;
mod shared;
mod system;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::AbortHandle;

use crate::event::Limits;
use crate::routing::Rule;
use coordination::Coordination;
use shared::Shared;

pub use defaults::DEFAULT_SERVICES;

/// One coordination loop over locked registries. See the [module](self).
///
/// The loop is a task of the runtime in which the system was built. It ends when the system is shut
/// down or dropped; dropped, it still serves what was accepted before.
#[derive(Debug)]
pub struct DataCoordinator {
    shared: Arc<Shared>,
    coordination: AbortHandle,
}

impl DataCoordinator {
    /// Starts the loop, without services and rules.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(limits: Limits) -> Self {
        let (jobs, queue) = tokio::sync::mpsc::unbounded_channel();
        let shared = Arc::new(Shared::new(limits, jobs));
        let coordination = Coordination::new(shared.clone(), queue);
        let task = tokio::spawn(coordination.run());
        Self { shared, coordination: task.abort_handle() }
    }

    /// The rules of the default configuration, for the [`DEFAULT_SERVICES`].
    pub fn default_rules() -> Vec<Rule> {
        defaults::rules()
    }

    /// Events that came through the legacy channel, by kind; custom kinds together as `custom`.
    /// Kinds of which none came are left out.
    pub fn legacy_counts(&self) -> BTreeMap<String, u64> {
        self.shared.legacy.counts()
    }
}

impl Default for DataCoordinator {
    /// [`DataCoordinator::new`] with the default limits.
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Drop for DataCoordinator {
    fn drop(&mut self) {
        self.shared.write().close();
    }
}
