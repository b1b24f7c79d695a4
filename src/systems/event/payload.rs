use std::collections::HashSet;
use std::fmt;

use bytes::Bytes;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::value::Plain;

/// The content of an event. Cloning it counts a reference, whatever its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// JSON text, checked when it was built.
    Json(JsonText),
    /// UTF-8 text, checked when it was built.
    Text(Text),
    /// Any bytes.
    Binary(Bytes),
}

impl Payload {
    /// The bytes as they are stored.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Json(json) => &json.0,
            Self::Text(text) => &text.0,
            Self::Binary(bytes) => bytes,
        }
    }

    /// Size in bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }
}

/// JSON (RFC 8259) whose objects have no name twice (RFC 7493, I-JSON).
///
/// Twice the same name would let two parsers disagree on what a filter sees, so it is refused here,
/// once, and nobody downstream needs to check again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonText(Bytes);

/// Why bytes are not a payload of the kind that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// Not JSON, or a name twice in one object; line and column say where.
    #[error("payload is not usable JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Not UTF-8; the offset says where.
    #[error("payload is not UTF-8 text: {0}")]
    Utf8(#[from] std::str::Utf8Error),
}

impl JsonText {
    /// Checks `bytes` and keeps them as they are, but for white space around the value: on the wire there is none, and
    /// what was encoded is to be decoded to the same.
    ///
    /// # Errors
    /// [`PayloadError::Json`] for malformed JSON, a name twice in one object, or nesting deeper than 127.
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, PayloadError> {
        let bytes = bytes.into();
        serde_json::from_slice::<UniqueNames>(&bytes)?;
        let value = bytes.trim_ascii();
        if value.len() < bytes.len() {
            return Ok(Self(bytes.slice_ref(value)));
        }
        Ok(Self(bytes))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("JSON that was parsed is UTF-8")
    }

    /// The bytes, shared.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// What stands there, read anew each time. No name in it has a meaning to the reader, as one has when serde_json reads a
    /// [`Value`](serde_json::Value) by itself.
    pub fn to_value(&self) -> serde_json::Value {
        let Plain(value) = serde_json::from_slice(&self.0).expect("it was read when it was built");
        value
    }
}

impl From<&serde_json::Value> for JsonText {
    fn from(value: &serde_json::Value) -> Self {
        // A `Value` holds each name once and always has a text.
        Self(value.to_string().into())
    }
}

/// UTF-8 text over shared bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(Bytes);

impl Text {
    /// Checks `bytes` and keeps them as they are.
    ///
    /// # Errors
    /// [`PayloadError::Utf8`].
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, PayloadError> {
        let bytes = bytes.into();
        std::str::from_utf8(&bytes)?;
        Ok(Self(bytes))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("checked when it was built")
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// Reads any JSON value, keeps nothing, and fails at an object that has a name twice.
struct UniqueNames;

/// Up to this many names a scan of those seen beats hashing; payloads seldom have more.
const SCANNED_NAMES: usize = 16;

impl<'de> Deserialize<'de> for UniqueNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for UniqueNames {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut few: Vec<std::borrow::Cow<'de, str>> = Vec::new();
        let mut many: HashSet<std::borrow::Cow<'de, str>> = HashSet::new();
        while let Some(BorrowedName(name)) = map.next_key()? {
            if few.contains(&name) || many.contains(&name) {
                return Err(de::Error::custom(format_args!("name `{name}` twice in one object")));
            }
            map.next_value::<Self>()?;
            if few.len() < SCANNED_NAMES {
                few.push(name);
            } else {
                many.insert(name);
            }
        }
        Ok(self)
    }
}

/// `Cow<str>` deserializes to an owned string always; this one borrows where it can.
#[derive(serde::Deserialize)]
struct BorrowedName<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        JsonText::new(text.to_owned()).expect_err(text).to_string()
    }

    #[test]
    fn any_json_value_is_a_payload() {
        for text in
            ["null", "true", "-0", "1e400", "\"a\\u0000\"", "[]", "{\"a\":{\"a\":1}}", " [1,\n2]\r\t\n"]
        {
            if text == "1e400" {
                assert!(refusal(text).contains("number out of range"));
            } else {
                assert_eq!(JsonText::new(text.to_owned()).expect(text).as_str(), text.trim());
            }
        }
    }

    #[test]
    fn no_name_has_a_meaning_to_the_reader() {
        let text = r#"{"$serde_json::private::RawValue":"{\"n\":[7,-7,0.5,\"ü\",true,null]}"}"#;
        let json = JsonText::new(text.to_owned()).expect("JSON");
        assert_eq!(json.to_value().to_string(), text);
        let inside = json.to_value()["$serde_json::private::RawValue"].as_str().map(str::to_owned);
        let inside = JsonText::new(inside.expect("text")).expect("JSON");
        assert_eq!(inside.to_value(), serde_json::json!({"n": [7, -7, 0.5, "ü", true, null]}));
    }

    #[test]
    fn a_name_twice_is_refused_also_when_escaped_deep_or_late() {
        assert!(refusal(r#"{"a":1,"b":2,"a":3}"#).contains("name `a` twice in one object at line 1 column"));
        assert!(refusal(r#"{"a":1,"\u0061":3}"#).contains("`a` twice"));
        assert!(refusal(r#"[{"x":{"a":1,"a":2}}]"#).contains("`a` twice"));
        let many: Vec<String> = (0..40).map(|i| format!("\"n{i}\":0")).collect();
        assert!(JsonText::new(format!("{{{}}}", many.join(","))).is_ok());
        assert!(refusal(&format!("{{{},\"n3\":0}}", many.join(","))).contains("`n3` twice"));
        assert!(refusal(&format!("{{{},\"n39\":0}}", many.join(","))).contains("`n39` twice"));
    }

    #[test]
    fn malformed_text_is_refused_with_its_place() {
        for text in ["", "{", "{\"a\":}", "nul", "[1,]", "{} {}", "\"\u{1}\""] {
            assert!(refusal(text).contains("line 1 column"), "{text}: {}", refusal(text));
        }
        assert!(refusal(&"[".repeat(200)).contains("recursion limit"));
        assert!(Text::new(&b"\xff"[..]).is_err());
    }
}
