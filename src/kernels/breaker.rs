//! A service's circuit breaker alone.

use crucible_events::crucible_core::Moment;
use crucible_events::crucible_core::breaker::{Allowance, Breaker};
use crucible_events::routing::BreakerPolicy;

use super::{Prepared, Work};

/// Batches of a run.
const BATCHES: u64 = 1_000;

/// All is well: asked before each batch and told after it.
pub(super) fn closed() -> Prepared {
    let mut breaker = Breaker::new(BreakerPolicy::default());
    let run = move || {
        let mut work = NONE;
        for _ in 0..BATCHES {
            work.events += 1;
            if breaker.allowance(|| Moment(0)) == Allowance::All {
                work.deliveries += 1;
                breaker.acknowledged();
            }
        }
        Work { checksum: breaker.opened(), ..work }
    };
    Prepared::new(run, Work { events: BATCHES, deliveries: BATCHES, ..NONE })
}

/// Round and round: it fails until the breaker opens, is held back, tried, and closes. Of the four steps of a
/// round, two are let through.
pub(super) fn round() -> Prepared {
    let policy = BreakerPolicy::default();
    let (mut breaker, mut now) = (Breaker::new(policy), Moment(0));
    let failing = vec![false; policy.threshold as usize];
    let run = move || {
        let before = breaker.opened();
        let mut work = NONE;
        for _ in 0..BATCHES / 4 {
            work.events += 4;
            work.deliveries += u64::from(breaker.allowance(|| now) == Allowance::All);
            breaker.settled(failing.iter().copied(), now);
            work.deliveries += u64::from(breaker.allowance(|| now) == Allowance::All);
            now = now.after(policy.open_for);
            work.deliveries += u64::from(breaker.allowance(|| now) == Allowance::Probes(policy.probes));
            breaker.acknowledged();
        }
        Work { checksum: breaker.opened() - before, ..work }
    };
    Prepared::new(run, Work { events: BATCHES, deliveries: BATCHES / 2, bytes: 0, checksum: BATCHES / 4 })
}

const NONE: Work = Work { events: 0, deliveries: 0, bytes: 0, checksum: 0 };
