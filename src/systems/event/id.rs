use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// 128 bits that name an event; written as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "std::borrow::Cow<'_, str>", into = "String")]
pub struct EventId(pub u128);

impl EventId {
    /// All zeros: no event may have it.
    pub const NIL: Self = Self(0);
}

/// Text that is not an [`EventId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an event id: 32 hexadecimal digits expected")]
pub struct EventIdError(String);

impl FromStr for EventId {
    type Err = EventIdError;
    fn from_str(text: &str) -> Result<Self, EventIdError> {
        // `from_str_radix` alone would accept a sign.
        if text.len() == 32
            && text.bytes().all(|b| b.is_ascii_hexdigit())
            && let Ok(bits) = u128::from_str_radix(text, 16)
        {
            return Ok(Self(bits));
        }
        Err(EventIdError(text.chars().take(40).collect()))
    }
}

impl TryFrom<std::borrow::Cow<'_, str>> for EventId {
    type Error = EventIdError;
    fn try_from(text: std::borrow::Cow<'_, str>) -> Result<Self, EventIdError> {
        text.parse()
    }
}

impl From<EventId> for String {
    fn from(id: EventId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
