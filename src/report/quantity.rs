//! Quantities as people read them.

use crucible_tables::thousands;

/// A rate in whole units.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // rates are positive and far below 2⁶³
pub(super) fn rate(per_second: f64) -> String {
    thousands(per_second.round() as u64)
}

/// A time with three digits: `870 ns`, `4.12 µs`, `13.0 ms`, `2.50 s`.
pub(super) fn time(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 1e3 => return format!("{ns:.0} ns"),
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns if ns < 1e9 => (ns / 1e6, "ms"),
        ns => (ns / 1e9, "s"),
    };
    format!("{} {unit}", three_digits(value))
}

/// Bytes in decimal units, as the grades have them: `12.3 MB`.
#[allow(clippy::cast_precision_loss)] // memory is far below 2⁵³
pub(super) fn bytes(bytes: u64) -> String {
    match bytes as f64 {
        b if b < 1e3 => format!("{b} B"),
        b if b < 1e6 => format!("{} kB", three_digits(b / 1e3)),
        b if b < 1e9 => format!("{} MB", three_digits(b / 1e6)),
        b => format!("{} GB", three_digits(b / 1e9)),
    }
}

/// A value in whole or fractional digits, three that count.
pub(super) fn three_digits(value: f64) -> String {
    match value {
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

/// The same of a ratio, which may be far below 1: two digits then.
pub(super) fn times(ratio: f64) -> String {
    if ratio > 0.0 && ratio < 0.0995 {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 3 and more
        let places = (1.0 - ratio.log10().floor()) as usize;
        format!("{ratio:.places$}")
    } else {
        three_digits(ratio)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_three_digits_and_the_unit_that_fits() {
        let times = [0.4, 870.0, 4_120.0, 99_960.0, 13_000_000.0, 2.5e9].map(time);
        assert_eq!(times, ["0 ns", "870 ns", "4.12 µs", "100 µs", "13.0 ms", "2.50 s"]);
        assert_eq!([0, 999, 12_345, 12_300_000].map(bytes), ["0 B", "999 B", "12.3 kB", "12.3 MB"]);
    }

    #[test]
    fn a_ratio_far_below_1_keeps_two_digits() {
        let ratios = [0.0, 0.000_086, 0.0042, 0.0123, 0.456, 7.891, 12.34, 567.8].map(times);
        assert_eq!(ratios, ["0.00", "0.000086", "0.0042", "0.012", "0.46", "7.89", "12.3", "568"]);
    }
}
