//! `comparison_analysis`: which system is faster, by how much, and how sure that is.

mod cases;
mod plan;
mod revision;
mod take;

pub use cases::{Case, cases, controls, of_revision};
pub use plan::{Between, Plan, Settings};
pub use revision::build;
