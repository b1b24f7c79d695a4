//! Figures as people read them.

pub mod counts;
pub mod daemon_performance;
pub mod failures;
mod quantity;
mod table;

pub use table::columns;
