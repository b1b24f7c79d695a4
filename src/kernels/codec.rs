//! The way in and out: bytes to event, event to bytes, and the check in between.

use std::hint::black_box;

use bytes::Bytes;
use crucible_events::event::{
    Event, EventId, EventKind, JsonText, Limits, Payload, Timestamp, decode as read, encode as write,
};

use super::{Prepared, Work};

/// One batch: the size in which events are published elsewhere, too.
const EVENTS: u64 = 64;
const PAYLOAD_BYTES: usize = 1024;

/// 64 events from JSON; the payload stays in the bytes that arrived.
pub(super) fn decode() -> Prepared {
    let events = events();
    let wires: Vec<Bytes> = events.iter().map(write).collect();
    let limits = Limits::default();
    let mut expected = Work::NONE;
    for (event, wire) in events.iter().zip(&wires) {
        assert_eq!(read(wire, &limits).as_ref().ok(), Some(event), "what was encoded is decoded");
        expected.add(event.id, wire.len());
    }
    let run = move || {
        let mut work = Work::NONE;
        for wire in &wires {
            if let Ok(event) = read(black_box(wire), &limits) {
                work.add(event.id, wire.len());
                black_box(event);
            }
        }
        work
    };
    Prepared::new(run, expected)
}

/// 64 events to JSON.
pub(super) fn encode() -> Prepared {
    let events = events();
    let mut expected = Work::NONE;
    for event in &events {
        let wire = write(event);
        assert_eq!(read(&wire, &Limits::default()).as_ref().ok(), Some(event), "what was encoded is decoded");
        expected.add(event.id, wire.len());
    }
    let run = move || {
        let mut work = Work::NONE;
        for event in &events {
            let wire = write(black_box(event));
            work.add(event.id, wire.len());
            black_box(wire);
        }
        work
    };
    Prepared::new(run, expected)
}

/// 64 sound events through every check; `deliveries` counts those that passed.
pub(super) fn validate() -> Prepared {
    let events = events();
    let limits = Limits::default();
    let mut expected = Work::NONE;
    for event in &events {
        expected.add(event.id, 0);
    }
    let run = move || {
        let mut work = Work::NONE;
        for event in &events {
            if limits.check(black_box(event)).is_ok() {
                work.add(event.id, 0);
            }
        }
        work
    };
    Prepared::new(run, expected)
}

impl Work {
    const NONE: Self = Self { events: 0, deliveries: 0, bytes: 0, checksum: 0 };

    /// One event that came through. The odd factor spreads neighbouring ids, so that two wrong ones do not cancel.
    fn add(&mut self, id: EventId, bytes: usize) {
        self.events += 1;
        self.deliveries += 1;
        self.bytes += bytes as u64;
        self.checksum = self.checksum.wrapping_add((id.0 as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }
}

fn events() -> Vec<Event> {
    (1..=EVENTS).map(event).collect()
}

/// A note was modified: the commonest event of the mix, with everything that validation looks at.
fn event(number: u64) -> Event {
    let head = format!(r#"{{"path":"notes/{number:04}.md","size":{},"text":""#, number * 17);
    let tail = r#""}"#;
    let text = "lorem ipsum dolor ".chars().cycle().take(PAYLOAD_BYTES - head.len() - tail.len());
    let json =
        JsonText::new(format!("{head}{}{tail}", text.collect::<String>())).expect("JSON by construction");
    let id = EventId(u128::from(number) << 64 | u128::from(number));
    let mut event = Event::new(
        id,
        EventKind::FileModified,
        "vault-watcher",
        Timestamp(1_700_000_000_000_000_000 + number),
        Payload::Json(json),
    );
    event.correlation_id = Some(EventId(7));
    event
}
