use arbitrary::{Result, Unstructured};
use crucible_events::event::JsonText;

use super::often_first;

/// Scalars as they may be written; of some, that they are equal or not is easily got wrong.
const SCALARS: [&str; 20] = [
    "7",
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-7",
    "7.0",
    "7e0",
    "1E-3",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    r#""""#,
    r#""7""#,
    r#""\u0037""#,
    r#""a\"b\\""#,
    r#""}\\""#,
    r#""{\"n\":7}""#,
    r#""\ud83d\ude00ü""#,
];

/// Names of members, each in two ways of writing it. The last means something to serde_json.
pub(super) const MEMBERS: [[&str; 2]; 9] = [
    [r#""n""#, r#""\u006e""#],
    [r#""t""#, r#""t""#],
    [r#""o""#, r#""o""#],
    [r#""""#, r#""""#],
    [r#""a/b""#, r#""a\/b""#],
    [r#""~\"""#, r#""\u007e\u0022""#],
    [r#""ü\n""#, r#""\u00fc\u000A""#],
    [r#""n\\""#, r#""n\u005c""#],
    [r#""$serde_json::private::RawValue""#; 2],
];

/// A JSON payload whose members are those that rules ask for.
pub(super) fn json(bytes: &mut Unstructured<'_>) -> Result<JsonText> {
    let mut out = String::new();
    space(bytes, &mut out)?;
    if rarely_flat(bytes)? {
        value(bytes, 4, &mut out)?;
    } else {
        object(bytes, 4, &mut out)?;
    }
    space(bytes, &mut out)?;
    Ok(JsonText::new(out).expect("values, written as JSON, without a name twice"))
}

/// The scalar of a rule or a payload, as JSON.
pub(super) fn scalar<'s>(bytes: &mut Unstructured<'_>) -> Result<&'s str> {
    Ok(often_first(&SCALARS, bytes)?)
}

fn rarely_flat(bytes: &mut Unstructured<'_>) -> Result<bool> {
    Ok(!bytes.ratio(15_u8, 16_u8)?)
}

fn value(bytes: &mut Unstructured<'_>, depth: usize, out: &mut String) -> Result<()> {
    match bytes.int_in_range(0..=9_u8)? {
        8 if depth > 0 => {
            out.push('[');
            for position in 0..bytes.int_in_range(0..=3_usize)? {
                out.push_str(if position > 0 { "," } else { "" });
                value(bytes, depth - 1, out)?;
            }
            out.push(']');
        }
        6 | 7 if depth > 0 => object(bytes, depth - 1, out)?,
        _ => out.push_str(scalar(bytes)?),
    }
    Ok(())
}

fn object(bytes: &mut Unstructured<'_>, depth: usize, out: &mut String) -> Result<()> {
    out.push('{');
    let mut open = MEMBERS.to_vec();
    for position in 0..bytes.int_in_range(0..=5_usize)? {
        let first = bytes.ratio(1_u8, 2_u8)?;
        let member = open.remove(if first { 0 } else { bytes.choose_index(open.len())? });
        out.push_str(if position > 0 { "," } else { "" });
        space(bytes, out)?;
        out.push_str(bytes.choose(&member)?);
        space(bytes, out)?;
        out.push(':');
        space(bytes, out)?;
        value(bytes, depth, out)?;
        space(bytes, out)?;
    }
    out.push('}');
    Ok(())
}

/// Mostly none; no line feed, since a line is an event.
fn space(bytes: &mut Unstructured<'_>, out: &mut String) -> Result<()> {
    if !bytes.ratio(15_u8, 16_u8)? {
        out.push_str(bytes.choose(&[" ", "\t ", "\r"])?);
    }
    Ok(())
}
