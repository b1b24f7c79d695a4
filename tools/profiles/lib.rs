//! Reads what the instruments leave behind, for tools that judge it without running anything.
//!
//! [`Measurement`] is one whole run of the bench target `instructions`: a manifest that says which kernels of which
//! program were counted under which circumstances, and a summary by iai-callgrind for each. [`callgrind`] and [`dhat`]
//! read the profiles beside them, which tell where in the program a count comes from.
//!
//! A [`WorkTree`] is another revision of the project, in which this revision's harness can be put around its systems.
//!
//! Nothing here knows a kernel or a system: a tool that judges a program must not be part of it.

pub mod callgrind;
pub mod dhat;
mod error;
mod fingerprint;
mod manifest;
mod measurement;
mod metric;
mod names;
mod refusal;
mod sources;
mod summary;
mod work_tree;

pub use error::ProfileError;
pub use fingerprint::{Difference, Fingerprint};
pub use manifest::{Manifest, Measured, Program};
pub use measurement::{Measurement, Place};
pub use metric::{Counts, Metric};
pub use names::short_name;
pub use refusal::{Refusal, Result};
pub use sources::{Sources, hash_of_file};
pub use summary::{SUMMARY_SCHEMA, read_summary};
pub use work_tree::WorkTree;
