//! Systems under test: how one is made and set up for a workload, how it is driven, and how its work
//! is checked. Kernels and experiments drive every system through these same few functions.

mod drive;
mod make;
mod stage;
mod work;

pub use drive::{BATCH, DriveError, Publishing, publish_all};
pub use make::{
    BUDGET, REFERENCE_CAPACITY, crucible_core, crucible_core_with_budget, data_coordinator,
    reference_batched, reference_one_by_one,
};
pub use stage::{SetUpError, Stage, StillWhole, WrongDeliveries};
pub use work::{DeliveryLog, HandlerWork, InvalidWork, LatencyLog, WorkingHandler};
