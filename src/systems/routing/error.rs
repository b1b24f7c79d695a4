use super::{Capability, InvalidRule, LetterId};
use crate::event::{Invalid, Name};

/// Why a system did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SystemError {
    /// It was shut down.
    #[error("the system is shut down")]
    Closed,
    /// There is one of this name already.
    #[error("{what} `{name}` exists already")]
    Exists {
        /// `service`, `group` or `rule`.
        what: &'static str,
        /// Its name.
        name: Name,
    },
    /// There is none of this name.
    #[error("{what} `{name}` is not known")]
    Unknown {
        /// `service`, `group` or `rule`.
        what: &'static str,
        /// The name that was asked for.
        name: Name,
    },
    /// The rule is not acceptable.
    #[error(transparent)]
    Rule(#[from] InvalidRule),
    /// A service or group has an unacceptable name.
    #[error(transparent)]
    Name(#[from] Invalid),
    /// A group names a service twice, or none at all.
    #[error("group `{group}`: {why}")]
    Group {
        /// Its name.
        group: Name,
        /// What is wrong.
        why: &'static str,
    },
    /// There is no such dead letter: it was replayed or purged, or made room for younger ones or for new events.
    #[error("there is no dead letter {0}")]
    NoLetter(LetterId),
    /// A service has an unacceptable time-out.
    #[error("service `{service}`: handler_timeout: 0, but it must be longer")]
    NoTime {
        /// Its name.
        service: Name,
    },
    /// The system does not offer it.
    #[error("this system does not offer {0}")]
    NotOffered(Capability),
    /// A system that lives elsewhere could not be reached, or did not answer.
    #[error("the system cannot be reached: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
