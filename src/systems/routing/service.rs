use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::SystemError;
use crate::event::{Limits, Name};

/// A service that takes events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServiceSpec {
    /// Unique among the services of a system.
    pub name: Name,
    /// How long its handler may take for a batch; `None`: as long as the system's settings say.
    #[serde(default, with = "humantime_serde")]
    pub handler_timeout: Option<Duration>,
}

impl ServiceSpec {
    /// A service of this name.
    pub fn new(name: impl Into<Name>) -> Self {
        Self { name: name.into(), handler_timeout: None }
    }

    /// The same with a time-out of its own.
    #[must_use]
    pub fn with_handler_timeout(self, timeout: Duration) -> Self {
        Self { handler_timeout: Some(timeout), ..self }
    }

    /// Checks all but whether there is one of this name.
    ///
    /// # Errors
    /// [`SystemError::Name`] or [`SystemError::NoTime`].
    pub fn check(&self, limits: &Limits) -> Result<(), SystemError> {
        limits.check_name("service", &self.name)?;
        match self.handler_timeout {
            Some(Duration::ZERO) => Err(SystemError::NoTime { service: self.name.clone() }),
            _ => Ok(()),
        }
    }
}

/// Services of which one gets each event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSpec {
    /// Unique among the groups of a system; a service may have the same name.
    pub name: Name,
    /// Registered services, each once. The order is that of the round.
    pub members: Vec<Member>,
    /// Who is next.
    pub strategy: Strategy,
}

/// A service in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The service.
    pub name: Name,
    /// Its share of the events under [`Strategy::WeightedRandom`]; 0: none.
    #[serde(default = "one")]
    pub weight: u32,
    /// Its rank under [`Strategy::PriorityBased`]; the highest is asked first.
    #[serde(default)]
    pub priority: i32,
}

const fn one() -> u32 {
    1
}

impl Member {
    /// A member of weight 1 and priority 0.
    pub fn new(name: impl Into<Name>) -> Self {
        Self { name: name.into(), weight: one(), priority: 0 }
    }

    /// The same with another weight.
    #[must_use]
    pub fn with_weight(self, weight: u32) -> Self {
        Self { weight, ..self }
    }

    /// The same with another priority.
    #[must_use]
    pub fn with_priority(self, priority: i32) -> Self {
        Self { priority, ..self }
    }
}

impl<N: Into<Name>> From<N> for Member {
    fn from(name: N) -> Self {
        Self::new(name)
    }
}

impl GroupSpec {
    /// A group of these members.
    pub fn new(
        name: impl Into<Name>,
        strategy: Strategy,
        members: impl IntoIterator<Item = impl Into<Member>>,
    ) -> Self {
        Self { name: name.into(), members: members.into_iter().map(Into::into).collect(), strategy }
    }

    /// A round-robin group.
    pub fn round_robin(name: impl Into<Name>, members: impl IntoIterator<Item = impl Into<Member>>) -> Self {
        Self::new(name, Strategy::RoundRobin, members)
    }

    /// Checks all but whether its members are registered and there is a group of this name.
    ///
    /// # Errors
    /// [`SystemError::Name`] or [`SystemError::Group`].
    pub fn check(&self, limits: &Limits) -> Result<(), SystemError> {
        limits.check_name("group", &self.name)?;
        let fail = |why| Err(SystemError::Group { group: self.name.clone(), why });
        if self.members.is_empty() {
            return fail("it has no members");
        }
        let different: BTreeSet<_> = self.members.iter().map(|member| &member.name).collect();
        if different.len() < self.members.len() {
            return fail("it names a service twice");
        }
        let by_weight = matches!(self.strategy, Strategy::WeightedRandom { .. });
        if by_weight && self.members.iter().all(|member| member.weight == 0) {
            return fail("all weights are 0, so it would lead nowhere");
        }
        Ok(())
    }
}

/// How a group chooses the member that gets an event, among those that are registered at that moment.
///
/// The `turn` of an event is how many events the group got before it, from 0; events without any
/// registered member don't count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Strategy {
    /// Member `turn mod m` of the `m` registered members.
    #[default]
    RoundRobin,
    /// The one with the fewest deliveries that are not settled; of equals, the first.
    LeastConnections,
    /// By chance, in proportion to the weights. The member is the one in whose share the number
    /// `splitmix64(seed, turn) mod sum of weights` lies, shares in the order of members.
    WeightedRandom {
        /// The same seed chooses the same members.
        seed: u64,
    },
    /// Member `turn mod h` of the `h` healthy members; where there is none, of the degraded ones; never
    /// an unhealthy one.
    HealthBased,
    /// The one of highest priority that is not unhealthy; of equals, the first.
    PriorityBased,
}

impl Strategy {
    /// The name in tables and names of kernels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RoundRobin => "round_robin",
            Self::LeastConnections => "least_connections",
            Self::WeightedRandom { .. } => "weighted_random",
            Self::HealthBased => "health_based",
            Self::PriorityBased => "priority_based",
        }
    }
}
