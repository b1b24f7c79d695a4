//! Finds a few members of a JSON payload without parsing the rest.
//!
//! The text is known to be JSON without a name twice in one object
//! ([`JsonText`](crate::event::JsonText)), so the first occurrence of a name is the only one and the
//! scan may stop as soon as all wanted names were seen.

use std::borrow::Cow;

use memchr::memchr2;

use super::paths::{PathId, Paths};
use crate::event::Scalar;

/// A scalar as it stands in the text; strings are bytes, so that nothing is checked twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found<'a> {
    Null,
    Bool(bool),
    Integer(i128),
    String(Cow<'a, [u8]>),
}

impl Found<'_> {
    pub(super) fn is(&self, scalar: &Scalar) -> bool {
        match (self, scalar) {
            (Self::Null, Scalar::Null) => true,
            (Self::Bool(a), Scalar::Bool(b)) => a == b,
            (Self::Integer(a), Scalar::Integer(b)) => a == b,
            (Self::String(a), Scalar::String(b)) => **a == *b.as_bytes(),
            _ => false,
        }
    }
}

/// Calls `found` for each of `paths` at which a scalar stands.
pub(super) fn fields<'a>(json: &'a [u8], paths: &Paths, found: &mut impl FnMut(PathId, Found<'a>)) {
    let mut cursor = Cursor { json, at: 0 };
    cursor.object(paths, found);
}

struct Cursor<'a> {
    json: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At an object: visits its members until all of `paths` were met. Anything else is left alone.
    /// Returns whether the object was read to its end.
    fn object(&mut self, paths: &Paths, found: &mut impl FnMut(PathId, Found<'a>)) -> bool {
        if self.peek() != b'{' {
            return false;
        }
        self.at += 1;
        let mut missing = paths.len();
        while missing > 0 && self.peek() == b'"' {
            let name = self.string();
            self.peek();
            self.at += 1; // the colon
            match paths.child(&name) {
                None => self.skip_value(),
                Some(child) => {
                    missing -= 1;
                    self.member(child.path, &child.below, found);
                }
            }
            if self.peek() == b',' {
                self.at += 1;
            }
        }
        missing > 0
    }

    fn member(&mut self, path: Option<PathId>, below: &Paths, found: &mut impl FnMut(PathId, Found<'a>)) {
        let start = (self.peek(), self.at);
        match start {
            (b'{', at) if !below.is_empty() => {
                self.object(below, found);
                self.at = at;
                self.skip_value();
            }
            (b'{' | b'[', _) => self.skip_value(),
            _ => {
                let scalar = self.scalar();
                if let (Some(path), Some(scalar)) = (path, scalar) {
                    found(path, scalar);
                }
            }
        }
    }

    /// The next byte that is not white space, or 0 at the end; stays before it.
    fn peek(&mut self) -> u8 {
        while let Some(&byte) = self.json.get(self.at) {
            if byte > b' ' {
                return byte;
            }
            self.at += 1;
        }
        0
    }

    /// At a quote: the string's content, unescaped where that is needed; goes behind it.
    fn string(&mut self) -> Cow<'a, [u8]> {
        let start = self.at;
        let escaped = self.skip_string();
        let quoted = &self.json[start..self.at];
        if escaped {
            let text: String = serde_json::from_slice(quoted).expect("checked when the payload was built");
            return Cow::Owned(text.into_bytes());
        }
        Cow::Borrowed(&quoted[1..quoted.len() - 1])
    }

    /// At a quote: goes behind the closing one. Returns whether there was an escape.
    fn skip_string(&mut self) -> bool {
        self.at += 1;
        let mut escaped = false;
        while let Some(offset) = self.json.get(self.at..).and_then(quote_or_backslash) {
            self.at += offset + 1;
            if self.json[self.at - 1] == b'"' {
                return escaped;
            }
            escaped = true;
            self.at += 1; // what is escaped; of `\u0041` the rest holds neither quote nor backslash
        }
        self.at = self.json.len();
        escaped
    }

    fn skip_value(&mut self) {
        match self.peek() {
            b'"' => {
                self.skip_string();
            }
            b'{' | b'[' => self.skip_nested(),
            _ => {
                self.bare();
            }
        }
    }

    /// At an opening bracket: goes behind its closing one.
    fn skip_nested(&mut self) {
        let mut depth = 0_usize;
        while let Some(&byte) = self.json.get(self.at) {
            match byte {
                b'"' => {
                    self.skip_string();
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }

    /// A number or a literal; goes behind it.
    fn bare(&mut self) -> &'a [u8] {
        let rest = &self.json[self.at..];
        let len = rest.iter().position(|byte| matches!(byte, 0..=b' ' | b',' | b']' | b'}'));
        let bare = &rest[..len.unwrap_or(rest.len())];
        self.at += bare.len();
        bare
    }

    fn scalar(&mut self) -> Option<Found<'a>> {
        if self.peek() == b'"' {
            return Some(Found::String(self.string()));
        }
        match self.bare() {
            b"null" => Some(Found::Null),
            b"true" => Some(Found::Bool(true)),
            b"false" => Some(Found::Bool(false)),
            number => integer(number).map(Found::Integer),
        }
    }
}

/// Names and most values are short: for these, words are done before a vector search has begun.
const SHORT: usize = 4 * size_of::<u64>();

fn quote_or_backslash(text: &[u8]) -> Option<usize> {
    let (start, rest) = text.split_at(text.len().min(SHORT));
    let (words, bytes) = start.as_chunks::<{ size_of::<u64>() }>();
    for (number, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zero_byte(word ^ repeated(b'"')) | zero_byte(word ^ repeated(b'\\'));
        if found != 0 {
            return Some(number * size_of::<u64>() + found.trailing_zeros() as usize / 8);
        }
    }
    let done = start.len() - bytes.len();
    let is_one = |byte: &u8| matches!(byte, b'"' | b'\\');
    if let Some(at) = bytes.iter().position(is_one) {
        return Some(done + at);
    }
    memchr2(b'"', b'\\', rest).map(|at| at + start.len())
}

const fn repeated(byte: u8) -> u64 {
    u64::from_le_bytes([byte; size_of::<u64>()])
}

/// The lowest bit that is set stands in the first byte that is 0 (Mycroft 1987; Warren, *Hacker's Delight*,
/// 6-1). Bits above it may be set wrongly.
const fn zero_byte(word: u64) -> u64 {
    word.wrapping_sub(repeated(1)) & !word & repeated(0x80)
}

/// The integers that [`Scalar`] knows: −2⁶³ … 2⁶⁴ − 1, and not `-0`, which JSON parsers read as a fraction.
fn integer(text: &[u8]) -> Option<i128> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 20 || (negative && digits == b"0") {
        return None;
    }
    let mut value = 0_i128;
    for &digit in digits {
        value = value * 10 + i128::from(digit.is_ascii_digit().then(|| digit - b'0')?);
    }
    let value = if negative { -value } else { value };
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value).then_some(value)
}
