use std::fmt;
use std::sync::Arc;

use crate::event::{Event, Name};

/// A delivery that was given up, kept to be looked at, replayed or purged.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    /// Names it among those of its system; later ones have higher numbers.
    pub id: LetterId,
    /// What was to be delivered, with the number of retries that it had.
    pub event: Arc<Event>,
    /// To whom.
    pub service: Name,
    /// Why it was given up.
    pub cause: DeathCause,
}

/// The number of a [`DeadLetter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LetterId(pub u64);

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a delivery was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeathCause {
    /// The last try failed, for this reason in the handler's words.
    Failed(String),
    /// At the last try the handler exceeded its time-out.
    TimedOut,
    /// At the last try the handler panicked, with this message.
    Panicked(String),
    /// It waited in a full mailbox and made room for a more urgent one
    /// ([`OnFull::DropLowest`](super::OnFull::DropLowest)).
    Displaced,
}

impl fmt::Display for DeathCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(reason) => write!(f, "failed: {reason}"),
            Self::TimedOut => f.write_str("the handler exceeded its time-out"),
            Self::Panicked(message) => write!(f, "the handler panicked: {message}"),
            Self::Displaced => f.write_str("displaced by a more urgent event"),
        }
    }
}
