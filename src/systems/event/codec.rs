//! Events as JSON: `{"id":…,"kind":…,"payload":{"json":…},…}`, fields that are at their default left out.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    DEFAULT_RETRY_LIMIT, Event, EventId, EventKind, Invalid, JsonText, Limits, Name, Payload, PayloadError,
    Priority, Target, Text, Timestamp,
};

/// Why bytes are not an event.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Larger than any event within the limits could be; not even parsed.
    #[error("event of {len} bytes: with these limits at most {limit} can be one")]
    TooLarge {
        /// Size of what arrived, in bytes.
        len: usize,
        /// Size of the largest acceptable encoding, in bytes.
        limit: usize,
    },
    /// Not JSON, or not of an event's shape; line and column say where.
    #[error("event is not readable: {0}")]
    Json(#[from] serde_json::Error),
    /// The payload is not what it says that it is.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The binary payload is not base64.
    #[error("payload is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// An event, but one that breaks a limit.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    id: EventId,
    kind: EventKind,
    #[serde(default, skip_serializing_if = "is_default")]
    priority: Priority,
    source: Name,
    #[serde(default, skip_serializing_if = "no_targets")]
    targets: Arc<[Target]>,
    created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scheduled_at: Option<Timestamp>,
    #[serde(borrow)]
    payload: WirePayload<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata: Option<Arc<BTreeMap<String, String>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlation_id: Option<EventId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    causation_id: Option<EventId>,
    #[serde(default, skip_serializing_if = "is_default")]
    retry_count: u16,
    #[serde(default = "default_retries", skip_serializing_if = "is_default_retries")]
    retry_limit: u16,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WirePayload<'a> {
    #[serde(borrow)]
    Json(&'a RawValue),
    #[serde(borrow)]
    Text(Cow<'a, str>),
    #[serde(borrow)]
    Binary(Cow<'a, str>),
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn no_targets(targets: &Arc<[Target]>) -> bool {
    targets.is_empty()
}

const fn default_retries() -> u16 {
    DEFAULT_RETRY_LIMIT
}

fn is_default_retries(limit: &u16) -> bool {
    *limit == DEFAULT_RETRY_LIMIT
}

/// The event as JSON text.
pub fn encode(event: &Event) -> Bytes {
    let raw: Box<RawValue>;
    let payload = match &event.payload {
        Payload::Json(json) => {
            raw = RawValue::from_string(json.as_str().to_owned()).expect("checked when it was built");
            WirePayload::Json(&raw)
        }
        Payload::Text(text) => WirePayload::Text(text.as_str().into()),
        Payload::Binary(bytes) => WirePayload::Binary(BASE64_STANDARD.encode(bytes).into()),
    };
    let wire = Wire {
        id: event.id,
        kind: event.kind.clone(),
        priority: event.priority,
        source: event.source.clone(),
        targets: event.targets.clone(),
        created_at: event.created_at,
        scheduled_at: event.scheduled_at,
        payload,
        metadata: event.metadata.clone(),
        correlation_id: event.correlation_id,
        causation_id: event.causation_id,
        retry_count: event.retry_count,
        retry_limit: event.retry_limit,
    };
    let mut out = Vec::with_capacity(event.payload.len() + 512);
    serde_json::to_writer(&mut out, &wire).expect("a Vec accepts all bytes, and every field has a text");
    out.into()
}

/// Reads one event and checks it against `limits`. A JSON payload shares the bytes of `wire`.
///
/// # Errors
/// See [`DecodeError`]; every message says what is wrong and where.
pub fn decode(wire: &Bytes, limits: &Limits) -> Result<Event, DecodeError> {
    let limit = largest_encoding(limits);
    if wire.len() > limit {
        return Err(DecodeError::TooLarge { len: wire.len(), limit });
    }
    let read: Wire<'_> = serde_json::from_slice(wire)?;
    let payload = match read.payload {
        WirePayload::Json(raw) => Payload::Json(JsonText::new(wire.slice_ref(raw.get().as_bytes()))?),
        WirePayload::Text(Cow::Borrowed(text)) => Payload::Text(Text::new(wire.slice_ref(text.as_bytes()))?),
        WirePayload::Text(Cow::Owned(text)) => Payload::Text(text.into()),
        WirePayload::Binary(text) => Payload::Binary(BASE64_STANDARD.decode(text.as_bytes())?.into()),
    };
    let event = Event {
        id: read.id,
        kind: read.kind,
        priority: read.priority,
        source: read.source,
        targets: read.targets,
        created_at: read.created_at,
        scheduled_at: read.scheduled_at,
        payload,
        metadata: read.metadata,
        correlation_id: read.correlation_id,
        causation_id: read.causation_id,
        retry_count: read.retry_count,
        retry_limit: read.retry_limit,
    };
    limits.check(&event)?;
    Ok(event)
}

/// Text may escape each byte as `\u00xx`: six for one; the same holds for names and metadata.
fn largest_encoding(limits: &Limits) -> usize {
    let names = limits.name_bytes.saturating_mul(limits.targets.saturating_add(2));
    let content = limits.payload_bytes.saturating_add(limits.metadata_bytes).saturating_add(names);
    let entries = limits.targets.saturating_add(limits.metadata_entries);
    content.saturating_mul(6).saturating_add(entries.saturating_mul(32)).saturating_add(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Event, DecodeError> {
        decode(&Bytes::copy_from_slice(text.as_bytes()), &Limits::default())
    }

    fn with_payload(payload: &str) -> String {
        format!(
            r#"{{"id":"000000000000000000000000000000ff","kind":"filesystem.modify","source":"watcher",
               "created_at":"2026-11-24T08:00:00.000000001Z","payload":{payload}}}"#
        )
    }

    fn full() -> Event {
        let payload = Payload::Json(JsonText::new(r#"{"path":"a.md","n":[1,2.5]}"#).expect("JSON"));
        let mut event =
            Event::new(EventId(7), EventKind::Custom("note.tagged".into()), "vault", Timestamp(1), payload);
        event.priority = Priority::Critical;
        event.targets = [Target::Service("index".into()), Target::Group("sync".into())].into();
        event.scheduled_at = Some(Timestamp(2_000_000_000));
        event.metadata = Some(Arc::new([("user".to_owned(), "zoë \u{1}".to_owned())].into()));
        event.correlation_id = Some(EventId(8));
        event.causation_id = Some(EventId(9));
        event.retry_count = 1;
        event.retry_limit = 9;
        event
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        let mut text = full();
        text.payload = Payload::Text("line\n\"quoted\" ü".to_owned().into());
        let mut binary = full();
        binary.payload = Payload::Binary(Bytes::from_static(&[0, 255, 1]));
        let plain =
            Event::new(EventId(1), EventKind::Metrics, "s", Timestamp(0), Payload::Binary(Bytes::new()));
        let mut spaced = full();
        spaced.payload = Payload::Json(JsonText::new(" \n{ \"n\" : 1 }\t").expect("JSON"));
        for event in [full(), text, binary, plain, spaced] {
            assert_eq!(decode(&encode(&event), &Limits::default()).expect("decodes"), event);
        }
    }

    #[test]
    fn a_json_payload_shares_the_bytes_that_arrived() {
        let wire = encode(&full());
        let event = decode(&wire, &Limits::default()).expect("decodes");
        let inside = wire.as_ptr_range();
        assert!(inside.contains(&event.payload.as_bytes().as_ptr()));
    }

    #[test]
    fn what_is_no_event_is_refused_with_what_and_where() {
        let cases = [
            ("", "line 1 column 0"),
            ("{}", "missing field `id`"),
            (&*with_payload(r#"{"json":{"a":1,"a":2}}"#), "`a` twice"),
            (&with_payload(r#"{"binary":"???"}"#), "base64"),
            (&with_payload(r#"{"yaml":"a: 1"}"#), "unknown variant `yaml`"),
            (&with_payload("{}").replace("ff\"", "fg\""), "32 hexadecimal digits"),
            (&with_payload(r#"{"text":""}"#).replace("2026-11-24T08", "2026-11-24 8"), "is not a moment"),
            (&with_payload(r#"{"text":""}"#).replace("\"watcher\"", "\"\""), "source: empty"),
            (&with_payload(r#"{"text":""}"#).replace("\"kind\"", "\"kindd\""), "unknown field `kindd`"),
        ];
        for (text, why) in cases {
            let refusal = read(text).expect_err(text).to_string();
            assert!(refusal.contains(why), "{text}: {refusal}");
        }
    }

    #[test]
    fn what_is_larger_than_any_event_is_not_even_parsed() {
        let limits =
            Limits { payload_bytes: 10, metadata_bytes: 0, name_bytes: 4, targets: 0, metadata_entries: 0 };
        let wire = Bytes::from(vec![b'{'; largest_encoding(&limits) + 1]);
        assert!(matches!(decode(&wire, &limits), Err(DecodeError::TooLarge { .. })));
    }
}
