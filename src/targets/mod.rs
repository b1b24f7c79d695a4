//! What the bench targets measure, in which order: each target's plan. Their files in `benches/` only
//! read arguments, start the plan, and print and store what it brings.

pub mod daemon_performance;
