//! When events are sent: a pattern gives a course of rates, this the intended times, and the pacer keeps them. And what goes wrong
//! meanwhile: [`faults`].

mod clock;
mod config;
mod course;
mod feed;
mod feeder;
mod pacer;
mod pattern;
mod schedule;
mod shape;
mod sizes;
mod text;
mod threshold;
mod verdict;

#[doc(inline)]
pub use crucible_faults as faults;

pub use clock::{Clock, SystemClock};
pub use config::{ConfigError, LoadTestConfig};
pub use course::Course;
pub use feed::Feed;
pub use feeder::{feed_paced, feed_window};
pub use pacer::{HEAD_START, pace, pace_from, spawn_pacer};
pub use pattern::{EventPattern, InvalidPattern};
pub use schedule::{Arrivals, Schedule};
pub use shape::{InvalidShape, Shape};
pub use sizes::parse_sizes;
pub use threshold::{InvalidThreshold, Metric, Statistic, Than, Threshold};
pub use verdict::{InvalidLoad, LAG_P50_LIMIT, Pacing, RATE_TOLERANCE};
