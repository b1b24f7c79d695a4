use crate::event::EventId;

/// An event that was published, and its deliveries.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) id: EventId,
    pub(super) publisher: usize,
    pub(super) lane: usize,
    pub(super) bytes: u64,
    pub(super) retry_limit: u16,
    /// How many events led to it: 0 from a publisher, 1 from a handler of such a one, …
    pub(super) generation: u32,
    pub(super) called_at: u64,
    /// How often it had been in doubt by then what waits.
    pub(super) doubts: u64,
    /// Whether the system was shutting down already.
    pub(super) closed: bool,
    pub(super) answered_at: Option<u64>,
    /// When it is due, if later than it was published.
    pub(super) due: Option<u64>,
    pub(super) expected: Expected,
    pub(super) deliveries: Vec<Delivery>,
    /// Services of which any may get one of the deliveries, since the choice depends on a load that is not known.
    pub(super) loose: Vec<usize>,
    /// How many groups these are of.
    pub(super) loose_groups: usize,
    /// Deliveries that the answer announced.
    pub(super) told: u64,
}

/// What the answer has to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expected {
    Refused(crate::routing::Refusal),
    Duplicate,
    /// Refused: there is no room for its bytes; but if all of these services, which are all that it is for, are full,
    /// that is what is told. 0: it is not for services alone.
    OverBudget {
        all: u32,
    },
    /// That many groups have no member available.
    Routed {
        unavailable: u32,
    },
}

/// An event and a service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delivery {
    pub(super) actor: usize,
    /// 0, then one more for each replay.
    pub(super) life: u32,
    pub(super) fate: Fate,
    /// Tries that failed.
    pub(super) failures: u16,
    /// Not to be begun before; promptly begun after; since this life or try began.
    pub(super) not_before: u64,
    pub(super) ready_at: Option<u64>,
    /// Not to be begun after, if it is known when it was accepted.
    pub(super) deadline: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// For its first try or the next; or it never was accepted, or has expired.
    Waiting,
    InHand,
    Acknowledged,
    Failed,
    Dead,
    Displaced,
    /// It was in hand at shutdown's deadline.
    Abandoned,
}

impl Delivery {
    /// Not to be begun before this moment.
    pub(super) fn new(actor: usize, not_before: u64) -> Self {
        Self { actor, life: 0, fate: Fate::Waiting, failures: 0, not_before, ready_at: None, deadline: None }
    }
}

impl Published {
    /// How many of the deliveries that publishing accepted were seen: begun, or displaced.
    pub(super) fn seen(&self) -> u64 {
        let seen = |delivery: &&Delivery| {
            delivery.life == 0 && (delivery.failures > 0 || delivery.fate != Fate::Waiting)
        };
        self.deliveries.iter().filter(seen).count() as u64
    }

    /// The delivery to this service that is under way, or was the last.
    pub(super) fn delivery_to(&self, actor: usize) -> Option<usize> {
        self.deliveries.iter().rposition(|delivery| delivery.actor == actor)
    }
}
