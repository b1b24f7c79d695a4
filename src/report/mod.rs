//! Figures as people read them.

pub mod counts;
pub mod daemon_performance;
pub mod failures;
mod quantity;

pub use crucible_tables::columns;
