//! Finds a few members of a JSON payload without parsing the rest.
//!
//! The text is known to be JSON without a name twice in one object
//! ([`JsonText`](crate::event::JsonText)), so the first occurrence of a name is the only one and the
//! scan may stop as soon as all wanted names were seen.

use memchr::memchr2;

use super::paths::{Child, PathId, Paths};
use crate::event::Scalar;

/// A scalar as it stands in the text; strings are bytes, so that those without escapes are not checked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found<'a> {
    Null,
    Bool(bool),
    Integer(i128),
    /// What stands between the quotes.
    String(&'a [u8]),
    /// The same where something in it is escaped: unescaped when it is looked at.
    Escaped(&'a [u8]),
}

impl Found<'_> {
    pub(super) fn is(&self, scalar: &Scalar) -> bool {
        match (self, scalar) {
            (Self::Null, Scalar::Null) => true,
            (Self::Bool(a), Scalar::Bool(b)) => a == b,
            (Self::Integer(a), Scalar::Integer(b)) => a == b,
            (Self::String(a), Scalar::String(b)) => *a == b.as_bytes(),
            // No escape takes more than 6 bytes for each that it means: a long text costs a short value nothing.
            (Self::Escaped(a), Scalar::String(b)) => a.len() <= 6 * b.len() && *unescaped(a) == **b,
            _ => false,
        }
    }
}

/// What an escaped string means.
#[cold]
pub(super) fn unescaped(text: &[u8]) -> String {
    let quoted = [b"\"", text, b"\""].concat();
    serde_json::from_slice(&quoted).expect("checked when the payload was built")
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
    fn object(&mut self, paths: &Paths, found: &mut impl FnMut(PathId, Found<'a>)) {
        if self.peek() != b'{' {
            return;
        }
        self.at += 1;
        let mut missing = paths.len();
        while missing > 0 && self.peek() == b'"' {
            let child = self.child_named_here(paths);
            self.peek();
            self.at += 1; // the colon
            match child {
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
    }

    /// At the quote of a name: what is wanted of that name; goes behind it.
    #[inline]
    fn child_named_here<'p>(&mut self, paths: &'p Paths) -> Option<&'p Child> {
        match self.string() {
            (name, false) => paths.child(name),
            (name, true) => paths.child(unescaped(name).as_bytes()),
        }
    }

    #[inline]
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
    #[inline]
    fn peek(&mut self) -> u8 {
        while let Some(&byte) = self.json.get(self.at) {
            if byte > b' ' {
                return byte;
            }
            self.at += 1;
        }
        0
    }

    /// At a quote: what stands up to the closing one, and whether something in it is escaped; goes behind it.
    #[inline(always)]
    fn string(&mut self) -> (&'a [u8], bool) {
        let text = self.json.get(self.at + 1..).unwrap_or_default();
        match quote_or_backslash(text) {
            Some(len) if text[len] == b'"' => {
                self.at += len + 2;
                (&text[..len], false)
            }
            _ => (self.escaped_string(), true),
        }
    }

    /// The same for one in which something is escaped.
    #[cold]
    fn escaped_string(&mut self) -> &'a [u8] {
        let text = self.json.get(self.at + 1..).unwrap_or_default();
        let mut len = 0;
        while let Some(offset) = text.get(len..).and_then(quote_or_backslash) {
            len += offset;
            if text[len] == b'"' {
                self.at += len + 2;
                return &text[..len];
            }
            len += 2; // what is escaped; of `\u0041` the rest holds neither quote nor backslash
        }
        self.at = self.json.len();
        text
    }

    fn skip_value(&mut self) {
        match self.peek() {
            b'"' => {
                self.string();
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
                    self.string();
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

    #[inline]
    fn scalar(&mut self) -> Option<Found<'a>> {
        if self.peek() == b'"' {
            return Some(match self.string() {
                (text, false) => Found::String(text),
                (text, true) => Found::Escaped(text),
            });
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

#[inline]
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
