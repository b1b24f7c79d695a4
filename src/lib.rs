//! Performance-testing suite for event routing: is one system better than another, where, by how much, at what cost?
//!
//! The systems under test are a crate of their own, `crucible-events`. The rooms of this one, in the order in which a
//! figure passes through them; imports run towards the instruments only:
//!
//! - [`measure`]: with which instrument a run is watched, and under which circumstances.
//! - [`stats`]: pure mathematics, numbers in, numbers out.

pub mod measure;
pub mod stats;
