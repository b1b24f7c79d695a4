use std::fmt;

use serde::Serialize;

/// Something that not every system offers. Comparisons use what both offer, conformance checks what
/// is declared, and reports list the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Capability {
    /// Routes by rules, which can be added and removed while events flow.
    Rules,
    /// Refuses or obeys the explicit targets of an event.
    ExplicitTargets,
    /// Delivers to one member of a group.
    Groups,
    /// Where events wait, the more urgent overtake, and none starves.
    Priorities,
    /// Queues are bounded, and publishing waits or is told when one is full.
    BackPressure,
    /// Publishing tells how many deliveries it led to.
    DeliveryCounts,
    /// A more urgent event may displace a waiting one ([`OnFull::DropLowest`](super::OnFull::DropLowest)).
    DropLowest,
    /// Groups choose by every [`Strategy`](super::Strategy), not in rounds only.
    Balancing,
    /// An event whose id was seen before is recognized.
    Deduplication,
    /// An event is delivered at its scheduled moment.
    Scheduling,
    /// What waits for too long is not begun any more.
    EventTimeouts,
    /// A handler that takes too long has failed, and is stopped.
    HandlerTimeouts,
    /// Failed deliveries are tried again, up to a limit.
    Retries,
    /// What was given up can be listed, replayed and purged.
    DeadLetters,
    /// A service that fails is left alone for a while.
    CircuitBreakers,
    /// No more than so many deliveries are in the hands of handlers.
    ConcurrencyLimit,
    /// A handler that panics has failed, and harms no other service.
    PanicIsolation,
    /// The events that it holds take no more than so many bytes: what would is refused.
    ByteBudget,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Rules,
        Self::ExplicitTargets,
        Self::Groups,
        Self::Priorities,
        Self::BackPressure,
        Self::DeliveryCounts,
        Self::DropLowest,
        Self::Balancing,
        Self::Deduplication,
        Self::Scheduling,
        Self::EventTimeouts,
        Self::HandlerTimeouts,
        Self::Retries,
        Self::DeadLetters,
        Self::CircuitBreakers,
        Self::ConcurrencyLimit,
        Self::PanicIsolation,
        Self::ByteBudget,
    ];

    /// The name in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::ExplicitTargets => "explicit targets",
            Self::Groups => "groups",
            Self::Priorities => "priorities",
            Self::BackPressure => "back-pressure",
            Self::DeliveryCounts => "delivery counts",
            Self::DropLowest => "drop-lowest",
            Self::Balancing => "balancing",
            Self::Deduplication => "de-duplication",
            Self::Scheduling => "scheduling",
            Self::EventTimeouts => "event time-outs",
            Self::HandlerTimeouts => "handler time-outs",
            Self::Retries => "retries",
            Self::DeadLetters => "dead letters",
            Self::CircuitBreakers => "circuit breakers",
            Self::ConcurrencyLimit => "concurrency limit",
            Self::PanicIsolation => "panic isolation",
            Self::ByteBudget => "byte budget",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a system declares that it offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Capabilities(&'static [Capability]);

impl Capabilities {
    /// Exactly these.
    pub const fn of(offered: &'static [Capability]) -> Self {
        Self(offered)
    }

    /// Whether this one is offered.
    pub fn offers(self, capability: Capability) -> bool {
        self.0.contains(&capability)
    }

    /// What is offered.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        self.0.iter().copied()
    }

    /// What is not offered.
    pub fn missing(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.into_iter().filter(move |&capability| !self.offers(capability))
    }
}
