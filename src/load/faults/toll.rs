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
            FaultKind::Stall { lasting } => {
                self.stalls += 1;
                self.stalled = self.stalled.max(lasting);
            }
            FaultKind::Slow { by } => {
                self.slowed += 1;
                self.slower = self.slower.saturating_add(by);
            }
            FaultKind::Hang => _ = self.end.get_or_insert(End::Hang),
            FaultKind::Panic => _ = self.end.get_or_insert(End::Panic(event.id)),
            FaultKind::Vanish { lasting } => _ = self.vanishes.get_or_insert(lasting),
        }
    }

    /// Of all its events together.
    pub(crate) fn delay(&self) -> Duration {
        self.stalled.saturating_add(self.slower)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crucible_events::event::{EventKind, Payload, Timestamp};

    fn of(kinds: &[FaultKind]) -> Toll {
        let payload = Payload::Text("x".to_owned().into());
        let event = Event::new(EventId(1), EventKind::Metrics, "s", Timestamp(0), payload);
        let mut toll = Toll::default();
        kinds.iter().for_each(|&kind| toll.add(&event, kind));
        toll
    }

    #[test]
    fn slow_deliveries_come_on_top_of_the_longest_stall() {
        let stalls = [70, 100, 30].map(|ms| FaultKind::Stall { lasting: Duration::from_millis(ms) });
        let slow = [2, 3].map(|ms| FaultKind::Slow { by: Duration::from_millis(ms) });
        let toll = of(&[&stalls[..], &slow].concat());
        assert_eq!(toll.delay(), Duration::from_millis(105));
        assert_eq!((toll.stalls, toll.slowed), (3, 2));
    }

    #[test]
    fn a_service_vanishes_at_the_first_event_that_makes_it() {
        let toll = of(&[5, 9].map(|ms| FaultKind::Vanish { lasting: Duration::from_millis(ms) }));
        assert_eq!(toll.vanishes, Some(Duration::from_millis(5)));
    }
}
