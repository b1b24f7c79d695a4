use serde::{Deserialize, Serialize};

use super::{Event, EventId, EventKind, Name};

/// Bounds on the parts of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest payload, in bytes.
    pub payload_bytes: usize,
    /// Longest name of a source, target or custom kind, in bytes.
    pub name_bytes: usize,
    /// Most explicit targets.
    pub targets: usize,
    /// Most metadata entries.
    pub metadata_entries: usize,
    /// Most bytes in all metadata keys and values together.
    pub metadata_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            payload_bytes: 10 * 1024 * 1024,
            name_bytes: 255,
            targets: 1024,
            metadata_entries: 64,
            metadata_bytes: 64 * 1024,
        }
    }
}

/// What is wrong with an event, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum Invalid {
    #[error("id: nil, but every event has an id of its own")]
    NilId,
    #[error("{field}: empty")]
    EmptyName { field: &'static str },
    #[error("{field}: {len} bytes, at most {limit} are allowed")]
    LongName { field: &'static str, len: usize, limit: usize },
    #[error("kind: custom kind `{0}` has the name of a built-in kind")]
    CustomKindTaken(Name),
    #[error("payload: {len} bytes, at most {limit} are allowed")]
    PayloadTooLarge { len: usize, limit: usize },
    #[error("targets: {count}, at most {limit} are allowed")]
    TooManyTargets { count: usize, limit: usize },
    #[error("metadata: {count} entries, at most {limit} are allowed")]
    TooMuchMetadata { count: usize, limit: usize },
    #[error("metadata: {len} bytes in all, at most {limit} are allowed")]
    LargeMetadata { len: usize, limit: usize },
    #[error("scheduled_at: before created_at")]
    ScheduledBeforeCreated,
    #[error("retry_count: {count} exceeds retry_limit {limit}")]
    RetriesExceedLimit { count: u16, limit: u16 },
    #[error("correlation_id or causation_id: nil; leave it out instead")]
    NilReference,
}

impl Limits {
    /// Checks everything that an event's types leave open. Allocates nothing unless it fails.
    ///
    /// # Errors
    /// The first thing found wrong.
    #[inline]
    pub fn check(&self, event: &Event) -> Result<(), Invalid> {
        if self.is_plain_and_sound(event) { Ok(()) } else { self.check_each(event) }
    }

    /// At a glance, without branches: of most events nothing more needs to be looked at. They have no explicit
    /// targets.
    #[inline(always)]
    pub(crate) fn is_plain_and_sound(&self, event: &Event) -> bool {
        let plain = event.targets.is_empty()
            & event.metadata.is_none()
            & event.scheduled_at.is_none()
            & (event.correlation_id != Some(EventId::NIL))
            & (event.causation_id != Some(EventId::NIL))
            & !matches!(event.kind, EventKind::Custom(_));
        plain
            & (event.id != EventId::NIL)
            & (event.source.len().wrapping_sub(1) < self.name_bytes)
            & (event.payload.len() <= self.payload_bytes)
            & (event.retry_count <= event.retry_limit)
    }

    /// All that [`Limits::check`] asks for, one by one.
    pub(crate) fn check_each(&self, event: &Event) -> Result<(), Invalid> {
        if event.id == EventId::NIL {
            return Err(Invalid::NilId);
        }
        self.check_name("source", &event.source)?;
        if let EventKind::Custom(name) = &event.kind {
            self.check_custom_kind(name)?;
        }
        let len = event.payload.len();
        if len > self.payload_bytes {
            return Err(Invalid::PayloadTooLarge { len, limit: self.payload_bytes });
        }
        if !event.targets.is_empty() {
            self.check_targets(event)?;
        }
        if event.metadata.is_some() {
            self.check_metadata(event)?;
        }
        if event.scheduled_at.is_some_and(|at| at < event.created_at) {
            return Err(Invalid::ScheduledBeforeCreated);
        }
        if event.retry_count > event.retry_limit {
            return Err(Invalid::RetriesExceedLimit { count: event.retry_count, limit: event.retry_limit });
        }
        if event.correlation_id == Some(EventId::NIL) || event.causation_id == Some(EventId::NIL) {
            return Err(Invalid::NilReference);
        }
        Ok(())
    }

    /// Checks the name of a service, group, rule or source.
    ///
    /// # Errors
    /// [`Invalid::EmptyName`] or [`Invalid::LongName`], with `field` as the place.
    pub fn check_name(&self, field: &'static str, name: &str) -> Result<(), Invalid> {
        match name.len() {
            0 => Err(Invalid::EmptyName { field }),
            len if len > self.name_bytes => Err(Invalid::LongName { field, len, limit: self.name_bytes }),
            _ => Ok(()),
        }
    }

    pub(crate) fn check_custom_kind(&self, name: &Name) -> Result<(), Invalid> {
        self.check_name("kind", name)?;
        match EventKind::built_in(name) {
            Some(_) => Err(Invalid::CustomKindTaken(name.clone())),
            None => Ok(()),
        }
    }

    fn check_targets(&self, event: &Event) -> Result<(), Invalid> {
        let count = event.targets.len();
        if count > self.targets {
            return Err(Invalid::TooManyTargets { count, limit: self.targets });
        }
        event.targets.iter().try_for_each(|target| self.check_name("targets", target.name()))
    }

    fn check_metadata(&self, event: &Event) -> Result<(), Invalid> {
        let Some(metadata) = &event.metadata else {
            return Ok(());
        };
        if metadata.len() > self.metadata_entries {
            return Err(Invalid::TooMuchMetadata { count: metadata.len(), limit: self.metadata_entries });
        }
        if metadata.keys().any(String::is_empty) {
            return Err(Invalid::EmptyName { field: "metadata key" });
        }
        let len = metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
        if len > self.metadata_bytes {
            return Err(Invalid::LargeMetadata { len, limit: self.metadata_bytes });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Payload, Target, Timestamp};
    use std::sync::Arc;

    fn sound() -> Event {
        let payload = Payload::Binary(vec![0; 100].into());
        Event::new(EventId(1), EventKind::Metrics, "probe", Timestamp(10), payload)
    }

    fn refusal(limits: &Limits, change: impl FnOnce(&mut Event)) -> String {
        let mut event = sound();
        change(&mut event);
        limits.check(&event).expect_err("refused").to_string()
    }

    #[test]
    fn a_sound_event_passes_at_the_very_limit() {
        let limits = Limits { payload_bytes: 100, name_bytes: 5, ..Limits::default() };
        assert_eq!(limits.check(&sound()), Ok(()));
        let limits = Limits { payload_bytes: 99, ..limits };
        assert!(limits.check(&sound()).is_err());
    }

    #[test]
    fn each_fault_is_refused_with_what_and_where() {
        let l =
            Limits { name_bytes: 8, targets: 1, metadata_entries: 1, metadata_bytes: 4, ..Limits::default() };
        let meta = |entries: &[(&str, &str)]| {
            Some(Arc::new(entries.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()))
        };
        let target = |name: &str| Target::Service(name.into());
        assert_eq!(refusal(&l, |e| e.id = EventId::NIL), "id: nil, but every event has an id of its own");
        assert_eq!(refusal(&l, |e| e.source = "".into()), "source: empty");
        assert_eq!(refusal(&l, |e| e.source = "123456789".into()), "source: 9 bytes, at most 8 are allowed");
        assert!(refusal(&l, |e| e.kind = EventKind::Custom("".into())).contains("kind: empty"));
        assert!(
            refusal(&Limits::default(), |e| e.kind = EventKind::Custom("mcp.tool_call".into()))
                .contains("built-in")
        );
        assert_eq!(
            refusal(&l, |e| e.payload = Payload::Binary(vec![0; 10 * 1024 * 1024 + 1].into())),
            "payload: 10485761 bytes, at most 10485760 are allowed"
        );
        assert!(refusal(&l, |e| e.targets = [target("a"), target("b")].into()).contains("targets: 2"));
        assert!(refusal(&l, |e| e.targets = [target("")].into()).contains("targets: empty"));
        assert!(refusal(&l, |e| e.metadata = meta(&[("a", ""), ("b", "")])).contains("2 entries"));
        assert!(refusal(&l, |e| e.metadata = meta(&[("", "x")])).contains("metadata key: empty"));
        assert!(refusal(&l, |e| e.metadata = meta(&[("a", "1234")])).contains("5 bytes in all"));
        assert!(refusal(&l, |e| e.scheduled_at = Some(Timestamp(9))).contains("scheduled_at"));
        assert!(refusal(&l, |e| (e.retry_count, e.retry_limit) = (2, 1)).contains("retry_count: 2"));
        assert!(refusal(&l, |e| e.causation_id = Some(EventId::NIL)).contains("nil"));
    }
}
