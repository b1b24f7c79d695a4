//! Sizes of payloads as text: `1KiB`, or `2KiB..8KiB` with both ends included.

use std::ops::RangeInclusive;

use serde::{Deserialize, Deserializer, Serializer, de};

/// Units that sizes are given in; nothing means bytes.
const UNITS: [(&str, usize); 5] =
    [("MiB", 1 << 20), ("KiB", 1 << 10), ("MB", 1_000_000), ("KB", 1_000), ("B", 1)];

/// A range of sizes from text.
///
/// # Errors
/// What is possible.
pub fn parse_sizes(text: &str) -> Result<RangeInclusive<usize>, String> {
    let (least, most) = text.split_once("..").unwrap_or((text, text));
    let (least, most) = (size(least)?, size(most)?);
    if least > most {
        return Err(format!("`{text}`: name the smaller size first"));
    }
    Ok(least..=most)
}

fn size(text: &str) -> Result<usize, String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let unit = unit.trim_start();
    let factor =
        UNITS.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, factor)| factor);
    let factor = factor.or(unit.is_empty().then_some(1));
    let size = factor.and_then(|factor| digits.parse::<usize>().ok()?.checked_mul(factor));
    size.ok_or_else(|| {
        format!("`{text}` is no size; a whole number with B, KiB, MiB, KB, MB or nothing, or two of them: 2KiB..8KiB")
    })
}

fn show(sizes: &RangeInclusive<usize>) -> String {
    let each =
        |bytes: usize| match UNITS.into_iter().find(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor))
        {
            Some((unit, factor)) => format!("{}{unit}", bytes / factor),
            None => bytes.to_string(),
        };
    match (*sizes.start(), *sizes.end()) {
        (least, most) if least == most => each(least),
        (least, most) => format!("{}..{}", each(least), each(most)),
    }
}

pub(super) fn serialize<S: Serializer>(
    sizes: &RangeInclusive<usize>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&show(sizes))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<RangeInclusive<usize>, D::Error> {
    parse_sizes(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, least, most) in [
            ("512", 512, 512),
            ("1KiB", 1_024, 1_024),
            ("2KiB..8KiB", 2_048, 8_192),
            ("64 .. 1 mib", 64, 1 << 20),
            ("2KB..3MB", 2_000, 3_000_000),
        ] {
            assert_eq!(parse_sizes(text), Ok(least..=most), "{text}");
            assert_eq!(parse_sizes(&show(&(least..=most))), Ok(least..=most), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_named() {
        for text in ["", "KiB", "2KiB..", "2..3..4", "-1", "1.5KiB", "2TiB", "99999999999999999999"] {
            let refusal = parse_sizes(text).expect_err(text);
            assert!(refusal.contains("is no size"), "{refusal}");
        }
        assert_eq!(
            parse_sizes("8KiB..2KiB").expect_err("reversed"),
            "`8KiB..2KiB`: name the smaller size first"
        );
    }
}
