//! Sentences and figures as people read them.

use crucible_tables::thousands;

use crate::analysis::findings::{Figure, Piece, Quantity, Sentence};
use crate::report::quantity::{bytes, rate, three_digits, time, times};

/// A sentence without its links.
pub fn text(sentence: &Sentence) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => (*text).to_owned(),
        Piece::Name(name) => name.clone(),
        Piece::Figure(figure) => shown(figure),
    };
    sentence.0.iter().map(piece).collect()
}

/// A figure with its unit, and its interval where it has one.
pub fn shown(figure: &Figure) -> String {
    match &figure.quantity {
        Quantity::Ratio { value, interval: None } => ratio(*value),
        Quantity::Ratio { value, interval: Some((low, high)) } => {
            format!("{} [{}, {}]", ratio(*value), ratio(*low), ratio(*high))
        }
        Quantity::Rate(value) => format!("{} events/s", rate(*value)),
        Quantity::Time(ns) => time(*ns),
        Quantity::Bytes(value) => fractional_bytes(*value),
        Quantity::Percent(value) => format!("{} %", digits(*value)),
        Quantity::Fraction(part) => format!("{:.0} %", 100.0 * part),
        Quantity::Share { percent, low, high } => {
            format!("{} % [{}, {}]", digits(*percent), digits(*low), digits(*high))
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // counts
        Quantity::Count(value) => thousands(value.round() as u64),
        Quantity::Of(some, all) => format!("{some} of {all}"),
        Quantity::Number(value) => digits(*value),
        Quantity::Word(word) => word.clone(),
    }
}

/// Three digits that count; hundreds and more are whole, parted in thousands.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // below 2⁵³
fn digits(value: f64) -> String {
    let size = value.abs();
    let told = if size >= 999.5 { thousands(size.round() as u64) } else { three_digits(size) };
    if value < 0.0 && told.bytes().any(|digit| (b'1'..=b'9').contains(&digit)) {
        format!("−{told}")
    } else {
        told
    }
}

fn ratio(value: f64) -> String {
    if value < 0.1 { times(value) } else { digits(value) }
}

/// Bytes of an event on average are seldom whole.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive, far below 2⁶³
fn fractional_bytes(value: f64) -> String {
    if value < 999.5 && value.fract() != 0.0 {
        format!("{} B", digits(value))
    } else {
        bytes(value.round() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_units_and_intervals() {
        let told = |quantity| shown(&Figure { target: String::new(), places: Vec::new(), quantity });
        assert_eq!(
            told(Quantity::Ratio { value: 9.4512, interval: Some((7.1, 11.26)) }),
            "9.45 [7.10, 11.3]"
        );
        assert_eq!(
            told(Quantity::Share { percent: -12.34, low: -20.0, high: -0.001 }),
            "−12.3 % [−20.0, 0.00]"
        );
        assert_eq!(told(Quantity::Rate(151_204.4)), "151,204 events/s");
        assert_eq!(told(Quantity::Bytes(25.25)), "25.2 B");
        assert_eq!(told(Quantity::Bytes(845_000.0)), "845 kB");
        assert_eq!(told(Quantity::Of(7, 8)), "7 of 8");
        assert_eq!(told(Quantity::Percent(1_364.2)), "1,364 %");
    }
}
