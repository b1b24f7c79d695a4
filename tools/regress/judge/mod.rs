//! The second room: verdicts from what was read. Nothing is read or written here.

mod compare;
mod drift;
mod explain;
mod status;
mod waived;

pub use compare::{Change, KernelVerdict, Verdict, compare};
pub use drift::{Drift, drift};
pub use explain::{AllocationChange, Explanation, FunctionChange, Origin, explain, origins};
pub use status::{Judgement, Side, Status};
pub use waived::{Standing, WaiverFault, faults, standing};
