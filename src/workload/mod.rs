//! What arrives: scenarios, their mix of events, and the seeded generator of events and rules.
//!
//! A [`Workload`] is data: services, rules and events, built before anything is timed. The same
//! scenario and seed give the same bytes on every machine: all draws are ChaCha8's, in integers only.
//!
//! ```
//! use crucible_perf::workload::{Scenario, Workload};
//!
//! let scenario: Scenario = "medium".parse()?;
//! let workload = Workload::generate(&scenario.with_events(500)?, 42);
//! println!("{}", workload.fan_out());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod draw;
mod fan_out;
mod generator;
mod mix;
mod payload;
mod rules;
mod scenario;
mod subscriptions;
mod vocabulary;

pub use fan_out::FanOut;
pub use generator::{EPOCH, Workload};
pub use mix::{KIND_SHARES, PRIORITY_SHARES};
pub use payload::MIN_PAYLOAD_BYTES;
pub use rules::{CORE_RULES, match_probes, rule_table, table_services};
pub use scenario::{InvalidScenario, Scenario, UnknownScenario};
