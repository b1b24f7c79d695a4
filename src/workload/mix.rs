use crucible_events::event::{Event, EventKind, Name, Priority};

use super::draw::Draw;
use super::vocabulary;

/// Events of each kind in any 100 in a row (R3.2): filesystem 30, database 25, external 20, MCP 10,
/// service 10, system 5. Within a category the split is ours: edits outnumber new files, reads
/// outnumber writes, heartbeats outnumber changes of state.
pub static KIND_SHARES: [(EventKind, u32); 17] = [
    (EventKind::FileCreated, 6),
    (EventKind::FileModified, 16),
    (EventKind::FileDeleted, 4),
    (EventKind::FileMoved, 4),
    (EventKind::RecordCreated, 5),
    (EventKind::RecordRead, 10),
    (EventKind::RecordUpdated, 8),
    (EventKind::RecordDeleted, 2),
    (EventKind::ApiCall, 9),
    (EventKind::Webhook, 6),
    (EventKind::Notification, 5),
    (EventKind::ToolCall, 7),
    (EventKind::ResourceRequest, 3),
    (EventKind::HealthCheck, 7),
    (EventKind::StatusChange, 3),
    (EventKind::Metrics, 4),
    (EventKind::ConfigurationChange, 1),
];

/// Events of each priority in any 100 in a row, whatever their kind, so that every lane sees every
/// kind. Urgent is the exception, or it would mean nothing; the split is ours.
pub static PRIORITY_SHARES: [(Priority, u32); 4] =
    [(Priority::Critical, 2), (Priority::High, 13), (Priority::Normal, 70), (Priority::Low, 15)];

/// Draws without putting back, and begins anew when all are drawn: shares hold exactly over every
/// whole deck, so that 100 events already have the mix that 100,000 have.
#[derive(Debug)]
pub(super) struct Deck<T> {
    cards: Vec<T>,
    drawn: usize,
}

impl<T: Clone> Deck<T> {
    /// As many cards as the shares add up to.
    pub(super) fn new(shares: &[(T, u32)]) -> Self {
        let cards: Vec<T> =
            shares.iter().flat_map(|(card, share)| (0..*share).map(move |_| card.clone())).collect();
        Self { drawn: cards.len(), cards }
    }

    pub(super) fn next(&mut self, draw: &mut Draw) -> T {
        if self.drawn == self.cards.len() {
            draw.shuffle(&mut self.cards);
            self.drawn = 0;
        }
        self.drawn += 1;
        self.cards[self.drawn - 1].clone()
    }
}

/// Who emits which kind; names are shared among events as a service of one process would share them.
#[derive(Debug)]
pub(super) struct Sources(Vec<Vec<(Name, u32)>>);

impl Sources {
    pub(super) fn new() -> Self {
        let named = |kind| vocabulary::sources(kind).iter().map(|&(name, weight)| (name.into(), weight));
        Self(EventKind::BUILT_IN.iter().map(|kind| named(kind).collect()).collect())
    }

    pub(super) fn next(&self, kind: &EventKind, draw: &mut Draw) -> Name {
        draw.weighted(&self.0[kind.ordinal()]).clone()
    }
}

/// Gives events something to refer to: the last few that were made.
#[derive(Debug, Default)]
pub(super) struct Conversations {
    recent: Vec<Origin>,
    made: usize,
}

#[derive(Debug, Clone, Copy)]
struct Origin {
    event: crucible_events::event::EventId,
    conversation: crucible_events::event::EventId,
}

impl Conversations {
    /// Replies come soon: within this many events.
    const REACH: usize = 32;
    /// Share of events that another one caused, and that belong to its conversation.
    const CAUSED_PERCENT: u32 = 25;
    /// Share of the other events that belong to a conversation without naming their cause.
    const JOINED_PERCENT: u32 = 10;

    /// Sets the correlation and causation of an event, then remembers it.
    pub(super) fn place(&mut self, event: &mut Event, draw: &mut Draw) {
        let (caused, joined) = (draw.chance(Self::CAUSED_PERCENT), draw.chance(Self::JOINED_PERCENT));
        if !self.recent.is_empty() && (caused || joined) {
            let origin = *draw.pick(&self.recent);
            event.correlation_id = Some(origin.conversation);
            event.causation_id = caused.then_some(origin.event);
        }
        self.remember(Origin { event: event.id, conversation: event.correlation_id.unwrap_or(event.id) });
    }

    fn remember(&mut self, origin: Origin) {
        match self.recent.get_mut(self.made % Self::REACH) {
            Some(oldest) => *oldest = origin,
            None => self.recent.push(origin),
        }
        self.made += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crucible_events::event::Category;

    #[test]
    fn shares_are_those_of_the_requirement() {
        let share = |category| -> u32 {
            let of_it = KIND_SHARES.iter().filter(|(kind, _)| kind.category() == category);
            of_it.map(|(_, share)| share).sum()
        };
        assert_eq!(Category::ALL.map(share), [30, 25, 20, 10, 10, 5, 0]);
        assert_eq!(PRIORITY_SHARES.iter().map(|(_, share)| share).sum::<u32>(), 100);
    }

    #[test]
    fn a_deck_holds_its_shares_over_every_round() {
        let (mut deck, mut draw) = (Deck::new(&[('a', 2), ('b', 3)]), Draw::new(5, 0));
        let mut orders = std::collections::BTreeSet::new();
        for _ in 0..20 {
            let round: String = (0..5).map(|_| deck.next(&mut draw)).collect();
            assert_eq!(round.matches('a').count(), 2, "{round}");
            orders.insert(round);
        }
        assert!(orders.len() > 3, "{orders:?}");
    }
}
