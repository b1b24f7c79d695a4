use super::{Event, EventKind, Limits, Target};

/// Of a metadata entry beside its text.
const ENTRY: usize = 2 * size_of::<String>();

impl Event {
    /// The bytes that it keeps in memory: its own fields, its payload, the names of its source, custom kind and
    /// targets, its metadata. What it shares with others counts for each of them; what the allocator rounds up does not
    /// count, nor does the rest of a larger buffer that its payload is a slice of.
    pub fn held_bytes(&self) -> u64 {
        let kind = if let EventKind::Custom(name) = &self.kind { name.len() } else { 0 };
        let target = |target: &Target| size_of::<Target>() + target.name().len();
        let targets: usize = self.targets.iter().map(target).sum();
        let entries = self.metadata.iter().flat_map(|metadata| metadata.iter());
        let metadata: usize = entries.map(|(key, value)| ENTRY + key.len() + value.len()).sum();
        (size_of::<Self>() + self.payload.len() + self.source.len() + kind + targets + metadata) as u64
    }
}

impl Limits {
    /// [`Event::held_bytes`] of the largest event that keeps them.
    pub fn held_bytes(&self) -> u64 {
        let targets = size_of::<Target>().saturating_add(self.name_bytes).saturating_mul(self.targets);
        let metadata = ENTRY.saturating_mul(self.metadata_entries).saturating_add(self.metadata_bytes);
        // The source and a custom kind.
        let names = self.name_bytes.saturating_mul(2);
        let parts = [size_of::<Event>(), self.payload_bytes, names, targets, metadata];
        parts.into_iter().fold(0, |sum: u64, part| sum.saturating_add(part as u64))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::event::{EventId, Payload, Timestamp};

    fn event(payload: usize) -> Event {
        let payload = Payload::Binary(vec![0; payload].into());
        Event::new(EventId(1), EventKind::Metrics, "source", Timestamp(0), payload)
    }

    #[test]
    fn every_part_counts_once() {
        let plain = event(100);
        let own = size_of::<Event>() as u64;
        assert_eq!(plain.held_bytes(), own + 106);
        let custom = Event { kind: EventKind::Custom("custom".into()), ..plain.clone() };
        assert_eq!(custom.held_bytes(), own + 112);
        let targets = [Target::Service("a".into()), Target::Group("bc".into())];
        let targeted = Event { targets: targets.into(), ..plain.clone() };
        assert_eq!(targeted.held_bytes(), own + 106 + 2 * size_of::<Target>() as u64 + 3);
        let metadata = [("key".to_owned(), "value".to_owned())].into();
        let annotated = Event { metadata: Some(Arc::new(metadata)), ..plain };
        assert_eq!(annotated.held_bytes(), own + 106 + ENTRY as u64 + 8);
    }

    #[test]
    fn no_event_that_keeps_the_limits_is_larger_than_these_say() {
        let limits =
            Limits { payload_bytes: 9, name_bytes: 6, targets: 2, metadata_entries: 1, metadata_bytes: 5 };
        let largest = Event {
            kind: EventKind::Custom("custom".into()),
            targets: ["target", "others"].map(|name| Target::Service(name.into())).into(),
            metadata: Some(Arc::new([("k".to_owned(), "four".to_owned())].into())),
            ..event(9)
        };
        assert_eq!(limits.check(&largest), Ok(()));
        assert_eq!(limits.held_bytes(), largest.held_bytes());
        assert_eq!(Limits { payload_bytes: usize::MAX, ..limits }.held_bytes(), u64::MAX);
    }
}
