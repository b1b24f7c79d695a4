use std::time::Duration;

use crucible_events::event::{Event, EventId};

use crate::FaultKind;

/// What becomes of a batch.
#[derive(Debug, Default)]
pub(crate) struct Toll {
    pub(crate) stalls: u64,
    stalled: Duration,
    pub(crate) slowed: u64,
    slower: Duration,
    pub(crate) vanishes: Option<Duration>,
    pub(crate) errors: bool,
    pub(crate) end: Option<End>,
}

/// How a batch is lost, and at which event.
#[derive(Debug)]
pub(crate) enum End {
    Hang,
    Panic(EventId),
}

impl Toll {
    pub(crate) fn add(&mut self, event: &Event, kind: FaultKind) {
        match kind {
            FaultKind::Error => self.errors = true,
            FaultKind::Stall { for_ms } => {
                self.stalls += 1;
                self.stalled = self.stalled.max(Duration::from_millis(for_ms));
            }
            FaultKind::Slow { by_ms } => {
                self.slowed += 1;
                self.slower = self.slower.saturating_add(Duration::from_millis(by_ms));
            }
            FaultKind::Hang => _ = self.end.get_or_insert(End::Hang),
            FaultKind::Panic => _ = self.end.get_or_insert(End::Panic(event.id)),
            FaultKind::Vanish { for_ms } => {
                self.vanishes.get_or_insert(Duration::from_millis(for_ms));
            }
        }
    }

    /// Of all its events together.
    pub(crate) fn delay(&self) -> Duration {
        self.stalled.saturating_add(self.slower)
    }
}
