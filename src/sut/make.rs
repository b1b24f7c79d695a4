use crucible_events::crucible_core::{Config, CrucibleCore};
use crucible_events::data_coordinator::DataCoordinator;
use crucible_events::reference::Reference;

use crate::workload::Workload;

/// Room in each queue of a reference: the same as CrucibleCore's mailboxes have by default.
pub const REFERENCE_CAPACITY: usize = 1024;

/// The old way, as it is shipped.
pub fn data_coordinator(_: &Workload) -> DataCoordinator {
    DataCoordinator::default()
}

/// The daemon with its default configuration, as it is shipped.
pub fn crucible_core(_: &Workload) -> CrucibleCore {
    CrucibleCore::default()
}

/// Of [`crucible_core_with_budget`]: bytes of events.
pub const BUDGET: u64 = 16 << 20;

/// The daemon with a byte budget of [`BUDGET`], all else as by default.
pub fn crucible_core_with_budget(_: &Workload) -> CrucibleCore {
    let config = Config { byte_budget: Some(BUDGET), ..Config::default() };
    CrucibleCore::new(config).expect("a budget beyond the largest event that the default limits allow")
}

/// The reference for single publishing; it knows the receivers of each event beforehand.
pub fn reference_one_by_one(workload: &Workload) -> Reference {
    Reference::one_by_one(workload.plan(), REFERENCE_CAPACITY)
}

/// The reference for batch publishing; it knows the receivers of each event beforehand.
pub fn reference_batched(workload: &Workload) -> Reference {
    Reference::batched(workload.plan(), REFERENCE_CAPACITY)
}
