use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a system promises in figures, as far as it promises them. Conformance and simulation hold it
/// to these; `None` where it promises nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    /// Deliveries that wait for one service at most.
    pub mailbox_capacity: Option<usize>,
    /// Deliveries handed to a service at once at most.
    pub batch: Option<usize>,
    /// Deliveries in the hands of all handlers together at most.
    pub concurrent_deliveries: Option<usize>,
    /// How long a delivery may wait before it is begun.
    pub event_timeout: Option<Duration>,
    /// How long a handler may take for a batch, where its service does not say otherwise.
    pub handler_timeout: Option<Duration>,
    /// Which ids count as seen.
    pub window: Option<WindowPolicy>,
    /// When a failed delivery is tried again.
    pub retry: Option<RetryPolicy>,
    /// When a service is left alone.
    pub breaker: Option<BreakerPolicy>,
    /// Dead letters kept at most.
    pub dead_letters: Option<usize>,
    /// Bytes of events held at most ([`Event::held_bytes`](crate::event::Event::held_bytes)).
    pub byte_budget: Option<u64>,
}

/// The window of de-duplication: an id counts as seen while it is among the last `entries` accepted
/// ids *and* was accepted less than `time` ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WindowPolicy {
    /// Ids remembered at most; 0: none, every event is new.
    pub entries: usize,
    /// How long each is remembered.
    #[serde(with = "humantime_serde")]
    pub time: Duration,
}

impl Default for WindowPolicy {
    /// A publisher that repeats itself does so within seconds. 16,384 ids take 0.8 MB; at 1,000 events/s
    /// they reach 16 s back, and a minute bounds what a quiet system remembers.
    fn default() -> Self {
        Self { entries: 16_384, time: Duration::from_secs(60) }
    }
}

/// When a failed delivery is tried again: after its n-th failure, n from 1, it waits between
/// `(1 - jitter) × w` and `w`, where `w = min(first × 2^(n-1), longest)`.
///
/// How often it is tried is the event's own `retry_limit`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryPolicy {
    /// Before the first retry, at most.
    #[serde(with = "humantime_serde")]
    pub first: Duration,
    /// Before any retry, at most.
    #[serde(with = "humantime_serde")]
    pub longest: Duration,
    /// The share of each wait that is left to chance, 0 to 1: deliveries that failed together do not come
    /// back together.
    pub jitter: f64,
    /// Of the chance; the same seed gives the same waits.
    pub seed: u64,
}

/// Not a number is not a jitter: [`RetryPolicy`] is compared by what it says.
impl Eq for RetryPolicy {}

impl Default for RetryPolicy {
    /// 100 ms, 200 ms, 400 ms for the three retries that events have by default: a restarting service is
    /// back within a second. Half of each wait is chance ("equal jitter", Brooker, AWS Architecture
    /// Blog 2015).
    fn default() -> Self {
        Self { first: Duration::from_millis(100), longest: Duration::from_secs(10), jitter: 0.5, seed: 0 }
    }
}

/// When a service that fails is left alone, and how it is tried again (circuit breaker; Nygard,
/// *Release It!*, 2007).
///
/// Closed, its deliveries are handed over. After `threshold` failures in a row it opens: for `open_for`
/// nothing is handed over, and deliveries wait in the mailbox. Then it is half-open: a batch of at most
/// `probes` deliveries is handed over; if all of it is acknowledged it closes, else it opens again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerPolicy {
    /// Failed deliveries in a row that open it; at least 1. A time-out or panic fails all of its batch.
    pub threshold: u32,
    /// How long it stays open.
    #[serde(with = "humantime_serde")]
    pub open_for: Duration,
    /// Deliveries of the batch that tries the service; at least 1.
    pub probes: usize,
}

impl Default for BreakerPolicy {
    /// 5 in a row is what Envoy ejects a host for, 5 s what Hystrix waits.
    fn default() -> Self {
        Self { threshold: 5, open_for: Duration::from_secs(5), probes: 1 }
    }
}
