use super::Capability;
use crate::event::{Invalid, Target};

/// What publishing does about a target whose queue is full. It concerns that target only: all
/// others get the event at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnFull {
    /// Wait for room. Inside a handler it is the same as [`OnFull::Refuse`]: services that publish
    /// to each other in a cycle would otherwise wait for each other for ever.
    #[default]
    Wait,
    /// Leave that target out and say so.
    Refuse,
    /// Keep the most urgent. A waiting delivery of lower priority makes room, the lowest first and of
    /// equals the youngest, and becomes a dead letter; where none is lower, that target is left out. Retries
    /// and scheduled deliveries that wait for their moment make no room. Without
    /// [`Capability::DropLowest`] it is the same as [`OnFull::Refuse`].
    DropLowest,
}

/// What became of an event that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Publication {
    /// It will be handed to all its targets.
    Accepted {
        /// How many; zero when no rule matched. `None`: the system cannot tell (it lacks
        /// [`Capability::DeliveryCounts`]).
        deliveries: Option<u32>,
    },
    /// It will be handed to some of its targets: the queues of the others were full, or no member of a
    /// group was available.
    BackPressure {
        /// How many targets get it: possibly none. If none does, its id does not count as seen.
        deliveries: u32,
        /// How many do not.
        full: u32,
    },
    /// Nobody gets it again: an event of this id was accepted before, within the window.
    Duplicate,
    /// Nobody gets it.
    Refused(Box<Refusal>),
}

impl Publication {
    /// Accepted deliveries, as far as known.
    pub fn deliveries(&self) -> Option<u32> {
        match self {
            Self::Accepted { deliveries } => *deliveries,
            Self::BackPressure { deliveries, .. } => Some(*deliveries),
            Self::Duplicate | Self::Refused(_) => Some(0),
        }
    }

    /// A refusal for this reason.
    pub fn refused(why: impl Into<Refusal>) -> Self {
        Self::Refused(Box::new(why.into()))
    }
}

/// Why nobody gets an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is malformed or too large.
    #[error("{0}")]
    Invalid(#[from] Invalid),
    /// One of its explicit targets does not exist.
    #[error("targets: {0} is not known")]
    UnknownTarget(Target),
    /// It asks for something that this system does not offer.
    #[error("this system does not offer {0}")]
    NotOffered(Capability),
    /// It is to be delivered later, which this system cannot.
    #[error("scheduled_at: this system does not deliver later")]
    Scheduled,
    /// There is no room for it in the [byte budget](Capability::ByteBudget). Whoever wants to try again decides when:
    /// its id does not count as seen. Also [`OnFull::Wait`] does not wait: a handler would wait for what it holds
    /// itself, and events that wait for a retry, or for their moment, may hold their bytes for long.
    #[error("byte_budget: the event takes {bytes} bytes, but {held} of {limit} are held")]
    OverBudget {
        /// What it takes.
        bytes: u64,
        /// What was held.
        held: u64,
        /// What may be held.
        limit: u64,
    },
}
