use std::fmt::{Debug, Display};

use crate::routing::{Imbalance, SystemError};

/// How a promise was broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(String);

/// Whether a promise was kept.
pub type Verdict = Result<(), Fault>;

/// Longer values say no more to a reader, and a wrong multiset can have thousands of entries.
const SHOWN_CHARS: usize = 240;

impl Fault {
    /// In these words.
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// `what` should have been one thing and is another.
    pub(super) fn unlike(what: impl Display, expected: &impl Debug, got: &impl Debug) -> Self {
        Self(format!("{what}: expected {}, got {}", shown(expected), shown(got)))
    }
}

fn shown(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{} … ({} characters)", &text[..end], text.chars().count()),
        None => text,
    }
}

/// `what` has to be as expected.
pub(super) fn same<T: Debug + PartialEq>(what: impl Display, expected: T, got: T) -> Verdict {
    if expected == got { Ok(()) } else { Err(Fault::unlike(what, &expected, &got)) }
}

/// `what` has to hold.
pub(super) fn ensure(holds: bool, what: impl Display) -> Verdict {
    if holds { Ok(()) } else { Err(Fault(format!("expected that {what}, but it is not so"))) }
}

impl From<SystemError> for Fault {
    fn from(error: SystemError) -> Self {
        Self(format!("a call that has to succeed failed: {error}"))
    }
}

impl From<Imbalance> for Fault {
    fn from(imbalance: Imbalance) -> Self {
        Self(imbalance.to_string())
    }
}
