use std::fmt;

/// What a violation is about. Shrinking keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[allow(missing_docs)] // the names say it
pub enum Promise {
    Answers,
    Books,
    Bounds,
    Breakers,
    DeadLetters,
    Deliveries,
    Order,
    Progress,
    Fairness,
    Time,
    Window,
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}, step {step}, at {at_ms} ms: {promise}: {what}")]
pub struct Violation {
    /// Of the script.
    pub seed: u64,
    /// The step that was being done; one beyond the last: the end.
    pub step: usize,
    /// Virtual milliseconds since the beginning.
    pub at_ms: u64,
    /// Which promise.
    pub promise: Promise,
    /// What differed.
    pub what: String,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answers => "answers",
            Self::Books => "books",
            Self::Bounds => "bounds",
            Self::Breakers => "breakers",
            Self::DeadLetters => "dead letters",
            Self::Deliveries => "deliveries",
            Self::Order => "order",
            Self::Progress => "progress",
            Self::Fairness => "fairness",
            Self::Time => "time",
            Self::Window => "window",
        })
    }
}
