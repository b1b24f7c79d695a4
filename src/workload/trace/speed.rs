use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How many times as fast as it was recorded a trace is replayed: `1x`, `10x`, `0.5x`. A ratio of whole numbers, so that a
/// schedule is exact and the same everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Speed {
    times: NonZeroU64,
    /// A power of ten: the places of the number as it was written.
    per: NonZeroU64,
}

/// Text that is not a [`Speed`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no speed; say how many times as fast, such as 10x or 0.5x, with six decimals at most")]
pub struct InvalidSpeed(String);

impl Speed {
    /// As it was recorded.
    pub const RECORDED: Self = Self { times: NonZeroU64::MIN, per: NonZeroU64::MIN };

    /// So many times as fast.
    pub const fn times(times: NonZeroU64) -> Self {
        Self { times, per: NonZeroU64::MIN }
    }

    /// Smallest step of the number.
    const DECIMALS: usize = 6;

    /// When an event is due that was recorded at this offset; nanoseconds, rounded down.
    pub fn due_ns(self, recorded_ns: u64) -> u64 {
        let due = u128::from(recorded_ns) * u128::from(self.per.get()) / u128::from(self.times.get());
        u64::try_from(due).unwrap_or(u64::MAX)
    }

    /// When events are due that were recorded at these offsets; ascending if they are.
    pub fn schedule(self, recorded_ns: &[u64]) -> impl ExactSizeIterator<Item = u64> + use<'_> {
        recorded_ns.iter().map(move |&recorded_ns| self.due_ns(recorded_ns))
    }
}

impl FromStr for Speed {
    type Err = InvalidSpeed;

    fn from_str(text: &str) -> Result<Self, InvalidSpeed> {
        Self::parse(text.strip_suffix('x').unwrap_or(text))
            .ok_or_else(|| InvalidSpeed(text.chars().take(40).collect()))
    }
}

impl Speed {
    fn parse(number: &str) -> Option<Self> {
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let decimals = decimals.trim_end_matches('0');
        let are_digits = digits(whole) && (decimals.is_empty() || digits(decimals));
        if !are_digits || decimals.len() > Self::DECIMALS {
            return None;
        }
        let times = format!("{whole}{decimals}").parse().ok()?;
        let places = u32::try_from(decimals.len()).ok()?;
        Some(Self { times, per: NonZeroU64::new(10_u64.pow(places))? })
    }
}

impl TryFrom<String> for Speed {
    type Error = InvalidSpeed;
    fn try_from(text: String) -> Result<Self, InvalidSpeed> {
        text.parse()
    }
}

impl From<Speed> for String {
    fn from(speed: Speed) -> Self {
        speed.to_string()
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.times.get() / self.per, self.times.get() % self.per);
        match self.per.ilog10() as usize {
            0 => write!(f, "{whole}x"),
            places => write!(f, "{whole}.{rest:0places$}x"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn offsets_are_divided_and_rounded_down() {
        let due = |speed: &str, recorded_ns| speed.parse::<Speed>().expect("a speed").due_ns(recorded_ns);
        assert_eq!(due("1x", 1_234_567_891), 1_234_567_891);
        assert_eq!(due("10x", 1_234_567_891), 123_456_789);
        assert_eq!(due("3", 100), 33);
        assert_eq!(due("0.5x", 1_234_567_891), 2_469_135_782);
        assert_eq!(due("2.5x", 100), 40);
        assert_eq!(due("1x", u64::MAX), u64::MAX);
        assert_eq!(due("0.1x", u64::MAX), u64::MAX, "584 years, ten times as slow");
    }

    #[test]
    fn a_speed_is_written_as_it_is_read() {
        for (text, shown) in [
            ("10x", "10x"),
            ("10", "10x"),
            ("0.5x", "0.5x"),
            ("02.500", "2.5x"),
            ("1.0x", "1x"),
            ("0.000001x", "0.000001x"),
        ] {
            let speed: Speed = text.parse().expect(text);
            assert_eq!(speed.to_string(), shown);
            assert_eq!(serde_json::from_str::<Speed>(&format!("\"{shown}\"")).expect("a speed"), speed);
        }
    }

    #[test]
    fn what_is_no_speed_is_refused() {
        for text in [
            "",
            "x",
            "0x",
            "0.0",
            "-1x",
            "+1x",
            "1.x2",
            ".5x",
            "1,5x",
            "1e3x",
            "fast",
            "0.0000001x",
            "99999999999999999999x",
        ] {
            let refusal = text.parse::<Speed>().expect_err(text).to_string();
            assert!(refusal.contains("such as 10x or 0.5x"), "{refusal}");
        }
    }

    proptest! {
        /// An event is due in the very nanosecond in which its offset divided by the speed lies.
        #[test]
        fn a_schedule_is_exact_and_keeps_the_order(
            times in 1..2_000_000_u64, places in 0..=6_usize, mut recorded in prop::collection::vec(0..1_u64 << 60, 1..50),
        ) {
            let per = 10_u64.pow(u32::try_from(places).expect("six at most"));
            let text = match places {
                0 => format!("{times}x"),
                _ => format!("{}.{:0places$}x", times / per, times % per),
            };
            let speed: Speed = text.parse().expect("a speed");
            recorded.sort_unstable();
            let due: Vec<u64> = speed.schedule(&recorded).collect();
            prop_assert!(due.is_sorted());
            for (&recorded, &due) in recorded.iter().zip(&due) {
                let (recorded, due) = (u128::from(recorded) * u128::from(per), u128::from(due));
                let (times, saturated) = (u128::from(times), due == u128::from(u64::MAX));
                prop_assert!(due * times <= recorded && (saturated || recorded < (due + 1) * times));
            }
        }
    }
}
