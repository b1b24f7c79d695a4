//! Every delivery of a run in which deliveries fail is accounted for: by the ledger, by what services received, by
//! what the oracle owes them, and by the faults that were injected.

use crucible_events::routing::{EventSystem, Statistics, Tally};

use super::run::RunError;
use crate::sut::Stage;

/// Every failure led to another try or to an end. (A time-out fails a batch whole, whatever was injected into it.)
pub(super) fn check_tries(statistics: &Statistics, failures: u64) -> Result<(), RunError> {
    let services = &statistics.services;
    if services.iter().any(|service| service.timeouts > 0) {
        return Ok(());
    }
    let followed =
        services.iter().map(|service| service.retried + service.failed + service.dead_lettered).sum();
    RunError::check("failures that were followed up", failures, followed)
}

/// What each service was owed is settled or never reached it; where all was acknowledged it was the right events.
/// Returns what never reached each, in the order of the stage's.
pub(super) fn check_services<S: EventSystem>(
    stage: &Stage<S>,
    owed: &[Tally],
    statistics: &Statistics,
) -> Result<Vec<u64>, RunError> {
    let mut missing = Vec::with_capacity(owed.len());
    for ((name, received), owed) in stage.tallies().zip(owed) {
        let service = statistics.services.iter().find(|service| service.name == *name);
        let service = service.ok_or_else(|| RunError::accounts(format!("service `{name}`"), 1, 0))?;
        // A handler that was stopped at its time-out had done a part of what failed.
        if service.timeouts == 0 {
            RunError::check(format!("acknowledged by `{name}`"), received.deliveries, service.acknowledged)?;
        }
        let settled = service.acknowledged + service.failed + service.dead_lettered + service.expired;
        let never_reached = owed.deliveries.checked_sub(settled);
        let never_reached = never_reached
            .ok_or_else(|| RunError::accounts(format!("owed to `{name}`"), owed.deliveries, settled))?;
        if service.acknowledged == owed.deliveries && service.timeouts == 0 {
            RunError::check(format!("checksum of `{name}`"), owed.checksum, received.checksum)?;
        }
        missing.push(never_reached);
    }
    Ok(missing)
}
