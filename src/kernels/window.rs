//! Which ids were seen before: CrucibleCore's window alone.

use std::sync::Arc;

use crucible_events::crucible_core::Moment;
use crucible_events::crucible_core::window::Window;
use crucible_events::event::Event;
use crucible_events::routing::WindowPolicy;

use super::matching::id_weight;
use super::{Prepared, Work};
use crate::workload::match_probes;

const SEED: u64 = 42;

/// Ids of a run; every tenth comes a second time.
const IDS: usize = 1_000;

/// A thousand ids that are new, a hundred of them once more, and as many as came in the run before are let
/// go: what each event costs in the long run.
pub(super) fn insert() -> Prepared {
    let policy = WindowPolicy::default();
    let events = match_probes(IDS, SEED);
    let again: Vec<Arc<Event>> = events.iter().step_by(10).cloned().collect();
    let expected = Work {
        events: (events.len() + again.len()) as u64,
        deliveries: events.len() as u64,
        bytes: 0,
        checksum: events.iter().fold(0, |sum, event| sum.wrapping_add(id_weight(event))),
    };
    let (mut window, mut now) = (Window::new(policy), Moment(0));
    let run = move || {
        let mut work = Work { events: 0, deliveries: 0, bytes: 0, checksum: 0 };
        now = now.after(policy.time);
        window.prune(now);
        for event in events.iter().chain(&again) {
            work.events += 1;
            if window.insert(event.id) {
                work.deliveries += 1;
                work.checksum = work.checksum.wrapping_add(id_weight(event));
            }
        }
        work
    };
    Prepared::new(run, expected)
}
