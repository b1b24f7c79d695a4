use arbitrary::{Result, Unstructured};
use crucible_events::event::{FieldPath, Priority, Scalar};
use crucible_events::routing::{Filter, Rule};

use super::json::{self, MEMBERS};
use super::{kind, often_first, rarely, source, target, up_to};

/// A rule with one of eight ids.
pub fn rule(bytes: &mut Unstructured<'_>) -> Result<Rule> {
    let id = bytes.int_in_range(0..=7_u8)?.to_string();
    let filter = filter(bytes, 3)?;
    let mut rule = Rule::new(id, filter, [target(bytes)?]);
    rule.targets.extend(up_to(2, bytes, target)?);
    rule.priority = *bytes.choose(&[0, 0, 1, -1, i32::MAX, i32::MIN])?;
    rule.last = rarely(bytes)?;
    Ok(rule)
}

fn filter(bytes: &mut Unstructured<'_>, depth: usize) -> Result<Filter> {
    let some = |bytes: &mut Unstructured<'_>| up_to(4, bytes, |bytes| filter(bytes, depth - 1));
    Ok(match bytes.int_in_range(0..=14_u8)? {
        0..=1 => Filter::Kind(kind(bytes)?),
        2..=3 => Filter::Category(kind(bytes)?.category()),
        4 => Filter::MinPriority(*bytes.choose(&Priority::ALL)?),
        5..=6 => Filter::Source(source(bytes)?),
        11..=12 if depth > 0 => Filter::All(some(bytes)?),
        13 if depth > 0 => Filter::Any(some(bytes)?),
        14 if depth > 0 => Filter::Not(Box::new(filter(bytes, depth - 1)?)),
        _ => Filter::Field { path: path(bytes)?, equals: scalar(bytes)? },
    })
}

fn path(bytes: &mut Unstructured<'_>) -> Result<FieldPath> {
    let mut path = String::new();
    for _ in 0..bytes.int_in_range(1..=2_u8)? {
        let [written, _] = often_first(&MEMBERS, bytes)?;
        let name: String = serde_json::from_str(written).expect("JSON text");
        path = path + "/" + &name.replace('~', "~0").replace('/', "~1");
    }
    Ok(path.parse().expect("one or two names, escaped"))
}

fn scalar(bytes: &mut Unstructured<'_>) -> Result<Scalar> {
    // What no scalar is equal to, such as 7.0, becomes `null`.
    let written: serde_json::Value = serde_json::from_str(json::scalar(bytes)?).expect("a JSON value");
    Ok(Scalar::try_from(&written).unwrap_or(Scalar::Null))
}
