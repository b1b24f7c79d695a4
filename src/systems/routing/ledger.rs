use std::iter::Sum;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Where every accepted delivery is. At a quiet moment the sum of the rest equals `accepted`.
///
/// A replayed dead letter is a new delivery, accepted once more; the old one stays dead-lettered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Deliveries that publishing accepted.
    pub accepted: u64,
    /// The handler said that it is done.
    pub acknowledged: u64,
    /// The handler failed, and there is no retry and no dead letter.
    pub failed: u64,
    /// Given up and put among the dead letters.
    pub dead_lettered: u64,
    /// Not begun within the event's time-out.
    pub expired: u64,
    /// Waiting for a moment: that of a retry, or the scheduled one.
    pub waiting: u64,
    /// Waiting for the handler, or in its hands.
    pub queued: u64,
    /// Given up when shutdown's deadline came.
    pub abandoned: u64,
}

/// Deliveries were lost or invented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "ledger does not balance: {} accepted, but {} acknowledged + {} failed + {} dead-lettered + {} expired + \
     {} waiting + {} queued + {} abandoned = {}",
    .0.accepted, .0.acknowledged, .0.failed, .0.dead_lettered, .0.expired, .0.waiting, .0.queued, .0.abandoned,
    .0.accounted_for()
)]
pub struct Imbalance(pub Ledger);

impl AddAssign for Ledger {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.acknowledged += other.acknowledged;
        self.failed += other.failed;
        self.dead_lettered += other.dead_lettered;
        self.expired += other.expired;
        self.waiting += other.waiting;
        self.queued += other.queued;
        self.abandoned += other.abandoned;
    }
}

impl Sum for Ledger {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |mut sum, part| {
            sum += part;
            sum
        })
    }
}

impl Ledger {
    fn accounted_for(&self) -> u64 {
        self.settled() + self.unsettled()
    }

    /// Deliveries whose fate is known.
    pub fn settled(&self) -> u64 {
        self.acknowledged + self.failed + self.dead_lettered + self.expired + self.abandoned
    }

    /// Deliveries that the system still has to do something about; none when all is quiet.
    pub fn unsettled(&self) -> u64 {
        self.waiting + self.queued
    }

    /// # Errors
    /// [`Imbalance`] when a delivery was lost or invented. Meaningful at a quiet moment only.
    pub fn check(self) -> Result<(), Imbalance> {
        if self.accepted == self.accounted_for() { Ok(()) } else { Err(Imbalance(self)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_adds_each_kind_to_its_own() {
        let one = Ledger {
            accepted: 127,
            acknowledged: 1,
            failed: 2,
            dead_lettered: 4,
            expired: 8,
            waiting: 16,
            queued: 32,
            abandoned: 64,
        };
        let three = Ledger {
            accepted: 381,
            acknowledged: 3,
            failed: 6,
            dead_lettered: 12,
            expired: 24,
            waiting: 48,
            queued: 96,
            abandoned: 192,
        };
        assert_eq!([one; 3].into_iter().sum::<Ledger>(), three);
        assert_eq!((three.check(), three.settled(), three.unsettled()), (Ok(()), 237, 144));
        let lost = Ledger { acknowledged: 0, ..one };
        assert_eq!(lost.check(), Err(Imbalance(lost)));
    }
}
