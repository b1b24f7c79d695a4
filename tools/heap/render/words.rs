//! Figures as people say them.

use crucible_profiles::dhat::Amount;
use crucible_tables::thousands;

use crate::judge::{Source, difference};

/// `1,234 bytes in 5 blocks`.
pub fn amount(source: &Source, amount: Amount) -> String {
    let unit = |count: u64, unit: &str| {
        let one = if count == 1 { unit.strip_suffix('s').unwrap_or(unit) } else { unit };
        format!("{} {one}", thousands(count))
    };
    format!("{} in {}", unit(amount.bytes, &source.byte_unit), unit(amount.blocks, &source.block_unit))
}

/// `1 site`, `2 sites`.
pub fn sites(count: usize) -> String {
    format!("{} site{}", thousands(count as u64), if count == 1 { "" } else { "s" })
}

/// `12.3 %`.
pub fn percent(percent: f64) -> String {
    format!("{percent:.1} %")
}

/// `+1,234`.
pub fn signed(old: u64, new: u64) -> String {
    let count = thousands(new.abs_diff(old));
    match difference(old, new) {
        0 => "0".to_owned(),
        1.. => format!("+{count}"),
        _ => format!("−{count}"),
    }
}

/// `+1.50`, for each of so many events.
pub fn each(difference: f64) -> String {
    let size = difference.abs();
    let sign = if difference < 0.0 { '−' } else { '+' };
    match size {
        0.0 => "0".to_owned(),
        _ if size < 0.0005 => format!("{sign}<0.001"),
        _ if size < 10.0 => format!("{sign}{size:.3}"),
        _ => format!("{sign}{}", thousands(size.round() as u64)),
    }
}

/// A time in the unit of a profile: `1.5 ms`, `724,323 instrs`.
pub fn time(source: &Source, time: u64) -> String {
    match (&source.time_unit[..], time) {
        ("µs", 0..1_000) => format!("{time} µs"),
        ("µs", 1_000..1_000_000) => format!("{:.1} ms", time as f64 / 1e3),
        ("µs", _) => format!("{:.1} s", time as f64 / 1e6),
        (unit, _) => format!("{} {unit}", thousands(time)).trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_keep_their_sign_and_what_is_small_is_not_nothing() {
        assert_eq!(
            [(5, 5), (5, 1005), (1005, 5)].map(|(old, new)| signed(old, new)),
            ["0", "+1,000", "−1,000"]
        );
        assert_eq!([0.0, 0.0001, -0.25, 12_345.6].map(each), ["0", "+<0.001", "−0.250", "+12,346"]);
    }
}
