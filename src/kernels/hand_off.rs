//! The references at a fixed fan-out: what handing an event over costs at least.

use std::sync::Arc;

use crucible_events::event::{Event, Name};
use crucible_events::reference::Reference;
use crucible_events::routing::{EventSystem, Expected, Recorder, ServiceSpec, Tally};

use super::Prepared;
use super::route::{runtime, work};
use crate::sut::{Publishing, REFERENCE_CAPACITY, publish_all};
use crate::workload::match_probes;

const SEED: u64 = 42;
const SERVICES: u32 = 25;
const EVENTS: usize = 640;

type Plan = Arc<[Box<[u32]>]>;

/// Each event to `fan_out` of 25 services, one by one.
pub(super) fn single(fan_out: u32) -> Prepared {
    prepare(|plan| Reference::one_by_one(plan, REFERENCE_CAPACITY), fan_out, Publishing::Single)
}

/// Each event to `fan_out` of 25 services, in batches.
pub(super) fn batched(fan_out: u32) -> Prepared {
    prepare(|plan| Reference::batched(plan, REFERENCE_CAPACITY), fan_out, Publishing::Batch)
}

fn prepare(make: fn(Plan) -> Reference, fan_out: u32, publishing: Publishing) -> Prepared {
    let events = match_probes(EVENTS, SEED);
    let names: Vec<Name> = (0..SERVICES).map(|number| format!("service-{number:02}").into()).collect();
    let plan: Plan = (0..).zip(&events).map(|(index, _)| receivers(index, fan_out)).collect();
    let expected = expected(&events, &names, &plan);
    let runtime = runtime();
    let recorders: Vec<Recorder> = names.iter().map(Recorder::new).collect();
    let system = runtime.block_on(async {
        let system = make(plan);
        for (name, recorder) in names.iter().zip(&recorders) {
            let registered = system.register(ServiceSpec::new(name), recorder.clone()).await;
            registered.expect("a new system accepts services");
        }
        system
    });
    let expected = work(events.len(), 0, expected.total());
    let mut before = Tally::default();
    let run = move || {
        let published = runtime.block_on(async {
            let published = publish_all(&system, &events, publishing).await.is_ok();
            published && system.quiesce().await.is_ok()
        });
        let mut now = Tally::default();
        recorders.iter().for_each(|recorder| now += recorder.tally());
        let got = Tally {
            deliveries: now.deliveries - before.deliveries,
            checksum: now.checksum.wrapping_sub(before.checksum),
        };
        before = now;
        work(if published { events.len() } else { 0 }, 0, got)
    };
    Prepared::new(run, expected)
}

/// `fan_out` services from a start that moves on with each event, so that all get their share.
fn receivers(index: u32, fan_out: u32) -> Box<[u32]> {
    (0..fan_out).map(|next| (index * fan_out + next) % SERVICES).collect()
}

fn expected(events: &[Arc<Event>], names: &[Name], plan: &Plan) -> Expected {
    let mut expected = Expected::default();
    for (event, numbers) in events.iter().zip(plan.iter()) {
        let receivers: Vec<Name> = numbers.iter().map(|&number| names[number as usize].clone()).collect();
        expected.note(event.id, &receivers);
    }
    expected
}
