use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crucible_tables::thousands;

/// Often enough to look alive.
const EVERY: Duration = Duration::from_millis(200);

/// How many events there are so far, on a terminal.
#[derive(Debug)]
pub struct Progress {
    begin: Instant,
    /// None where nobody looks.
    shown: Option<Instant>,
    /// Events and moment of the line before, for the rate.
    before: (u64, Instant),
}

impl Progress {
    pub fn begin() -> Self {
        let now = Instant::now();
        Self { begin: now, shown: io::stderr().is_terminal().then_some(now), before: (0, now) }
    }

    pub fn show(&mut self, events: u64) {
        let now = Instant::now();
        if self.shown.is_none_or(|shown| now < shown + EVERY) {
            return;
        }
        let (events_before, since) = self.before;
        let rate = (events - events_before) as f64 / (now - since).as_secs_f64();
        let seconds = (now - self.begin).as_secs();
        // Who cannot be told does without.
        let _ = write!(io::stderr(), "\r\x1b[2K{} events, {rate:.0}/s, {seconds} s", thousands(events));
        (self.shown, self.before) = (Some(now), (events, now));
    }

    /// What comes next begins on a line of its own.
    pub fn clear(&self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}
