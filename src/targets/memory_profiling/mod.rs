//! `memory_profiling`: what systems ask of the heap, whether they hold more and more, and what they do when there is no
//! more of it.

mod expected;
mod leak;
mod plan;

pub use expected::expected;
pub use plan::{Figure, Plan, Settings, figures, lineup};
