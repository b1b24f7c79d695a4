use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a member of a JSON payload stands: a JSON Pointer (RFC 6901) through objects, e.g.
/// `/note/folder`. Arrays are not entered: a token applied to one finds nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FieldPath(Box<[Box<str>]>);

/// Text that is not a [`FieldPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a field path: {why}")]
pub struct FieldPathError {
    text: String,
    why: &'static str,
}

impl FieldPath {
    /// Deeper payloads exist, but nobody routes by them, and a bound keeps a look-up bounded.
    pub const MAX_DEPTH: usize = 16;

    /// The names from the outermost object inwards; at least one.
    pub fn names(&self) -> &[Box<str>] {
        &self.0
    }

    /// The scalar that stands there, if one does.
    pub fn find(&self, root: &Value) -> Option<Scalar> {
        let mut value = root;
        for name in &self.0 {
            value = value.as_object()?.get(&**name)?;
        }
        Scalar::try_from(value).ok()
    }
}

impl FromStr for FieldPath {
    type Err = FieldPathError;
    fn from_str(text: &str) -> Result<Self, FieldPathError> {
        let fail = |why| FieldPathError { text: text.chars().take(80).collect(), why };
        let rest = text.strip_prefix('/').ok_or_else(|| fail("it begins with `/`, as in `/note/folder`"))?;
        let names: Option<Box<[Box<str>]>> = rest.split('/').map(unescape).collect();
        let names = names.ok_or_else(|| fail("`~` is written `~0`, and `/` inside a name `~1`"))?;
        if names.len() > Self::MAX_DEPTH {
            return Err(fail("it has more than 16 names"));
        }
        Ok(Self(names))
    }
}

fn unescape(token: &str) -> Option<Box<str>> {
    let mut name = String::with_capacity(token.len());
    let mut chars = token.chars();
    while let Some(c) = chars.next() {
        name.push(match c {
            '~' => match chars.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(name.into())
}

impl TryFrom<String> for FieldPath {
    type Error = FieldPathError;
    fn try_from(text: String) -> Result<Self, FieldPathError> {
        text.parse()
    }
}

impl From<FieldPath> for String {
    fn from(path: FieldPath) -> Self {
        path.to_string()
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in &self.0 {
            write!(f, "/{}", name.replace('~', "~0").replace('/', "~1"))?;
        }
        Ok(())
    }
}

/// What a payload field can be compared with. No fractions: equality of binary floating-point
/// numbers written in decimal is not dependable, so `1.0` equals no integer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Scalar {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number written without fraction and exponent, from −2⁶³ to 2⁶⁴ − 1.
    Integer(i128),
    /// Text; cloning it counts a reference.
    String(Arc<str>),
}

/// A JSON value that is no [`Scalar`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a field is compared with text, an integer, true, false or null")]
pub struct NotAScalar;

impl TryFrom<&Value> for Scalar {
    type Error = NotAScalar;
    fn try_from(value: &Value) -> Result<Self, NotAScalar> {
        Ok(match value {
            Value::Null => Self::Null,
            Value::Bool(bit) => Self::Bool(*bit),
            Value::String(text) => Self::String(text.as_str().into()),
            Value::Number(number) => Self::Integer(number.as_i128().ok_or(NotAScalar)?),
            Value::Array(_) | Value::Object(_) => return Err(NotAScalar),
        })
    }
}

impl TryFrom<Value> for Scalar {
    type Error = NotAScalar;
    fn try_from(value: Value) -> Result<Self, NotAScalar> {
        Self::try_from(&value)
    }
}

impl From<Scalar> for Value {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Null => Self::Null,
            Scalar::Bool(bit) => bit.into(),
            Scalar::Integer(number) => match u64::try_from(number) {
                Ok(number) => number.into(),
                Err(_) => i64::try_from(number).map_or(Self::Null, Self::from),
            },
            Scalar::String(text) => (*text).into(),
        }
    }
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<i64> for Scalar {
    fn from(number: i64) -> Self {
        Self::Integer(number.into())
    }
}

impl From<bool> for Scalar {
    fn from(bit: bool) -> Self {
        Self::Bool(bit)
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Value::from(self.clone()).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_finds_scalars_through_objects_only() {
        let value = json!({"a": {"b/c": 7, "~": true}, "list": [1], "": null, "x": 1.0});
        let find = |path: &str| path.parse::<FieldPath>().expect(path).find(&value);
        assert_eq!(find("/a/b~1c"), Some(Scalar::Integer(7)));
        assert_eq!(find("/a/~0"), Some(Scalar::Bool(true)));
        assert_eq!(find("/"), Some(Scalar::Null));
        for nothing in ["/a", "/list/0", "/missing", "/x", "/a/b~1c/d"] {
            assert_eq!(find(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn paths_print_as_they_were_read_and_bad_ones_say_why() {
        for text in ["/a", "/a/b~1c/~0", "/", "//"] {
            assert_eq!(text.parse::<FieldPath>().expect(text).to_string(), text);
        }
        for (text, why) in
            [("", "begins"), ("a", "begins"), ("/a~2", "~0"), ("/a~", "~0"), (&"/a".repeat(17), "16")]
        {
            assert!(text.parse::<FieldPath>().expect_err(text).to_string().contains(why));
        }
    }

    #[test]
    fn integers_span_both_64_bit_ranges() {
        for text in ["18446744073709551615", "-9223372036854775808", "0"] {
            let value: Value = serde_json::from_str(text).expect(text);
            let scalar = Scalar::try_from(&value).expect(text);
            assert_eq!(Value::from(scalar), value);
        }
        for text in ["-0", "1.0", "1e2", "18446744073709551616"] {
            let value: Value = serde_json::from_str(text).expect(text);
            assert_eq!(Scalar::try_from(&value), Err(NotAScalar), "{text}");
        }
    }
}
