//! Texts that are no longer what they were.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// What means something in JSON, in an event or in a rule.
const TOKENS: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u",
    "\\ud800",
    "\n",
    " ",
    "null",
    "true",
    "-",
    "1e9",
    "0",
    "18446744073709551616",
    "\"id\":",
    "\"not\":",
    "\"all\":[",
    "\"targets\":[]",
    "\u{feff}",
    "\u{0}",
];

#[derive(Debug, Clone)]
enum Change {
    Put(Index, u8),
    Insert(Index, &'static str),
    Cut(Index, Index),
    Again(Index, Index),
}

/// One text in two is left as it is.
pub(crate) fn some_spoilt(texts: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let at = any::<Index>;
    let change = prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Put(at, byte)),
        (at(), select(TOKENS.to_vec())).prop_map(|(at, token)| Change::Insert(at, token)),
        (at(), at()).prop_map(|(from, to)| Change::Cut(from, to)),
        (at(), at()).prop_map(|(from, to)| Change::Again(from, to)),
    ];
    (texts, prop_oneof![Just(Vec::new()), vec(change, 1..4)]).prop_map(|(mut text, changes)| {
        changes.iter().for_each(|change| change.apply(&mut text));
        text
    })
}

impl Change {
    fn apply(&self, text: &mut Vec<u8>) {
        let place = |index: &Index, text: &[u8]| index.index(text.len() + 1);
        let range = |from: &Index, to: &Index, text: &[u8]| {
            let (from, to) = (place(from, text), place(to, text));
            from.min(to)..from.max(to)
        };
        match self {
            Self::Put(at, byte) => {
                let at = place(at, text);
                text.splice(at..text.len().min(at + 1), [*byte]);
            }
            Self::Insert(at, token) => {
                let at = place(at, text);
                text.splice(at..at, token.bytes());
            }
            Self::Cut(from, to) => {
                text.drain(range(from, to, text));
            }
            Self::Again(from, to) => {
                let range = range(from, to, text);
                let copy = text[range.clone()].to_vec();
                text.splice(range.end..range.end, copy);
            }
        }
    }
}
