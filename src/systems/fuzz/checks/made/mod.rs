//! Events, limits, rules and configurations made of bytes: of the same bytes the same. Few names, so that they meet.

mod event;
mod json;
mod rule;
mod text;
mod toml;

use arbitrary::{Result, Unstructured};
use crucible_events::event::{EventKind, Name, Target};

pub use event::{any_event, event, limits_for};
pub use rule::rule;
pub use text::{event_text, random, rule_text, with_other_line};
pub use toml::configuration_text;

/// About one time in eight; never once the bytes are used up.
fn rarely(bytes: &mut Unstructured<'_>) -> Result<bool> {
    Ok(!bytes.ratio(7_u8, 8_u8)?)
}

/// The first half of the time: rules and events have to meet.
fn often_first<'a, T>(among: &'a [T], bytes: &mut Unstructured<'_>) -> Result<&'a T> {
    if bytes.ratio(1_u8, 2_u8)? { bytes.choose(&among[..1]) } else { bytes.choose(among) }
}

fn up_to<T>(
    most: usize,
    bytes: &mut Unstructured<'_>,
    make: impl Fn(&mut Unstructured<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    (0..bytes.int_in_range(0..=most)?).map(|_| make(bytes)).collect()
}

/// Any text of at most `most` bytes or, where they are not UTF-8, three times as many.
fn any_text(bytes: &mut Unstructured<'_>, most: usize) -> Result<String> {
    let len = bytes.int_in_range(0..=most)?;
    if rarely(bytes)? {
        return Ok(longest_in_json(len));
    }
    let len = len.min(bytes.len());
    Ok(String::from_utf8_lossy(bytes.bytes(len)?).into_owned())
}

/// Six bytes each, once it is written.
fn longest_in_json(len: usize) -> String {
    "\u{1}".repeat(len)
}

fn name(among: &[&str], bytes: &mut Unstructured<'_>) -> Result<Name> {
    if rarely(bytes)? {
        let any = any_text(bytes, 60)?; // 180 bytes at most, which is within the limits
        return Ok(if any.is_empty() { "z".into() } else { any.into() });
    }
    Ok((*bytes.choose(among)?).into())
}

fn source(bytes: &mut Unstructured<'_>) -> Result<Name> {
    name(&["vault", "sync", "index", "agent"], bytes)
}

fn target(bytes: &mut Unstructured<'_>) -> Result<Target> {
    const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
    Ok(if bytes.ratio(1_u8, 4_u8)? {
        Target::Group(name(&NAMES, bytes)?)
    } else {
        Target::Service(name(&NAMES, bytes)?)
    })
}

fn kind(bytes: &mut Unstructured<'_>) -> Result<EventKind> {
    if rarely(bytes)? {
        return Ok(name(&["note.tagged", "note.linked"], bytes)?.into());
    }
    Ok(often_first(&EventKind::BUILT_IN, bytes)?.clone())
}
