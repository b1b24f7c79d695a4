//! Figures as people read them.

pub mod bottleneck;
pub mod comparison_analysis;
pub mod comprehensive;
pub mod counts;
pub mod daemon_performance;
pub mod failures;
pub mod load_testing;
pub mod memory_profiling;
mod plot;
mod quantity;
pub mod scalability_testing;

pub use crucible_tables::columns;
