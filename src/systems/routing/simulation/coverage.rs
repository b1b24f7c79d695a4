use std::fmt;
use std::ops::AddAssign;

/// What happened in a run: proof that the scripts meet what they are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Coverage {
    counts: [u64; Count::ALL.len()],
}

/// Something that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Count {
    Seeds,
    Events,
    Deliveries,
    Acknowledged,
    Retries,
    Failed,
    DeadLetters,
    Displaced,
    Expired,
    Duplicates,
    Refused,
    OverBudget,
    Unmatched,
    TurnedAway,
    Waits,
    Unavailable,
    FollowUps,
    Scheduled,
    BreakerOpenings,
    Panics,
    TimeOuts,
    Replays,
    Purges,
    LostLetters,
    ForgottenIds,
    Changes,
    RefusedChanges,
    LimitReached,
    QuietMoments,
    Shutdowns,
    Abandoned,
}

impl Count {
    /// All of them, in order.
    pub const ALL: [Self; 31] = [
        Self::Seeds,
        Self::Events,
        Self::Deliveries,
        Self::Acknowledged,
        Self::Retries,
        Self::Failed,
        Self::DeadLetters,
        Self::Displaced,
        Self::Expired,
        Self::Duplicates,
        Self::Refused,
        Self::OverBudget,
        Self::Unmatched,
        Self::TurnedAway,
        Self::Waits,
        Self::Unavailable,
        Self::FollowUps,
        Self::Scheduled,
        Self::BreakerOpenings,
        Self::Panics,
        Self::TimeOuts,
        Self::Replays,
        Self::Purges,
        Self::LostLetters,
        Self::ForgottenIds,
        Self::Changes,
        Self::RefusedChanges,
        Self::LimitReached,
        Self::QuietMoments,
        Self::Shutdowns,
        Self::Abandoned,
    ];

    /// What is counted, in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seeds => "seeds",
            Self::Events => "events published",
            Self::Deliveries => "deliveries accepted",
            Self::Acknowledged => "acknowledged",
            Self::Retries => "tries that failed and were followed by another",
            Self::Failed => "failed for good",
            Self::DeadLetters => "dead letters",
            Self::Displaced => "displaced by more urgent ones",
            Self::Expired => "expired",
            Self::Duplicates => "duplicates",
            Self::Refused => "events refused",
            Self::OverBudget => "events refused for want of bytes",
            Self::Unmatched => "events for nobody",
            Self::TurnedAway => "turned away",
            Self::Waits => "calls that waited for room",
            Self::Unavailable => "groups without an available member",
            Self::FollowUps => "events published by handlers",
            Self::Scheduled => "scheduled",
            Self::BreakerOpenings => "breaker openings",
            Self::Panics => "panics",
            Self::TimeOuts => "time-outs of handlers",
            Self::Replays => "dead letters replayed",
            Self::Purges => "dead letters purged",
            Self::LostLetters => "dead letters that made room",
            Self::ForgottenIds => "ids forgotten because nobody got the event",
            Self::Changes => "changes of services, groups and rules",
            Self::RefusedChanges => "changes refused",
            Self::LimitReached => "moments at the limit of concurrent deliveries",
            Self::QuietMoments => "quiet moments compared",
            Self::Shutdowns => "shutdowns with something abandoned",
            Self::Abandoned => "abandoned",
        }
    }
}

impl Coverage {
    /// How often it happened.
    pub fn of(&self, count: Count) -> u64 {
        self.counts[count as usize]
    }

    pub(super) fn add(&mut self, count: Count, more: u64) {
        self.counts[count as usize] += more;
    }
}

impl AddAssign for Coverage {
    fn add_assign(&mut self, more: Self) {
        for (count, more) in self.counts.iter_mut().zip(more.counts) {
            *count += more;
        }
    }
}

/// One line for each count.
impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Count::ALL.iter().try_for_each(|&count| writeln!(f, "{:>14} {}", self.of(count), count.as_str()))
    }
}
