//! When events are sent: a pattern gives a course of rates, this the intended times, and the pacer keeps them. And what goes wrong
//! meanwhile: [`faults`].

mod clock;
mod course;
mod feed;
mod feeder;
mod pacer;
mod pattern;
mod schedule;
mod verdict;

#[doc(inline)]
pub use crucible_faults as faults;

pub use clock::{Clock, SystemClock};
pub use course::Course;
pub use feed::Feed;
pub use feeder::feed_paced;
pub use pacer::{pace, spawn_pacer};
pub use pattern::{EventPattern, InvalidPattern};
pub use schedule::{Arrivals, Schedule};
pub use verdict::{InvalidLoad, LAG_P50_LIMIT, Pacing, RATE_TOLERANCE};
