use serde::{Deserialize, Serialize};

/// Where every accepted delivery is. At a quiet moment the sum of the rest equals `accepted`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Deliveries that publishing accepted.
    pub accepted: u64,
    /// The handler said that it is done.
    pub acknowledged: u64,
    /// The handler failed.
    pub failed: u64,
    /// Waiting for the handler, or in its hands.
    pub queued: u64,
    /// Given up when shutdown's deadline came.
    pub abandoned: u64,
}

/// Deliveries were lost or invented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "ledger does not balance: {} accepted, but {} acknowledged + {} failed + {} queued + {} abandoned = {}",
    .0.accepted, .0.acknowledged, .0.failed, .0.queued, .0.abandoned, .0.settled_or_queued()
)]
pub struct Imbalance(pub Ledger);

impl Ledger {
    fn settled_or_queued(&self) -> u64 {
        self.acknowledged + self.failed + self.queued + self.abandoned
    }

    /// # Errors
    /// [`Imbalance`] when a delivery was lost or invented. Meaningful at a quiet moment only.
    pub fn check(self) -> Result<(), Imbalance> {
        if self.accepted == self.settled_or_queued() { Ok(()) } else { Err(Imbalance(self)) }
    }
}
