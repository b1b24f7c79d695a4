//! Recorded events are sent once each, at their own moments, and all of what they come to is accounted for.

use crucible_events::crucible_core::CrucibleCore;
use crucible_events::event::Timestamp;

use super::super::run::{Material, RunError, Threads};
use super::super::{Due, OpenLoop, Subject};
use crate::load::EventPattern;
use crate::sut::HandlerWork;
use crate::workload::trace::{Header, Speed, Trace};
use crate::workload::{Scenario, Workload};

const LIGHT: Scenario = Scenario::LIGHT;

/// The events of light, the n-th 30 µs times n times n after the first: ever more slowly.
fn recorded() -> Workload {
    let header = Header { recorded_at: Timestamp(0), how: "by a test".to_owned() };
    let offsets_ns = (0..100_u64).map(|index| index * index * 30_000).collect();
    let events = Workload::generate(&LIGHT, 42).events;
    let trace = Trace { name: "made".to_owned(), header, events, offsets_ns, gaps: 0 };
    Workload::of_trace(trace, &LIGHT).expect("it fits")
}

fn spec(due: Due) -> OpenLoop {
    OpenLoop { threads: Threads(1), work: HandlerWork::None, due }
}

#[test]
fn every_recorded_event_is_sent_once_at_its_moment() {
    let subject = |_: &Workload| CrucibleCore::default();
    let mut material = Material::new(recorded());
    let ten_times: Speed = "10x".parse().expect("a speed");
    let run = subject.open(&mut material, &spec(Due::AsRecorded(ten_times))).expect("nothing is lost");
    assert_eq!((run.pacing.offered, run.deliveries, run.failed), (100, 146, 0));
    // 99 distances within 99 · 99 · 3 µs, whatever the machine did meanwhile.
    let intended = run.pacing.intended_rate.expect("100 events");
    assert!((intended - 99.0 / 0.029_403).abs() < 1e-3, "{intended}");
    assert_eq!(recorded().mean_rate(ten_times), 3_367);
    assert_eq!(recorded().mean_rate(Speed::RECORDED), 337);
}

#[test]
fn generated_events_have_no_moments_of_their_own() {
    let subject = |_: &Workload| CrucibleCore::default();
    let mut material = Material::new(Workload::generate(&LIGHT, 42));
    let refusal = subject.open(&mut material, &spec(Due::AsRecorded(Speed::RECORDED)));
    assert!(matches!(refusal, Err(RunError::NotRecorded)), "{refusal:?}");
    // A pattern says when recorded ones are due, too, if it is asked.
    let pattern = EventPattern::Steady { events_per_second: 2_000, duration_secs: 1 };
    let mut material = Material::new(recorded());
    let run = subject.open(&mut material, &spec(Due::By(pattern))).expect("editions of the trace");
    assert_eq!((run.pacing.offered, run.deliveries), (2_000, 20 * 146));
}
