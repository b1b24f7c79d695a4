//! `scalability_testing`: the highest sustained rates, and throughput, latency and memory along one size after the other.

mod dimension;
mod figure;
mod growth;
mod limit;
mod plan;

pub use figure::{Figure, figures};
pub use plan::{Plan, Settings};
