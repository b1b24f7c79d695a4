use crucible_events::event::Timestamp;

/// Unix time in each unit: of this many nanoseconds, below this number. One below it in the unit before is earlier than
/// March 1973, one above it later than 5138: so the number tells its unit.
const UNITS: [(u128, u128); 4] = [
    (1_000_000_000, 100_000_000_000),
    (1_000_000, 100_000_000_000_000),
    (1_000, 100_000_000_000_000_000),
    (1, u128::MAX),
];

/// A moment as JSON has it: RFC 3339 in a text, or Unix time in seconds, milli-, micro- or nanoseconds, in a number or in a
/// text. Exact to the nanosecond.
pub fn parse(json: &str) -> Option<Timestamp> {
    let text: Option<String> = serde_json::from_str(json).ok();
    let text = text.as_deref().unwrap_or(json);
    let nanoseconds =
        unix(text).or_else(|| text.parse::<jiff::Timestamp>().ok()?.as_nanosecond().try_into().ok())?;
    Some(Timestamp(u64::try_from(nanoseconds).ok()?))
}

fn unix(number: &str) -> Option<u128> {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| -> Option<u128> {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
    };
    let whole = digits(whole)?;
    let (unit, _) = UNITS.into_iter().find(|(_, below)| whole < *below)?;
    let places = u32::try_from(decimals.len()).ok()?;
    let fraction = digits(decimals)?.checked_mul(unit)? / 10_u128.checked_pow(places)?;
    Some(whole.checked_mul(unit)? + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_exact_in_every_form() {
        let expected = Some(Timestamp(1_795_000_000_123_456_000));
        for json in [
            "1795000000.123456",
            "1795000000123.456",
            "1795000000123456",
            "1795000000123456000",
            "\"1795000000123456\"",
            "\"2026-11-18T11:06:40.123456Z\"",
            "\"2026-11-18T12:06:40.123456+01:00\"",
            "\"2026-11-18 11:06:40.123456Z\"",
        ] {
            assert_eq!(parse(json), expected, "{json}");
        }
        assert_eq!(parse("0"), Some(Timestamp(0)));
        assert_eq!(parse("1795000000"), Some(Timestamp(1_795_000_000_000_000_000)));
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for json in [
            "\"yesterday\"",
            "\"\"",
            "null",
            "-1",
            "1.8e9",
            "true",
            "{}",
            "\"2026-11-18T11:06:40\"",
            "\"1969-12-31T23:59:59Z\"",
            "99999999999999999999",
            "\"1.\"",
        ] {
            assert_eq!(parse(json), None, "{json}");
        }
    }
}
