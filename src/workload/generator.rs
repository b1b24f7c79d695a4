use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use crucible_events::event::{Event, EventId, EventKind, Priority, Timestamp};

use super::draw::Draw;
use super::mix::{Conversations, Deck, KIND_SHARES, PRIORITY_SHARES, Sources};
use super::payload::PayloadWriter;
use super::vocabulary;

/// When the first event of every workload was created: 2026-01-01T00:00:00Z. The others follow one
/// microsecond apart; when they are sent is not for the events to say.
pub const EPOCH: Timestamp = Timestamp(1_767_225_600_000_000_000);

/// Random as UUIDs of version 4 are, and never nil, because these bits are set.
pub(super) fn draw_id(draw: &mut Draw) -> EventId {
    const CLEARED: u128 = 0xf000_c000_0000_0000_0000;
    const VERSION_AND_VARIANT: u128 = 0x4000_8000_0000_0000_0000;
    EventId(draw.u128() & !CLEARED | VERSION_AND_VARIANT)
}

/// Events without end.
#[derive(Debug)]
pub(super) struct Generator {
    draw: Draw,
    kinds: Deck<EventKind>,
    priorities: Deck<Priority>,
    sources: Sources,
    payloads: PayloadWriter,
    conversations: Conversations,
    made: u64,
}

impl Generator {
    /// Part of the events that carry metadata.
    const ANNOTATED_PERCENT: u32 = 20;

    pub(super) fn new(payload_sizes: RangeInclusive<usize>, seed: u64) -> Self {
        Self {
            draw: Draw::new(seed, 0),
            kinds: Deck::new(&KIND_SHARES),
            priorities: Deck::new(&PRIORITY_SHARES),
            sources: Sources::new(),
            payloads: PayloadWriter::new(payload_sizes, Draw::new(seed, 1), Draw::new(seed, 2)),
            conversations: Conversations::default(),
            made: 0,
        }
    }

    fn metadata(&mut self) -> Option<Arc<BTreeMap<String, String>>> {
        if !self.draw.chance(Self::ANNOTATED_PERCENT) {
            return None;
        }
        let user = (*self.draw.pick(vocabulary::USERS)).to_owned();
        let mut entries = BTreeMap::from([("user".to_owned(), user)]);
        if self.draw.chance(50) {
            entries.insert("trace".to_owned(), format!("{:016x}", self.draw.u64()));
        }
        Some(Arc::new(entries))
    }
}

impl Iterator for Generator {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let kind = self.kinds.next(&mut self.draw);
        let source = self.sources.next(&kind, &mut self.draw);
        let created_at = Timestamp(EPOCH.0 + self.made * 1_000);
        let payload = self.payloads.write(&kind, &mut self.draw);
        let mut event = Event::new(draw_id(&mut self.draw), kind, source, created_at, payload);
        event.priority = self.priorities.next(&mut self.draw);
        event.metadata = self.metadata();
        self.conversations.place(&mut event, &mut self.draw);
        self.made += 1;
        Some(event)
    }
}
