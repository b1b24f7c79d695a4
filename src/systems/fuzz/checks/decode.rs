//! Bytes are an event or an error.

use bytes::Bytes;
use crucible_events::event::{self, DecodeError, Event, Limits};

use super::bounded::within;

/// So narrow that inputs of a few hundred bytes meet every bound.
const NARROW: Limits =
    Limits { payload_bytes: 16, name_bytes: 12, targets: 2, metadata_entries: 2, metadata_bytes: 16 };

/// Decodes `data`, and whatever is an event is encoded and decoded to the same. Returns whether it is one.
///
/// # Panics
/// If anything of it does not hold.
pub fn check(data: &[u8]) -> bool {
    let wire = Bytes::copy_from_slice(data);
    let read = within(budget(data.len()), || event::decode(&wire, &Limits::default()));
    narrow_limits_refuse_more_and_change_nothing(&wire, read.as_ref().ok());
    match read {
        Ok(event) => {
            assert_eq!(Limits::default().check(&event), Ok(()), "decoded, so it is within the limits");
            survives_the_wire(&event, &Limits::default());
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty(), "{error:?} says nothing");
            false
        }
    }
}

/// Encodes an event that `limits` allow, and expects the same to be decoded.
///
/// # Panics
/// If something else is decoded, or nothing.
pub fn survives_the_wire(event: &Event, limits: &Limits) {
    let wire = event::encode(event);
    let read = within(budget(wire.len()), || event::decode(&wire, limits));
    let again = read.unwrap_or_else(|error| panic!("{error}: {wire:?}"));
    assert_eq!(again, *event, "encoded as {wire:?}");
    assert_eq!(event::encode(&again), wire);
}

fn narrow_limits_refuse_more_and_change_nothing(wire: &Bytes, read: Option<&Event>) {
    let allowed = read.is_some_and(|event| NARROW.check(event).is_ok());
    match event::decode(wire, &NARROW) {
        Ok(event) => assert!(allowed && Some(&event) == read, "{event:?} instead of {read:?}"),
        Err(DecodeError::TooLarge { .. }) => {} // white space may be without end
        Err(error) => assert!(!allowed, "{error}"),
    }
}

/// Bytes that decoding may allocate in all for `len` bytes of JSON.
fn budget(len: usize) -> usize {
    4096 + 64 * len
}
