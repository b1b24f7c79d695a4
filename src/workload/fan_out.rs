use std::fmt;

/// What a number of events comes to: deliveries per event, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FanOut {
    /// Events looked at.
    pub events: u64,
    /// (event, service) pairs.
    pub deliveries: u64,
    /// Events that no rule matches: accepted, with no delivery.
    pub unmatched: u64,
    /// Deliveries of the event that has the most.
    pub most: u64,
}

impl FanOut {
    /// Adds one event that goes to this many services.
    pub fn count(&mut self, services: usize) {
        let services = u64::try_from(services).expect("a count of things in memory");
        self.events += 1;
        self.deliveries += services;
        self.unmatched += u64::from(services == 0);
        self.most = self.most.max(services);
    }

    /// Deliveries per event; not a number without events.
    pub fn per_event(&self) -> f64 {
        self.deliveries as f64 / self.events as f64
    }

    /// Events without delivery, in per cent of all; not a number without events.
    pub fn unmatched_percent(&self) -> f64 {
        self.unmatched as f64 * 100.0 / self.events as f64
    }
}

impl fmt::Display for FanOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.2} deliveries per event ({} / {}, at most {}), {:.1} % unmatched",
            self.per_event(),
            self.deliveries,
            self.events,
            self.most,
            self.unmatched_percent()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_without_receivers_count_as_events() {
        let mut fan_out = FanOut::default();
        for services in [0, 3, 1] {
            fan_out.count(services);
        }
        assert_eq!(fan_out.to_string(), "1.33 deliveries per event (4 / 3, at most 3), 33.3 % unmatched");
    }
}
