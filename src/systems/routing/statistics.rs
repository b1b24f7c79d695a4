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
    /// Deliveries that a full queue turned away.
    pub turned_away: u64,
    /// Rules in force.
    pub rules: usize,
    /// One entry for each registered service, by name.
    pub services: Vec<ServiceStatistics>,
}

/// What a system counted of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceStatistics {
    /// Its name.
    pub name: Name,
    /// Deliveries waiting or in its handler's hands.
    pub queued: u64,
    /// Deliveries that it acknowledged.
    pub acknowledged: u64,
    /// Deliveries that it failed.
    pub failed: u64,
}
