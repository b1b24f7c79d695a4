//! When events are sent: a pattern gives the intended times, the pacer keeps them. And what goes wrong
//! meanwhile: [`faults`].

mod clock;
mod pacer;
mod pattern;
mod verdict;

#[doc(inline)]
pub use crucible_faults as faults;

pub use clock::{Clock, SystemClock};
pub use pacer::{pace, spawn_pacer};
pub use pattern::{EventPattern, Schedule};
pub use verdict::{InvalidLoad, LAG_P50_LIMIT, Pacing, RATE_TOLERANCE};
