//! Results as files: versioned JSON with its provenance, written whole or not at all.

pub mod bottleneck;
pub mod comparison_analysis;
pub mod daemon_performance;
mod error;
mod interval_log;
pub mod load_testing;
pub mod memory_profiling;
pub mod scalability_testing;
mod schema;
mod store;
mod stored_run;

pub use error::StoreError;
pub use interval_log::{IntervalLog, SERVICE_TAG, all_responses};
pub use schema::{Document, SCHEMA};
pub use store::{ResultFile, ResultsDir};
pub use stored_run::{REPORTED, RunError, StoredFile, StoredRun, Wanted};
