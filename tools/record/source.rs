use std::time::{Duration, Instant};

use crucible_events::event::{Event, Timestamp};

use crate::refusal::Refusal;

/// Where events come from.
pub trait Source {
    /// What is recorded, for whoever sits before the terminal.
    fn what(&self) -> String;

    /// How it is recorded, for the header: words that name no machine, person or path.
    fn how(&self) -> String;

    /// What happened next, if it is there within this time.
    fn next(&mut self, within: Duration) -> Result<Next, Refusal>;

    /// From now on only what happened before is told.
    fn close(&mut self);
}

/// What a source has to tell.
#[derive(Debug)]
pub enum Next {
    /// This.
    Seen(Seen),
    /// Nothing, within the time.
    Nothing,
    /// Nothing any more; why, if it did not simply end.
    End(Option<String>),
}

/// Something that happened. The moments of a source do not go back.
#[derive(Debug)]
pub struct Seen {
    pub at: Timestamp,
    pub what: What,
}

#[derive(Debug)]
pub enum What {
    /// Without an id yet.
    Event(Box<Event>),
    /// Events that nobody saw; why.
    Gap(String),
}

/// Tells moments that do not go back, whatever is done to the system's clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    begin: Instant,
    timestamp: Timestamp,
}

impl Clock {
    pub fn start() -> Self {
        Self { begin: Instant::now(), timestamp: Timestamp::now() }
    }

    pub fn now(&self) -> Timestamp {
        self.at(Instant::now())
    }

    pub fn at(&self, moment: Instant) -> Timestamp {
        let since = moment.saturating_duration_since(self.begin).as_nanos();
        Timestamp(self.timestamp.0.saturating_add(u64::try_from(since).unwrap_or(u64::MAX)))
    }
}
