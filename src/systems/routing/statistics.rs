use serde::{Deserialize, Serialize};

use crate::event::Name;

/// What a system counted since it was started.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Statistics {
    /// Events that were accepted, matched by a rule or not.
    pub accepted_events: u64,
    /// Accepted events with no delivery because nothing matched.
    pub unmatched_events: u64,
    /// Events that were refused.
    pub refused_events: u64,
    /// Events whose id was seen before.
    pub duplicate_events: u64,
    /// Deliveries that were turned away: the queue was full, or no member of a group was available.
    pub turned_away: u64,
    /// Ids that count as seen at this moment.
    pub remembered_ids: usize,
    /// Dead letters that are kept at this moment.
    pub dead_letters: usize,
    /// Dead letters that made room for younger ones, or for new events, unseen or not.
    pub lost_letters: u64,
    /// Dead letters that were accepted again.
    pub replayed_letters: u64,
    /// Bytes of the events that are held at this moment; `None` where nobody counts them, as without a budget.
    pub held_bytes: Option<u64>,
    /// Of these, what dead letters alone hold, which make room for new events.
    pub letter_bytes: u64,
    /// Rules in force.
    pub rules: usize,
    /// One entry for each registered service, by name.
    pub services: Vec<ServiceStatistics>,
}

/// What a system counted of one service since it was registered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServiceStatistics {
    /// Its name.
    pub name: Name,
    /// Whether it can be relied on.
    pub health: Health,
    /// Deliveries waiting or in its handler's hands.
    pub queued: u64,
    /// Deliveries waiting for the moment of a retry, or for the scheduled one.
    pub waiting: u64,
    /// Deliveries that it acknowledged.
    pub acknowledged: u64,
    /// Deliveries that it failed for good, where there are no dead letters.
    pub failed: u64,
    /// Deliveries that became dead letters.
    pub dead_lettered: u64,
    /// Of these, the ones that made room for more urgent ones.
    pub displaced: u64,
    /// Deliveries that were not begun in time.
    pub expired: u64,
    /// Tries that failed and were followed by another.
    pub retried: u64,
    /// Batches that exceeded the handler's time-out.
    pub timeouts: u64,
    /// Batches in which the handler panicked.
    pub panics: u64,
    /// How often its breaker opened.
    pub breaker_opened: u64,
}

impl ServiceStatistics {
    /// A service of this name that did nothing yet.
    pub fn new(name: impl Into<Name>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// Whether a service can be relied on, as far as its breaker knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Its last delivery was acknowledged, or it had none yet.
    #[default]
    Healthy,
    /// Its last delivery failed, but not enough in a row to leave it alone; or it is being tried again.
    Degraded,
    /// Its breaker is open: nothing is handed to it.
    Unhealthy,
}
