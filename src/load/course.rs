use std::time::Duration;

use super::InvalidPattern;

/// Highest rate, events/s: one event a nanosecond, the resolution of intended times.
pub(super) const HIGHEST_RATE: u64 = 1_000_000_000;

/// Parts into which an event is divided, so that what a stretch comes to is a whole number of them: a rate in events/s
/// over a time in ns gives billionths, the mean of two rates gives halves.
pub(super) const PARTS: u128 = 2_000_000_000;

/// An offered rate over time: stretches, in each of which it moves evenly from one value to another.
///
/// All that is sent at intended moments is laid out as one of these; [`EventPattern`](super::EventPattern) names the
/// usual ones. Stretches add up in whole numbers, so that rounding in one does not move the next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Course {
    stretches: Vec<Stretch>,
}

/// Valid by construction: rates up to [`HIGHEST_RATE`], an end that fits 64 bits of nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    begin_ns: u64,
    lasting_ns: u64,
    /// Events/s at its beginning and its end.
    from: u64,
    to: u64,
    /// Events before it, in [`PARTS`].
    before: u128,
}

impl Course {
    /// This rate, in events/s, for so long.
    ///
    /// # Errors
    /// As [`Course::then`].
    pub fn steady(events_per_second: u64, lasting: Duration) -> Result<Self, InvalidPattern> {
        Self::default().then(events_per_second, events_per_second, lasting)
    }

    /// Goes on with a rate that moves evenly from `from` to `to` events/s.
    ///
    /// # Errors
    /// [`InvalidPattern::Rate`] or [`InvalidPattern::TooLong`].
    pub fn then(mut self, from: u64, to: u64, lasting: Duration) -> Result<Self, InvalidPattern> {
        let highest = from.max(to);
        if highest > HIGHEST_RATE {
            return Err(InvalidPattern::Rate { rate: highest });
        }
        let begin_ns = self.lasting_ns();
        let lasting_ns = u64::try_from(lasting.as_nanos()).map_err(|_| InvalidPattern::TooLong)?;
        begin_ns.checked_add(lasting_ns).ok_or(InvalidPattern::TooLong)?;
        let before = self.parts();
        self.stretches.push(Stretch { begin_ns, lasting_ns, from, to, before });
        Ok(self)
    }

    /// Events in all, at even distances; by chance as many in the mean.
    pub fn events(&self) -> u64 {
        u64::try_from(self.parts().div_ceil(PARTS)).expect("an event a nanosecond for 64 bits of nanoseconds")
    }

    /// How long it is.
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.lasting_ns())
    }

    fn lasting_ns(&self) -> u64 {
        self.stretches.last().map_or(0, |last| last.begin_ns + last.lasting_ns)
    }

    /// Events in all, in [`PARTS`].
    fn parts(&self) -> u128 {
        self.stretches.last().map_or(0, Stretch::end)
    }

    /// The moment, in ns from the beginning, at which the number of events passes `parts`; of a stretch without events
    /// its end. `at`: a stretch that is not behind that moment; it is moved on to the one of the moment. `None` if the
    /// course ends before.
    pub(super) fn moment_ns(&self, at: &mut usize, parts: u128) -> Option<u64> {
        while self.stretches.get(*at)?.end() <= parts {
            *at += 1;
        }
        let stretch = &self.stretches[*at];
        Some(stretch.begin_ns + stretch.within_ns(parts - stretch.before))
    }
}

impl Stretch {
    /// Events until its end, in [`PARTS`].
    fn end(&self) -> u128 {
        self.before + u128::from(self.from + self.to) * u128::from(self.lasting_ns)
    }

    /// How long after its beginning it has come to so many [`PARTS`], rounded down.
    fn within_ns(&self, parts: u128) -> u64 {
        let ns = match self.from == self.to {
            true => u64::try_from(parts / (2 * u128::from(self.from))).unwrap_or(u64::MAX),
            false => self.within_moving_ns(parts as f64),
        };
        // Rounding up to the very end would be the first moment after it.
        ns.min(self.lasting_ns - 1)
    }

    /// The rate moves: solves `(to − from)·t²/lasting + 2·from·t = parts`, in the form that cancels nothing. Off by less
    /// than a nanosecond in stretches of a month.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between zero and the stretch's length
    fn within_moving_ns(&self, parts: f64) -> u64 {
        if parts == 0.0 {
            return 0;
        }
        let (from, to, lasting) = (self.from as f64, self.to as f64, self.lasting_ns as f64);
        let linear = from * lasting;
        let root = (linear * linear + (to - from) * parts * lasting).max(0.0).sqrt();
        (parts * lasting / (linear + root)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Moments of whole events, each looked for from the beginning.
    fn moments(course: &Course) -> Vec<u64> {
        (0..).map_while(|event| course.moment_ns(&mut 0, event * PARTS)).collect()
    }

    #[test]
    fn a_moving_rate_is_the_square_root_of_time() {
        // From 0 to 8 events/s in 2 s: N(t) = 2 t², so event k comes after √(k/2) s.
        let course = Course::default().then(0, 8, 2 * SECOND).expect("a course");
        let expected: Vec<u64> =
            (0..8).map(|k| (f64::from(k) / 2.0).sqrt() * 1e9).map(|ns| ns as u64).collect();
        assert_eq!(moments(&course), expected);
        assert_eq!((course.events(), course.duration()), (8, 2 * SECOND));
    }

    #[test]
    fn a_falling_rate_is_the_mirror_of_a_rising_one() {
        let falling = Course::default().then(1_000, 0, SECOND).expect("a course");
        let rising = Course::default().then(0, 1_000, SECOND).expect("a course");
        let (falling, rising) = (moments(&falling), moments(&rising));
        for k in 1..500 {
            let mirrored = 1_000_000_000 - rising[500 - k];
            assert!(falling[k].abs_diff(mirrored) <= 1, "{k}: {} and {mirrored}", falling[k]);
        }
    }

    #[test]
    fn nothing_is_sent_in_a_pause_and_what_follows_is_not_moved() {
        let half = SECOND / 2;
        let course =
            Course::steady(0, SECOND).and_then(|c| c.then(4, 4, half)).and_then(|c| c.then(0, 0, SECOND));
        let course = course.and_then(|c| c.then(2, 2, SECOND)).expect("a course");
        assert_eq!(moments(&course), [1_000, 1_250, 2_500, 3_000].map(|ms| ms * 1_000_000));
    }

    #[test]
    fn a_fraction_of_an_event_is_carried_into_the_next_stretch() {
        // One and a half events, then two: the third comes where the sum passes 2, a quarter of a second into it.
        let course = Course::steady(3, SECOND / 2).and_then(|c| c.then(2, 2, SECOND)).expect("a course");
        assert_eq!(moments(&course), [0, 333_333_333, 750_000_000, 1_250_000_000]);
        assert_eq!(course.events(), 4);
    }

    #[test]
    fn what_no_clock_holds_is_refused() {
        let refused = Course::steady(HIGHEST_RATE + 1, SECOND).expect_err("too fast");
        assert_eq!(refused, InvalidPattern::Rate { rate: 1_000_000_001 });
        assert_eq!(Course::steady(1, Duration::MAX), Err(InvalidPattern::TooLong));
        let longest = Course::steady(HIGHEST_RATE, Duration::from_nanos(u64::MAX)).expect("64 bits");
        assert_eq!(longest.events(), u64::MAX);
        assert_eq!(longest.then(1, 1, Duration::from_nanos(1)), Err(InvalidPattern::TooLong));
    }
}
