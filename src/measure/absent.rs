//! A figure that may be missing: not measured is not zero.

use std::fmt::Display;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What was not measured, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
#[error("not measured: {what}: {why}")]
pub struct NotMeasured {
    /// The quantity, e.g. `peak memory`.
    pub what: String,
    /// The reason, for people.
    pub why: String,
}

impl NotMeasured {
    /// `what` for the reason `why`.
    pub fn new(what: impl Into<String>, why: impl Display) -> Self {
        Self { what: what.into(), why: why.to_string() }
    }
}

/// A value or the reason why there is none. In JSON the bare value, or `{"not_measured": "why"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Reading<T> {
    /// There is none.
    Absent {
        /// The reason, for people.
        not_measured: String,
    },
    /// What was read.
    Value(T),
}

impl<T> Reading<T> {
    /// Absent for the reason `why`.
    pub fn absent(why: impl Display) -> Self {
        Self::Absent { not_measured: why.to_string() }
    }

    /// What files of results did not tell before they had it.
    pub(crate) fn not_told() -> Self {
        Self::absent("these results do not tell")
    }

    /// What `change` makes of the value; the reason, if there is none.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Self::Value(value) => Reading::Value(change(value)),
            Self::Absent { not_measured } => Reading::Absent { not_measured },
        }
    }

    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent { .. } => None,
        }
    }

    /// The reason, if there is no value.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Value(_) => None,
            Self::Absent { not_measured } => Some(not_measured),
        }
    }
}

impl<T> From<Result<T, NotMeasured>> for Reading<T> {
    fn from(result: Result<T, NotMeasured>) -> Self {
        match result {
            Ok(value) => Self::Value(value),
            Err(missing) => Self::Absent { not_measured: missing.why },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_its_value_or_its_reason() {
        let there = Reading::Value(3_u64);
        let missing = Reading::<u64>::from(Err(NotMeasured::new("steal", "no /proc here")));
        assert_eq!((there.value(), there.why()), (Some(&3), None));
        assert_eq!((missing.value(), missing.why()), (None, Some("no /proc here")));
        assert_eq!((there.map(|n| n + 1), missing.clone().map(|n| n + 1)), (Reading::Value(4), missing));
    }

    #[test]
    fn json_tells_a_value_from_its_absence() {
        let readings = [Reading::Value(0_u64), Reading::absent("no /proc here")];
        let json = serde_json::to_string(&readings).expect("plain data");
        assert_eq!(json, r#"[0,{"not_measured":"no /proc here"}]"#);
        assert_eq!(serde_json::from_str::<[Reading<u64>; 2]>(&json).expect("own JSON"), readings);
    }

    #[test]
    fn the_message_says_what_and_why() {
        let missing = NotMeasured::new("peak memory", "macOS has no VmHWM");
        assert_eq!(missing.to_string(), "not measured: peak memory: macOS has no VmHWM");
    }
}
