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
    /// A delivery is tried once more than it may.
    RetriesOnceMore,
    /// A service gets nothing else before a failed delivery was tried again.
    RetriesInPlace,
    /// Events do not tell how often they were tried.
    ForgetsRetries,
    /// One failure fails all of its batch.
    FailsAll,
    /// Retries come in half the time.
    Hurries,
    /// Retries take twice their time.
    Dawdles,
    /// The youngest dead letter is not listed.
    LosesLetters,
    /// What was replayed stays a dead letter.
    KeepsReplayed,
    /// A dead letter is replayed to its service twice.
    ReplaysTwice,
    /// A replay that finds nobody, or no room, is told accepted.
    ReplaysToNobody,
    /// Purging does nothing.
    PurgesNothing,
    /// One dead letter less is kept than the terms say.
    KeepsFewer,
    /// Duplicates are told accepted.
    AcceptsTwice,
    /// Duplicates are not counted.
    UncountsDuplicates,
    /// The window has one entry less than the terms say.
    ForgetsEarly,
    /// The window's time is a second less than the terms say.
    ForgetsSoon,
    /// What was refused or turned away counts as seen.
    RemembersAll,
    /// Deliveries expire after half the event time-out.
    ExpiresEarly,
    /// Deliveries expire after twice the event time-out.
    ExpiresLate,
    /// Handlers are stopped after half their time-out.
    StopsEarly,
    /// Handlers that were stopped go on.
    LetsGoOn,
    /// A service's own time-out is ignored.
    IgnoresOwnTime,
    /// A time-out of nothing is taken for none.
    TakesNoTime,
    /// Scheduled events are delivered at once.
    IgnoresSchedule,
    /// Moments are rounded up to seconds.
    RoundsMoments,
    /// A moment that has passed is taken for one to come.
    DelaysThePast,
    /// A breaker opens one failure too early.
    OpensEarly,
    /// A breaker opens one failure too late.
    OpensLate,
    /// A breaker is open for half its time.
    TriesEarly,
    /// A breaker is open for twice its time.
    TriesLate,
    /// One probe more is handed over than the terms say.
    TriesMore,
    /// Everybody is told healthy.
    SaysAllIsWell,
    /// Every group goes in rounds.
    IgnoresStrategy,
    /// Chance has another seed.
    Reseeds,
    /// Weights of nothing are taken for equal ones.
    WeighsNothing,
    /// Back-pressure is told accepted.
    SaysAccepted,
    /// No delivery makes room for another.
    NeverDrops,
    /// One delivery more is in hands than the terms say.
    Overloads,
    /// A panic is taken for an acknowledgement.
    ExcusesPanics,
    /// The terms say nothing.
    KeepsItsTerms,
    /// Statistics count no trouble.
    HidesTrouble,
    /// Of the events that it keeps its gauges tell.
    TellsWhatItHolds,
    /// More bytes are held than the terms say.
    Overspends,
    /// Some bytes are never given back.
    KeepsBytes,
    /// The bytes of what waits for a retry are not counted.
    UncountsRetries,
    /// What did not fit into the budget counts as seen.
    RemembersWhatDidNotFit,
    /// A strategy that is not offered is taken for rounds.
    PassesForBalanced,
}

impl Mutation {
    /// Those of a system that has a byte budget.
    pub(crate) const WITH_BUDGET: [Self; 4] =
        [Self::Overspends, Self::KeepsBytes, Self::UncountsRetries, Self::RemembersWhatDidNotFit];

    /// Those of a system that offers everything else.
    pub(crate) const ALL: [Self; 57] = [
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
        Self::RetriesOnceMore,
        Self::RetriesInPlace,
        Self::ForgetsRetries,
        Self::FailsAll,
        Self::Hurries,
        Self::Dawdles,
        Self::LosesLetters,
        Self::KeepsReplayed,
        Self::ReplaysTwice,
        Self::ReplaysToNobody,
        Self::PurgesNothing,
        Self::KeepsFewer,
        Self::AcceptsTwice,
        Self::UncountsDuplicates,
        Self::ForgetsEarly,
        Self::ForgetsSoon,
        Self::RemembersAll,
        Self::ExpiresEarly,
        Self::ExpiresLate,
        Self::StopsEarly,
        Self::LetsGoOn,
        Self::IgnoresOwnTime,
        Self::TakesNoTime,
        Self::IgnoresSchedule,
        Self::RoundsMoments,
        Self::DelaysThePast,
        Self::OpensEarly,
        Self::OpensLate,
        Self::TriesEarly,
        Self::TriesLate,
        Self::TriesMore,
        Self::SaysAllIsWell,
        Self::IgnoresStrategy,
        Self::Reseeds,
        Self::WeighsNothing,
        Self::SaysAccepted,
        Self::NeverDrops,
        Self::Overloads,
        Self::ExcusesPanics,
        Self::KeepsItsTerms,
        Self::HidesTrouble,
        Self::TellsWhatItHolds,
    ];

    /// The cases of the suite that exist for it, each of which has to notice; others may notice too.
    pub(crate) const fn noticed_by(self) -> &'static [&'static str] {
        match self {
            Self::None | Self::Drops | Self::Doubles | Self::Forgets => &["volume, one by one"],
            Self::Misleads | Self::Exchanges => &["volume, in batches"],
            Self::Holds => &["nothing is held"],
            Self::Reverses => &["order of a publisher"],
            Self::Forgives => &["failures are counted"],
            Self::Copies => &["payloads are shared"],
            Self::KeepsRules => &["rules change at once"],
            Self::IsHasty => &["quiet means all"],
            Self::IsPatient => &["shutdown has a deadline", "due after the end"],
            Self::Flattens => &["the urgent overtake"],
            Self::NeverWaits => &["a full queue makes wait"],
            Self::NeverRefuses => &["a full queue refuses"],
            Self::RetriesOnceMore => &["as often as it may"],
            Self::RetriesInPlace => &["a retry holds up nobody"],
            Self::ForgetsRetries => &["a failure is tried again"],
            Self::FailsAll => &["only what failed"],
            Self::Hurries => &["waits between tries"],
            Self::Dawdles => &["waits between tries"],
            Self::LosesLetters => &["given up, not lost", "the lowest makes room"],
            Self::KeepsReplayed => &["replay"],
            Self::ReplaysTwice => &["replay"],
            Self::ReplaysToNobody => &["replay to nobody", "replay without room"],
            Self::PurgesNothing => &["purge"],
            Self::KeepsFewer => &["letters are bounded"],
            Self::AcceptsTwice => &["a duplicate goes nowhere"],
            Self::UncountsDuplicates => &["a duplicate goes nowhere", "one of many publishers"],
            Self::ForgetsEarly => &["new after others"],
            Self::ForgetsSoon => &["new in time"],
            Self::RemembersAll => &["refused is not seen", "turned away is not seen"],
            Self::ExpiresEarly => &["begun in time"],
            Self::ExpiresLate => &["not begun in time", "late from when it is due"],
            Self::StopsEarly => &["a handler that stalls"],
            Self::LetsGoOn => &["a handler that stalls"],
            Self::IgnoresOwnTime => &["a time-out of its own"],
            Self::TakesNoTime => &["no time at all"],
            Self::IgnoresSchedule => &["scheduled events", "not before its moment", "who waits for a moment"],
            Self::RoundsMoments => &["in order of moments"],
            Self::DelaysThePast => &["a past moment is now"],
            Self::OpensEarly => &["left alone", "a row ends", "panics count together"],
            Self::OpensLate => &["left alone"],
            Self::TriesEarly => &["left alone", "tried and found ill"],
            Self::TriesLate => &["left alone"],
            Self::TriesMore => &["left alone"],
            Self::SaysAllIsWell => &["health is told"],
            Self::IgnoresStrategy => &[
                "weighted random",
                "least connections",
                "health-based",
                "priority-based",
                "nobody is available",
            ],
            Self::Reseeds => &["weighted random"],
            Self::WeighsNothing => &["weights that lead nowhere"],
            Self::SaysAccepted => &["nobody is available", "none is lower"],
            Self::NeverDrops => &["the lowest makes room"],
            Self::Overloads => &["never more in hands"],
            Self::ExcusesPanics => &["a panic is a failure"],
            Self::KeepsItsTerms => &["terms tell what is offered"],
            Self::HidesTrouble => &[
                "the books agree",
                "a failure is tried again",
                "a handler that stalls",
                "a panic is a failure",
                "not begun in time",
                "the lowest makes room",
            ],
            Self::TellsWhatItHolds => &["nothing piles up"],
            Self::Overspends => &["no more than the budget", "a batch at the budget"],
            Self::KeepsBytes => &[
                "no more than the budget",
                "a batch at the budget",
                "held until settled",
                "letters give way",
            ],
            Self::UncountsRetries => &["held until settled"],
            Self::RemembersWhatDidNotFit => &["no more than the budget"],
            Self::PassesForBalanced => &["says what it lacks"],
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
            Self::RetriesOnceMore => "retries_once_more",
            Self::RetriesInPlace => "retries_in_place",
            Self::ForgetsRetries => "forgets_retries",
            Self::FailsAll => "fails_all",
            Self::Hurries => "hurries",
            Self::Dawdles => "dawdles",
            Self::LosesLetters => "loses_letters",
            Self::KeepsReplayed => "keeps_replayed",
            Self::ReplaysTwice => "replays_twice",
            Self::ReplaysToNobody => "replays_to_nobody",
            Self::PurgesNothing => "purges_nothing",
            Self::KeepsFewer => "keeps_fewer",
            Self::AcceptsTwice => "accepts_twice",
            Self::UncountsDuplicates => "uncounts_duplicates",
            Self::ForgetsEarly => "forgets_early",
            Self::ForgetsSoon => "forgets_soon",
            Self::RemembersAll => "remembers_all",
            Self::ExpiresEarly => "expires_early",
            Self::ExpiresLate => "expires_late",
            Self::StopsEarly => "stops_early",
            Self::LetsGoOn => "lets_go_on",
            Self::IgnoresOwnTime => "ignores_own_time",
            Self::TakesNoTime => "takes_no_time",
            Self::IgnoresSchedule => "ignores_schedule",
            Self::RoundsMoments => "rounds_moments",
            Self::DelaysThePast => "delays_the_past",
            Self::OpensEarly => "opens_early",
            Self::OpensLate => "opens_late",
            Self::TriesEarly => "tries_early",
            Self::TriesLate => "tries_late",
            Self::TriesMore => "tries_more",
            Self::SaysAllIsWell => "says_all_is_well",
            Self::IgnoresStrategy => "ignores_strategy",
            Self::Reseeds => "reseeds",
            Self::WeighsNothing => "weighs_nothing",
            Self::SaysAccepted => "says_accepted",
            Self::NeverDrops => "never_drops",
            Self::Overloads => "overloads",
            Self::ExcusesPanics => "excuses_panics",
            Self::KeepsItsTerms => "keeps_its_terms",
            Self::HidesTrouble => "hides_trouble",
            Self::TellsWhatItHolds => "tells_what_it_holds",
            Self::Overspends => "overspends",
            Self::KeepsBytes => "keeps_bytes",
            Self::UncountsRetries => "uncounts_retries",
            Self::RemembersWhatDidNotFit => "remembers_what_did_not_fit",
            Self::PassesForBalanced => "passes_for_balanced",
        })
    }
}
