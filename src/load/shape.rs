use std::fmt;
use std::str::FromStr;

use super::EventPattern;

/// A pattern by its name alone: all shapes of one rate and duration offer as many events in the mean, so that what
/// differs between them is how these are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The rate, all the time.
    Steady,
    /// Each second 200 ms at three times the rate, then half of it.
    Burst,
    /// From a fifth of the rate to nine fifths.
    RampUp,
    /// Two thirds of the rate, and in the middle a tenth of the time at four times the rate.
    Spike,
    /// A quarter of the time each of the others.
    Mixed,
}

/// Why there is no such pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidShape {
    /// A name that no shape has.
    #[error("unknown pattern \"{0}\"; try steady, burst, ramp-up, spike, mixed")]
    Unknown(String),
    /// The parts of a mixture last whole seconds.
    #[error("a mixed pattern has four parts of a second or more; ask for at least 4s")]
    TooShort,
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Steady, Self::Burst, Self::RampUp, Self::Spike, Self::Mixed];

    /// The name in arguments.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Burst => "burst",
            Self::RampUp => "ramp-up",
            Self::Spike => "spike",
            Self::Mixed => "mixed",
        }
    }

    /// The pattern with this mean rate, in events/s.
    ///
    /// # Errors
    /// [`InvalidShape::TooShort`].
    pub fn pattern(self, rate: u64, duration_secs: u64) -> Result<EventPattern, InvalidShape> {
        Ok(match self {
            Self::Steady => EventPattern::Steady { events_per_second: rate, duration_secs },
            Self::Burst => EventPattern::Burst {
                base_events_per_second: rate / 2,
                burst_events_per_second: rate.saturating_mul(3),
                burst_ms: 200,
                every_ms: 1_000,
                duration_secs,
            },
            Self::RampUp => EventPattern::RampUp {
                from_events_per_second: rate / 5,
                to_events_per_second: rate.saturating_mul(2) - rate / 5,
                duration_secs,
            },
            Self::Spike => EventPattern::Spike {
                base_events_per_second: rate.saturating_mul(2) / 3,
                spike_events_per_second: rate.saturating_mul(4),
                spike_from_ms: duration_secs.saturating_mul(450),
                spike_ms: duration_secs.saturating_mul(100),
                duration_secs,
            },
            Self::Mixed if duration_secs < 4 => return Err(InvalidShape::TooShort),
            Self::Mixed => {
                let quarter = |n: u64| duration_secs / 4 * n + duration_secs % 4 * n / 4;
                let part = |(shape, n): (Self, u64)| shape.pattern(rate, quarter(n + 1) - quarter(n));
                let others = [Self::Steady, Self::Burst, Self::RampUp, Self::Spike];
                EventPattern::Mixed {
                    parts: others.into_iter().zip(0..).map(part).collect::<Result<_, _>>()?,
                }
            }
        })
    }
}

impl FromStr for Shape {
    type Err = InvalidShape;
    fn from_str(name: &str) -> Result<Self, InvalidShape> {
        let known = Self::ALL.into_iter().find(|shape| shape.as_str() == name.replace('_', "-"));
        known.ok_or_else(|| InvalidShape::Unknown(name.to_owned()))
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_offers_as_many_events() {
        for shape in Shape::ALL {
            for (rate, secs) in [(3_000, 5), (5_000, 20), (600, 7), (1, 60)] {
                let course = shape.pattern(rate, secs).expect("long enough").course().expect("valid");
                assert_eq!(course.duration().as_secs(), secs, "{shape}");
                // Halves and thirds of a rate are whole numbers.
                let (events, asked) = (course.events() as f64, (rate * secs) as f64);
                assert!((events - asked).abs() <= 0.01 * asked + secs as f64, "{shape}: {events} of {asked}");
            }
        }
    }

    #[test]
    fn names_lead_to_shapes_and_wrong_ones_to_the_list() {
        for shape in Shape::ALL {
            assert_eq!(shape.as_str().parse(), Ok(shape));
        }
        assert_eq!("ramp_up".parse(), Ok(Shape::RampUp));
        let message = "brust".parse::<Shape>().expect_err("no such shape").to_string();
        assert_eq!(message, "unknown pattern \"brust\"; try steady, burst, ramp-up, spike, mixed");
        assert_eq!(Shape::Mixed.pattern(1_000, 3), Err(InvalidShape::TooShort));
    }
}
