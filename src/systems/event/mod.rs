//! What travels: [`Event`] and its parts.
//!
//! Cloning an event costs reference counts, never the bytes of its payload: a system that clones
//! per target pays for its clones, not for the payload's size.

mod codec;
mod field;
mod id;
mod kind;
mod name;
mod payload;
mod priority;
mod size;
mod timestamp;
mod validate;
mod value;

pub use codec::{DecodeError, decode, encode};
pub use field::{FieldPath, FieldPathError, Scalar};
pub use id::{EventId, EventIdError};
pub use kind::{Category, EventKind};
pub use name::Name;
pub use payload::{JsonText, Payload, PayloadError, Text};
pub use priority::Priority;
pub use timestamp::Timestamp;
pub use validate::{Invalid, Limits};

use std::collections::BTreeMap;
use std::sync::Arc;

/// One thing that happened, and all that routing needs to know about it.
///
/// Fields are public and may be set to anything; a system checks the whole with
/// [`Limits::check`] when it is published and refuses what does not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Unique among all events of a system; never nil.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// Whose turn it is where events wait.
    pub priority: Priority,
    /// Who says so, e.g. `vault-watcher`.
    pub source: Name,
    /// Explicit receivers. Not empty: they replace the rules.
    pub targets: Arc<[Target]>,
    /// When it came to be.
    pub created_at: Timestamp,
    /// Not to be delivered before this moment.
    pub scheduled_at: Option<Timestamp>,
    /// The content.
    pub payload: Payload,
    /// Free annotations; `None` is the empty map, which most events have.
    pub metadata: Option<Arc<BTreeMap<String, String>>>,
    /// The conversation that it belongs to.
    pub correlation_id: Option<EventId>,
    /// The event that caused it.
    pub causation_id: Option<EventId>,
    /// How often its delivery has been tried again.
    pub retry_count: u16,
    /// How often it may be tried again.
    pub retry_limit: u16,
}

impl Event {
    /// An event of normal priority, routed by rules, due at once, without annotations.
    ///
    /// `created_at` is an argument, not the clock: the same inputs make the same event.
    pub fn new(
        id: EventId,
        kind: EventKind,
        source: impl Into<Name>,
        created_at: Timestamp,
        payload: Payload,
    ) -> Self {
        Self {
            id,
            kind,
            priority: Priority::Normal,
            source: source.into(),
            targets: Arc::default(),
            created_at,
            scheduled_at: None,
            payload,
            metadata: None,
            correlation_id: None,
            causation_id: None,
            retry_count: 0,
            retry_limit: DEFAULT_RETRY_LIMIT,
        }
    }
}

/// Three tries in all after the first: what JetStream and SQS users commonly start from.
pub const DEFAULT_RETRY_LIMIT: u16 = 3;

/// Who gets an event: a service, or one member of a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// This service.
    Service(Name),
    /// One member of this group, chosen by the group's strategy.
    Group(Name),
}

impl Target {
    /// The name of the service or group.
    pub fn name(&self) -> &Name {
        match self {
            Self::Service(name) | Self::Group(name) => name,
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Service(name) => write!(f, "service `{name}`"),
            Self::Group(name) => write!(f, "group `{name}`"),
        }
    }
}
