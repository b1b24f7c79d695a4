use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use crucible_events::event::{Event, EventId, EventKind, Limits, Payload, Priority, Target, Timestamp};

use super::json::json;
use super::{any_text, kind, longest_in_json, rarely, source, target, up_to};

/// The default limits, or ones that this event just keeps or just breaks.
pub fn limits_for(event: &Event, bytes: &mut Unstructured<'_>) -> Result<Limits> {
    if rarely(bytes)? {
        return Ok(Limits::default());
    }
    let mut near = |size: usize| {
        Ok(match bytes.int_in_range(0..=15_u8)? {
            0 => size.saturating_sub(1),
            1..=7 => size,
            8..=14 => size + 1,
            _ => usize::MAX,
        })
    };
    let targets = event.targets.iter().map(|target| target.name().len());
    let kind = if let EventKind::Custom(name) = &event.kind { name.len() } else { 0 };
    let longest_name = targets.chain([event.source.len(), kind]).max().unwrap_or(0);
    let metadata = event.metadata.as_deref();
    let entries = metadata.into_iter().flatten().map(|(key, value)| key.len() + value.len());
    Ok(Limits {
        payload_bytes: near(event.payload.len())?,
        name_bytes: near(longest_name)?,
        targets: near(event.targets.len())?,
        metadata_entries: near(entries.clone().count())?,
        metadata_bytes: near(entries.sum())?,
    })
}

/// An event within the default limits.
pub fn event(bytes: &mut Unstructured<'_>) -> Result<Event> {
    let id = EventId(u128::from(bytes.arbitrary::<u64>()?) + 1);
    let (kind, source) = (kind(bytes)?, source(bytes)?);
    let created_at = Timestamp(bytes.arbitrary()?);
    let mut event = Event::new(id, kind, source, created_at, payload(bytes)?);
    event.priority = *bytes.choose(&Priority::ALL)?;
    event.targets = up_to(4, bytes, target)?.into();
    if rarely(bytes)? {
        event.scheduled_at = Some(Timestamp(bytes.int_in_range(created_at.0..=u64::MAX)?));
    }
    if rarely(bytes)? {
        let entry =
            |bytes: &mut Unstructured<'_>| Ok((format!("k{}", any_text(bytes, 8)?), any_text(bytes, 24)?));
        event.metadata = Some(Arc::new(up_to(5, bytes, entry)?.into_iter().collect()));
    }
    if rarely(bytes)? {
        event.correlation_id = Some(EventId(u128::from(bytes.arbitrary::<u64>()?) + 1));
        event.causation_id = Some(EventId(u128::MAX));
    }
    if rarely(bytes)? {
        event.retry_limit = bytes.arbitrary()?;
        event.retry_count = bytes.int_in_range(0..=event.retry_limit)?;
    }
    Ok(event)
}

fn payload(bytes: &mut Unstructured<'_>) -> Result<Payload> {
    Ok(match bytes.int_in_range(0..=9_u8)? {
        8 => Payload::Binary(any_text(bytes, 300)?.into_bytes().into()),
        9 if rarely(bytes)? => Payload::Text(longest_in_json(bytes.int_in_range(0..=2000)?).into()),
        9 => Payload::Text(any_text(bytes, 300)?.into()),
        _ => Payload::Json(json(bytes)?),
    })
}

/// An event with which, half of the time, anything may be wrong.
pub fn any_event(bytes: &mut Unstructured<'_>) -> Result<Event> {
    let mut event = event(bytes)?;
    if bytes.ratio(1_u8, 2_u8)? {
        return Ok(event);
    }
    if rarely(bytes)? {
        event.id = EventId::NIL;
    }
    if rarely(bytes)? {
        event.source = any_text(bytes, 20)?.into();
    }
    if rarely(bytes)? {
        let taken = bytes.choose(&EventKind::BUILT_IN)?.as_str().into();
        event.kind = EventKind::Custom(if rarely(bytes)? { any_text(bytes, 20)?.into() } else { taken });
    }
    if rarely(bytes)? {
        let any_target = |bytes: &mut Unstructured<'_>| Ok(Target::Service(any_text(bytes, 20)?.into()));
        event.targets = up_to(6, bytes, any_target)?.into();
    }
    if rarely(bytes)? {
        let entry = |bytes: &mut Unstructured<'_>| Ok((any_text(bytes, 8)?, any_text(bytes, 8)?));
        event.metadata = Some(Arc::new(up_to(6, bytes, entry)?.into_iter().collect()));
    }
    if rarely(bytes)? {
        event.scheduled_at = Some(Timestamp(bytes.arbitrary()?));
    }
    if rarely(bytes)? {
        event.correlation_id = Some(EventId(bytes.arbitrary::<u8>()?.into()));
    }
    if rarely(bytes)? {
        event.causation_id = Some(EventId(bytes.arbitrary::<u8>()?.into()));
    }
    if rarely(bytes)? {
        (event.retry_count, event.retry_limit) = bytes.arbitrary()?;
    }
    Ok(event)
}
