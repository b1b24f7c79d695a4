use std::time::Duration;

/// A moment, in nanoseconds since the clock began that a system goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub u64);

impl Moment {
    /// Later than any other: 584 years.
    pub const NEVER: Self = Self(u64::MAX);

    /// This long after it.
    #[must_use]
    #[inline]
    pub fn after(self, wait: Duration) -> Self {
        let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(wait))
    }
}
