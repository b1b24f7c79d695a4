//! Performance-testing suite for event routing.
pub mod cli;
pub mod kernels;
pub mod measure;
pub mod report;
