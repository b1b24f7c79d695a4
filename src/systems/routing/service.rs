use serde::{Deserialize, Serialize};

use crate::event::Name;

/// A service that takes events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServiceSpec {
    /// Unique among the services of a system.
    pub name: Name,
}

impl ServiceSpec {
    /// A service of this name.
    pub fn new(name: impl Into<Name>) -> Self {
        Self { name: name.into() }
    }
}

/// Services of which one gets each event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSpec {
    /// Unique among the groups of a system; a service may have the same name.
    pub name: Name,
    /// Registered services, each once. The order is that of the round.
    pub members: Vec<Name>,
    /// Who is next.
    pub strategy: Strategy,
}

impl GroupSpec {
    /// A round-robin group.
    pub fn round_robin(name: impl Into<Name>, members: impl IntoIterator<Item = Name>) -> Self {
        Self { name: name.into(), members: members.into_iter().collect(), strategy: Strategy::RoundRobin }
    }
}

/// How a group chooses the member that gets an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Strategy {
    /// The n-th event that the group gets, counted from 0, goes to member `n mod m` of the `m`
    /// members that are registered at that moment. Events without any registered member don't count.
    #[default]
    RoundRobin,
}
