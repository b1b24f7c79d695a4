//! The limits of events are those that their documentation tells.

use arbitrary::Unstructured;
use crucible_events::event::{Event, EventId, EventKind, Invalid, Limits};

use super::bounded::spent;
use super::{decode, made};

/// Makes an event of `data`, and limits, and checks one against the other. Returns whether the event is within the limits.
///
/// # Panics
/// If [`Limits::check`] disagrees with the list of faults below, or if an event within the limits does not survive the wire.
pub fn check(data: &[u8]) -> bool {
    let mut bytes = Unstructured::new(data);
    let Ok(event) = made::any_event(&mut bytes) else { return false };
    let Ok(limits) = made::limits_for(&event, &mut bytes) else { return false };
    let faults = faults(&event, &limits);
    let (verdict, allocated) = spent(|| limits.check(&event));
    match verdict {
        Ok(()) => {
            assert_eq!(faults, [], "{event:?} passes {limits:?}");
            assert_eq!(allocated, 0, "bytes allocated for {event:?}, with which nothing is wrong");
            decode::survives_the_wire(&event, &limits);
            true
        }
        Err(fault) => {
            assert!(faults.contains(&fault), "{fault} where {faults:?} were to be told of {event:?}");
            assert!(!fault.to_string().is_empty());
            false
        }
    }
}

/// Everything that is wrong with an event.
fn faults(event: &Event, limits: &Limits) -> Vec<Invalid> {
    let mut faults = Vec::new();
    let mut fault = |wrong: bool, what: Invalid| {
        if wrong {
            faults.push(what);
        }
    };
    let mut name = |field: &'static str, name: &str| {
        let (len, limit) = (name.len(), limits.name_bytes);
        fault(name.is_empty(), Invalid::EmptyName { field });
        fault(len > limit, Invalid::LongName { field, len, limit });
    };
    name("source", &event.source);
    event.targets.iter().for_each(|target| name("targets", target.name()));
    if let EventKind::Custom(kind) = &event.kind {
        name("kind", kind);
        let taken = EventKind::BUILT_IN.iter().any(|built_in| built_in.as_str() == &**kind);
        fault(taken, Invalid::CustomKindTaken(kind.clone()));
    }

    fault(event.id == EventId(0), Invalid::NilId);
    let nil = [event.correlation_id, event.causation_id].contains(&Some(EventId(0)));
    fault(nil, Invalid::NilReference);
    let early = event.scheduled_at.is_some_and(|at| at.0 < event.created_at.0);
    fault(early, Invalid::ScheduledBeforeCreated);
    let (count, limit) = (event.retry_count, event.retry_limit);
    fault(count > limit, Invalid::RetriesExceedLimit { count, limit });

    let (len, limit) = (event.payload.as_bytes().len(), limits.payload_bytes);
    fault(len > limit, Invalid::PayloadTooLarge { len, limit });
    let (count, limit) = (event.targets.len(), limits.targets);
    fault(count > limit, Invalid::TooManyTargets { count, limit });
    let entries = || event.metadata.iter().flat_map(|entries| entries.iter());
    let (count, limit) = (entries().count(), limits.metadata_entries);
    fault(count > limit, Invalid::TooMuchMetadata { count, limit });
    let len = entries().map(|(key, value)| key.len() + value.len()).sum();
    let limit = limits.metadata_bytes;
    fault(len > limit, Invalid::LargeMetadata { len, limit });
    fault(entries().any(|(key, _)| key.is_empty()), Invalid::EmptyName { field: "metadata key" });
    faults
}
