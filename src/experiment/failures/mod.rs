//! What becomes of everybody else when deliveries fail and one service stalls: throughput beside the same
//! load without failures, the time until the stalled service is served again, and what is kept meanwhile.
//!
//! One thread runs the publisher and all services: whatever failing takes is missing from the others at once,
//! and what they acknowledge is the same in each span however the machine shares out its cores.

mod crew;
mod gate;
mod memory;
mod recovery;
#[cfg(test)]
mod tests;
mod throughput;

pub use memory::{Kept, KeptMost, keep_publishing};
pub use recovery::{Recovery, RecoveryLoad, recover};
pub use throughput::{Condition, FailureLoad, FailureRound, RoundPair, compare, throughput_round};
