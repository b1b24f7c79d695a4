//! Performance-testing suite for event routing: is one system better than another, where, by how much, at what cost?
//!
//! The systems under test are a crate of their own, `crucible-events`. The rooms of this one, in the order in which a
//! figure comes into being; imports run from what interprets to what measures, never back:
//!
//! - [`workload`]: what arrives.
//! - [`sut`]: how a system under test is made, set up, driven and checked.
//! - [`kernels`]: the units that are timed and counted, and the one list of them.
//! - [`load`]: when events are sent, whether they were sent then, and what goes wrong meanwhile.
//! - [`measure`]: with which instrument a run is watched, and under which circumstances.
//! - [`stats`]: pure mathematics, numbers in, numbers out.
//! - [`experiment`]: how a figure is obtained: rounds in processes of their own, interleaved.
//! - [`targets`]: what each bench target measures, in which order.
//! - [`results`]: versioned JSON, with the provenance of every figure.
//! - [`analysis`]: figures become judgements.
//! - [`report`]: judgements and figures become pages and tables for people.
//! - [`cli`]: arguments that all bench targets share.
//!
//! Three promises hold everywhere. What was not measured is absent and says why; it is never zero. A quantile is given
//! only if ten samples lie beyond it. A file of results is there whole or not at all.

pub mod analysis;
pub mod cli;
pub mod experiment;
pub mod kernels;
pub mod load;
pub mod measure;
pub mod report;
pub mod results;
pub mod stats;
pub mod sut;
pub mod targets;
pub mod workload;
