//! Figures as people read them.

pub mod counts;
pub mod daemon_performance;
pub mod failures;
pub mod load_testing;
pub mod memory_profiling;
mod quantity;

pub use crucible_tables::columns;
