//! How events are spread over time.

use serde::{Deserialize, Serialize};

const NS_PER_SECOND: u128 = 1_000_000_000;

/// How events are spread over time. It says when each is *intended* to be sent, whatever the system does meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum EventPattern {
    /// One event after the other at equal distances.
    Steady {
        /// Offered rate; at 0 nothing is sent.
        events_per_second: u64,
        /// How long.
        duration_secs: u64,
    },
}

impl EventPattern {
    /// Number of events in the whole pattern.
    pub fn events(&self) -> u64 {
        match *self {
            Self::Steady { events_per_second, duration_secs } => {
                events_per_second.saturating_mul(duration_secs)
            }
        }
    }

    /// The intended times, in nanoseconds from the beginning, in order.
    pub fn schedule(&self) -> Schedule {
        Schedule { pattern: *self, next: 0 }
    }

    /// Computed from the index, not from the time before: rounding never adds up, 3 events/s stay 3 events/s.
    fn offset_ns(&self, index: u64) -> u64 {
        match *self {
            Self::Steady { events_per_second, .. } => {
                let offset = u128::from(index) * NS_PER_SECOND / u128::from(events_per_second);
                u64::try_from(offset).unwrap_or(u64::MAX)
            }
        }
    }
}

/// Intended times in nanoseconds from the beginning. See [`EventPattern::schedule`].
#[derive(Debug, Clone)]
pub struct Schedule {
    pattern: EventPattern,
    next: u64,
}

impl Iterator for Schedule {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if self.next >= self.pattern.events() {
            return None;
        }
        let offset = self.pattern.offset_ns(self.next);
        self.next += 1;
        Some(offset)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.pattern.events() - self.next);
        (left.unwrap_or(usize::MAX), left.ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steady(events_per_second: u64, duration_secs: u64) -> EventPattern {
        EventPattern::Steady { events_per_second, duration_secs }
    }

    #[test]
    fn steady_events_are_equally_far_apart() {
        let offsets: Vec<u64> = steady(4, 2).schedule().collect();
        let quarters = [0, 250, 500, 750, 1_000, 1_250, 1_500, 1_750].map(|ms| ms * 1_000_000);
        assert_eq!(offsets, quarters);
    }

    #[test]
    fn rounding_does_not_add_up() {
        // A third of a second is no whole number of nanoseconds; after an hour the event is on its second all the same.
        let offsets: Vec<u64> = steady(3, 3_601).schedule().skip(3 * 3_600).take(2).collect();
        assert_eq!(offsets, [3_600_000_000_000, 3_600_333_333_333]);
    }

    #[test]
    fn the_schedule_has_as_many_events_as_the_pattern_says() {
        for (rate, seconds, events) in [(2_000, 60, 120_000), (1, 1, 1), (0, 10, 0), (10, 0, 0)] {
            let pattern = steady(rate, seconds);
            assert_eq!(pattern.events(), events);
            assert_eq!(pattern.schedule().size_hint(), (events as usize, Some(events as usize)));
            assert_eq!(pattern.schedule().count() as u64, events);
        }
    }

    #[test]
    fn the_last_event_lies_within_the_duration() {
        for rate in [1, 7, 999, 1_000_003] {
            let last = steady(rate, 1).schedule().last().expect("at least one event");
            assert!(last < 1_000_000_000, "{rate} events/s: {last}");
        }
    }

    #[test]
    fn a_pattern_survives_json_and_refuses_what_it_does_not_know() {
        let json = r#"{"kind":"steady","events_per_second":2000,"duration_secs":60}"#;
        assert_eq!(serde_json::from_str::<EventPattern>(json).expect("a pattern"), steady(2_000, 60));
        assert_eq!(serde_json::to_string(&steady(2_000, 60)).expect("plain data"), json);
        assert!(serde_json::from_str::<EventPattern>(&json.replace("secs", "mins")).is_err());
    }
}
