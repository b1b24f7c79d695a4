//! How events are spread over time.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::course::HIGHEST_RATE;
use super::{Arrivals, Course, Schedule};

/// How events are spread over time. It says when each is *intended* to be sent, whatever the system does meanwhile.
///
/// Plain data: rates in events/s, times in whole seconds or milliseconds. [`EventPattern::course`] tells whether it
/// makes sense.
///
/// ```
/// use crucible_perf::load::{Arrivals, EventPattern};
///
/// let pattern = EventPattern::Steady { events_per_second: 2000, duration_secs: 60 };
/// let course = pattern.course()?;
/// assert_eq!(course.events(), 120_000);
/// assert_eq!(course.schedule(Arrivals::Even, 42).nth(3), Some(1_500_000)); // ns
/// # Ok::<(), crucible_perf::load::InvalidPattern>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum EventPattern {
    /// One rate all the time.
    Steady {
        /// Offered rate.
        events_per_second: u64,
        /// How long.
        duration_secs: u64,
    },
    /// A higher rate again and again: each period begins with a burst and ends at the base rate. The last one is cut
    /// off where the pattern ends.
    Burst {
        /// Between bursts; may be 0.
        base_events_per_second: u64,
        /// In a burst.
        burst_events_per_second: u64,
        /// Length of a burst.
        burst_ms: u64,
        /// From the beginning of one burst to that of the next.
        every_ms: u64,
        /// How long altogether.
        duration_secs: u64,
    },
    /// A rate that moves evenly from one value to another, upwards or downwards.
    RampUp {
        /// At the beginning; may be 0.
        from_events_per_second: u64,
        /// At the end; may be 0.
        to_events_per_second: u64,
        /// How long.
        duration_secs: u64,
    },
    /// One rate but for a time in which it is another.
    Spike {
        /// Before and after; may be 0.
        base_events_per_second: u64,
        /// In the spike.
        spike_events_per_second: u64,
        /// When the spike begins.
        spike_from_ms: u64,
        /// How long the spike lasts.
        spike_ms: u64,
        /// How long altogether.
        duration_secs: u64,
    },
    /// Other patterns, one after the other.
    Mixed {
        /// In their order.
        parts: Vec<EventPattern>,
    },
}

/// Why parameters make no pattern.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidPattern {
    /// It lasts no time, or its burst, period or spike does.
    #[error("{what} is 0; it has to last some time")]
    NoTime {
        /// The parameter.
        what: &'static str,
    },
    /// Faster than the clock.
    #[error("{rate} events/s; at most {HIGHEST_RATE} are possible")]
    Rate {
        /// Events/s.
        rate: u64,
    },
    /// Beyond 64 bits of nanoseconds.
    #[error("it lasts more than 584 years")]
    TooLong,
    /// Something does not fit into what it is a part of.
    #[error("{what} is {ms} ms, but {within} is only {most_ms} ms")]
    Exceeds {
        /// The parameter.
        what: &'static str,
        /// Its value.
        ms: u64,
        /// What it is a part of.
        within: &'static str,
        /// The value of that.
        most_ms: u64,
    },
    /// All rates are 0.
    #[error("no rate is above 0, so no event would be sent")]
    NothingSent,
    /// A mixed pattern of nothing.
    #[error("mixed: parts is empty; name one or more patterns")]
    NoParts,
}

impl EventPattern {
    /// The rate over time.
    ///
    /// # Errors
    /// The first parameter that makes no sense.
    pub fn course(&self) -> Result<Course, InvalidPattern> {
        let course = self.append_to(Course::default())?;
        if course.events() == 0 { Err(InvalidPattern::NothingSent) } else { Ok(course) }
    }

    /// The intended times; see [`Course::schedule`].
    ///
    /// # Errors
    /// As [`EventPattern::course`].
    pub fn schedule(&self, arrivals: Arrivals, seed: u64) -> Result<Schedule, InvalidPattern> {
        Ok(self.course()?.schedule(arrivals, seed))
    }

    fn append_to(&self, course: Course) -> Result<Course, InvalidPattern> {
        match *self {
            Self::Steady { events_per_second: rate, duration_secs } => {
                course.then(rate, rate, whole(duration_secs)?)
            }
            Self::RampUp { from_events_per_second: from, to_events_per_second: to, duration_secs } => {
                course.then(from, to, whole(duration_secs)?)
            }
            Self::Burst {
                base_events_per_second: base,
                burst_events_per_second: burst,
                burst_ms,
                every_ms,
                duration_secs,
            } => {
                let times = [some("burst_ms", burst_ms)?, some("every_ms", every_ms)?];
                fits("burst_ms", burst_ms, "every_ms", every_ms)?;
                bursts(course, [burst, base], times, whole(duration_secs)?)
            }
            Self::Spike {
                base_events_per_second: base,
                spike_events_per_second: spike,
                spike_from_ms,
                spike_ms,
                duration_secs,
            } => {
                let (all, lasting) = (whole(duration_secs)?, some("spike_ms", spike_ms)?);
                let end_ms = spike_from_ms.saturating_add(spike_ms);
                fits("the end of the spike", end_ms, "duration_secs", millis(all))?;
                let before = Duration::from_millis(spike_from_ms);
                let course = course.then(base, base, before)?.then(spike, spike, lasting)?;
                course.then(base, base, all - before - lasting)
            }
            Self::Mixed { ref parts } => match parts.is_empty() {
                true => Err(InvalidPattern::NoParts),
                false => parts.iter().try_fold(course, |course, part| part.append_to(course)),
            },
        }
    }
}

/// Bursts at one rate, the rest of each period at the other.
fn bursts(
    course: Course,
    [burst, base]: [u64; 2],
    [lasting, every]: [Duration; 2],
    all: Duration,
) -> Result<Course, InvalidPattern> {
    let (mut course, mut left) = (course, all);
    while !left.is_zero() {
        let in_burst = lasting.min(left);
        let between = (every - lasting).min(left - in_burst);
        course = course.then(burst, burst, in_burst)?.then(base, base, between)?;
        left -= in_burst + between;
    }
    Ok(course)
}

fn whole(duration_secs: u64) -> Result<Duration, InvalidPattern> {
    match duration_secs {
        0 => Err(InvalidPattern::NoTime { what: "duration_secs" }),
        secs => Ok(Duration::from_secs(secs)),
    }
}

fn some(what: &'static str, ms: u64) -> Result<Duration, InvalidPattern> {
    if ms == 0 { Err(InvalidPattern::NoTime { what }) } else { Ok(Duration::from_millis(ms)) }
}

fn fits(what: &'static str, ms: u64, within: &'static str, most_ms: u64) -> Result<(), InvalidPattern> {
    if ms <= most_ms { Ok(()) } else { Err(InvalidPattern::Exceeds { what, ms, within, most_ms }) }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
