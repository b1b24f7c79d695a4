//! `daemon_performance`: the systems side by side, in processes of their own.

mod closed;
mod latency;
mod plan;

pub use plan::{Figure, Plan, Settings, figures};
