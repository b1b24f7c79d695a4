use std::fmt;

/// What is wrong with a [`Mutant`](crate::mutant::Mutant).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// Nothing.
    None,
    /// One delivery in 10,000 is lost.
    Drops,
    /// One delivery in 10,000 is made twice.
    Doubles,
    /// One delivery in 10,000 goes to another service.
    Misleads,
    /// Of 10,000 deliveries one is lost and the one before it made twice: the count is right.
    Exchanges,
    /// One event in 100 is kept.
    Holds,
    /// One acknowledgement in 10,000 is not in the ledger.
    Forgets,
    /// Batches are handed over in reverse.
    Reverses,
    /// Failures are taken for acknowledgements.
    Forgives,
    /// The payload of one event in 10 is copied.
    Copies,
    /// Rules never end.
    KeepsRules,
    /// Quiet is told at once.
    IsHasty,
    /// The deadline of a shutdown is ignored.
    IsPatient,
    /// Priorities are taken for equal.
    Flattens,
    /// A full queue refuses the publisher that asked to wait.
    NeverWaits,
    /// A full queue makes the publisher wait that asked to be refused.
    NeverRefuses,
}

impl Mutation {
    pub(crate) const ALL: [Self; 15] = [
        Self::Drops,
        Self::Doubles,
        Self::Misleads,
        Self::Exchanges,
        Self::Holds,
        Self::Forgets,
        Self::Reverses,
        Self::Forgives,
        Self::Copies,
        Self::KeepsRules,
        Self::IsHasty,
        Self::IsPatient,
        Self::Flattens,
        Self::NeverWaits,
        Self::NeverRefuses,
    ];

    /// The case of the suite that exists for it; others may notice too.
    pub(crate) const fn noticed_by(self) -> &'static str {
        match self {
            Self::None | Self::Drops | Self::Doubles | Self::Forgets => "volume, one by one",
            Self::Misleads | Self::Exchanges => "volume, in batches",
            Self::Holds => "nothing is held",
            Self::Reverses => "order of a publisher",
            Self::Forgives => "failures are counted",
            Self::Copies => "payloads are shared",
            Self::KeepsRules => "rules change at once",
            Self::IsHasty => "quiet means all",
            Self::IsPatient => "shutdown has a deadline",
            Self::Flattens => "the urgent overtake",
            Self::NeverWaits => "a full queue makes wait",
            Self::NeverRefuses => "a full queue refuses",
        }
    }
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "does nothing wrong",
            Self::Drops => "drops",
            Self::Doubles => "doubles",
            Self::Misleads => "misleads",
            Self::Exchanges => "exchanges",
            Self::Holds => "holds_events",
            Self::Forgets => "forgets",
            Self::Reverses => "reverses",
            Self::Forgives => "forgives",
            Self::Copies => "copies_payloads",
            Self::KeepsRules => "keeps_rules",
            Self::IsHasty => "is_hasty",
            Self::IsPatient => "is_patient",
            Self::Flattens => "flattens_priorities",
            Self::NeverWaits => "never_waits",
            Self::NeverRefuses => "never_refuses",
        })
    }
}
