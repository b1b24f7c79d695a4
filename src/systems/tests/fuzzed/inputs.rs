//! What is generated: bytes, and texts made of bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::checks::made;

pub(crate) fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..400)
}

pub(crate) fn event_text() -> impl Strategy<Value = Vec<u8>> {
    any_bytes().prop_map(|bytes| made::event_text(&bytes))
}

/// Lines as the check of rules reads them, changed line by line as the fuzz target does it.
pub(crate) fn rule_script() -> impl Strategy<Value = Vec<u8>> {
    let changes = vec(any::<u64>(), 1..20);
    changes
        .prop_map(|seeds| seeds.into_iter().fold(Vec::new(), |text, seed| made::with_other_line(&text, seed)))
}

pub(crate) fn configuration_text() -> impl Strategy<Value = Vec<u8>> {
    any_bytes().prop_map(|bytes| made::configuration_text(&bytes))
}
