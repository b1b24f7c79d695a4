//! The first room: what others left, as it is. Nothing is judged here.

mod baseline;
mod bench;
mod costs;
mod inlined;
mod policy;
mod project;

pub use baseline::{Accepted, Baseline, Kernel, Rebased};
pub use bench::{Bench, Toolchain};
pub use costs::{Allocated, Function, KernelCosts, Location};
pub use inlined::Inlined;
pub use policy::{PPM_PER_PERCENT, Policy, Waiver};
pub use project::Project;
