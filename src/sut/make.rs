use crucible_events::crucible_core::CrucibleCore;
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

/// The reference for single publishing; it knows the receivers of each event beforehand.
pub fn reference_one_by_one(workload: &Workload) -> Reference {
    Reference::one_by_one(workload.plan(), REFERENCE_CAPACITY)
}

/// The reference for batch publishing; it knows the receivers of each event beforehand.
pub fn reference_batched(workload: &Workload) -> Reference {
    Reference::batched(workload.plan(), REFERENCE_CAPACITY)
}
