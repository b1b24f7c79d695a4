//! Performance-testing suite for event routing.

pub mod workload;
