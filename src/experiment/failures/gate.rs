use crucible_events::routing::{Batch, BatchOutcome, Handler};
use tokio::sync::watch;

use crate::sut::WorkingHandler;

/// A handler that stalls while its gate is closed. A stall of the fault plan lasts for a time that is known
/// beforehand; this one ends when the round says so.
#[derive(Debug, Clone)]
pub(super) struct Gated {
    pub(super) within: WorkingHandler,
    /// Whether it is open; who has none never stalls.
    pub(super) gate: Option<watch::Receiver<bool>>,
}

impl Handler for Gated {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        if let Some(gate) = &self.gate
            && !*gate.borrow()
        {
            // Who held the gate is gone: nobody will close it again either.
            let _open_or_gone = gate.clone().wait_for(|open| *open).await.is_ok();
        }
        self.within.handle(batch).await
    }
}
