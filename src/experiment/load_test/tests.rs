//! Load tests of both systems, short ones, of which every delivery is accounted for. No time is asserted on; what the
//! clock has to say is tested where it stands still, in [`known_answers`].

mod known_answers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crucible_events::crucible_core::{Config, CrucibleCore};
use crucible_events::data_coordinator::DataCoordinator;
use crucible_events::event::{Limits, Name, Timestamp};

use super::{Interval, LoadRun};
use crate::experiment::{Material, RunError, Subject};
use crate::load::faults::{Fault, FaultKind};
use crate::load::{EventPattern, InvalidLoad, LoadTestConfig};
use crate::sut;
use crate::workload::trace::{Header, Trace};
use crate::workload::{Owed, Scenario, Workload};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// Two hundred events in a second.
fn config() -> LoadTestConfig {
    let pattern = EventPattern::Steady { events_per_second: 200, duration_secs: 1 };
    LoadTestConfig { pattern, events: 150, ..LoadTestConfig::default() }
}

fn material(config: &LoadTestConfig) -> Material {
    Material::new(Workload::generate(&config.scenario().expect("a scenario"), config.seed))
}

fn test(subject: &dyn Subject, config: &LoadTestConfig) -> Result<(LoadRun, Vec<Interval>), RunError> {
    let mut intervals = Vec::new();
    let mut show = |interval: &Interval| intervals.push(interval.clone());
    let run =
        subject.load_test(&mut material(config), config, &Arc::new(AtomicBool::new(false)), &mut show)?;
    Ok((run, intervals))
}

fn owed(config: &LoadTestConfig, events: u64) -> u64 {
    Owed::of(material(config).whole()).deliveries_of_first(events)
}

fn both() -> [(&'static str, Box<dyn Subject>); 2] {
    [("DataCoordinator", Box::new(sut::data_coordinator)), ("CrucibleCore", Box::new(sut::crucible_core))]
}

#[test]
fn every_delivery_is_in_the_totals_and_in_one_interval() {
    let config = config();
    for (name, subject) in both() {
        let (run, intervals) = test(&*subject, &config).expect(name);
        let owed = owed(&config, 200);
        assert_eq!(
            (run.pacing.offered, run.ledger.accepted, run.ledger.acknowledged),
            (200, owed, owed),
            "{name}"
        );
        let sum = |of: fn(&Interval) -> u64| intervals.iter().map(of).sum::<u64>();
        assert_eq!(sum(|interval| interval.events), 200, "{name}");
        assert_eq!(sum(|interval| interval.served.response.count()), owed, "{name}");
        assert_eq!(sum(|interval| interval.served.service.count()), owed, "{name}");
        assert_eq!(run.response.map(|response| response.count), Some(owed), "{name}");
        assert_eq!(intervals.last().map(|interval| interval.backlog), Some(0), "{name}: quiet at the end");
        let ends: Vec<u64> =
            intervals.iter().map(|interval| interval.from_ns + interval.lasting_ns).collect();
        assert!(intervals[1..].iter().zip(&ends).all(|(next, end)| next.from_ns == *end), "{name}: no gaps");
        assert_eq!((run.failures, run.turned_away), (None, 0), "{name}");
    }
}

#[test]
fn what_fails_is_in_the_ledger_and_in_the_account_of_failures() {
    let config = LoadTestConfig { enable_failures: true, failure_rate: 0.5, ..config() };
    for (name, subject) in both() {
        let (run, _) = test(&*subject, &config).expect(name);
        let failures = run.failures.expect("some deliveries failed");
        let third = 333_333_333;
        assert_eq!((failures.from_ns, failures.until_ns), (third, Some(2 * third)), "{name}");
        assert!(failures.injected.errors > 0, "{name}");
        assert_eq!(
            run.ledger.failed + failures.retried + run.ledger.dead_lettered,
            failures.injected.errors,
            "{name}"
        );
        assert_eq!((name, run.ledger.failed > 0), (name, name == "DataCoordinator"));
        let count = |phase: Option<crate::measure::LatencySummary>| phase.map_or(0, |phase| phase.count);
        let phases = [failures.response.before, failures.response.during, failures.response.after].map(count);
        assert_eq!(phases.iter().sum::<u64>(), run.ledger.acknowledged, "{name}");
        // The events of the first third are the first 67.
        assert_eq!(phases[0], owed(&config, 67), "{name}");
    }
}

#[test]
fn a_service_that_vanishes_misses_what_comes_meanwhile_and_the_books_balance() {
    let vanish = Fault::new(FaultKind::Vanish { lasting: MS(200) }, 1.0).between(MS(300), MS(400));
    let faults = vec![vanish.of([Name::from("service-000")])];
    let config = LoadTestConfig { faults, ..config() };
    for (name, subject) in both() {
        let (run, _) = test(&*subject, &config).expect(name);
        let failures = run.failures.expect("one vanished");
        assert_eq!((failures.injected.departures, failures.injected.returns), (1, 1), "{name}");
        assert_eq!(run.ledger.acknowledged, run.ledger.accepted, "{name}");
        assert!(run.ledger.accepted < owed(&config, 200), "{name}");
    }
}

#[test]
fn a_fault_that_would_stop_a_system_for_good_is_refused() {
    for (kind, needed) in [(FaultKind::Hang, "handler time-outs"), (FaultKind::Panic, "panic isolation")] {
        let config = LoadTestConfig { faults: vec![Fault::new(kind, 0.1)], ..config() };
        let refused = test(&|_: &Workload| DataCoordinator::default(), &config).expect_err("it would hang");
        let message = refused.to_string();
        assert!(message.contains(needed) && message.contains("--system"), "{message}");
    }
    let faults = vec![Fault::new(FaultKind::Panic, 0.1).between(MS(0), MS(500))];
    let config = LoadTestConfig { faults, ..config() };
    let (run, _) = test(&|_: &Workload| CrucibleCore::default(), &config).expect("panics are survived");
    assert!(run.failures.expect("some panicked").injected.panics > 0);
}

#[test]
fn a_service_that_nobody_has_is_refused() {
    let faults = vec![Fault::new(FaultKind::Error, 0.1).of([Name::from("search")])];
    let config = LoadTestConfig { faults, ..config() };
    let refused = test(&sut::crucible_core, &config).expect_err("nobody would fail").to_string();
    assert!(refused.contains("faults[0].services: there is no service `search`"), "{refused}");
}

#[test]
fn a_stopped_test_accounts_for_what_was_sent_and_is_invalid() {
    let pattern = EventPattern::Steady { events_per_second: 50, duration_secs: 3_600 };
    let config = LoadTestConfig { pattern, ..config() };
    let stop = Arc::new(AtomicBool::new(false));
    let mut show = |interval: &Interval| stop.store(interval.events > 0, Ordering::Relaxed);
    let run = sut::crucible_core.load_test(&mut material(&config), &config, &stop, &mut show);
    let run = run.expect("what was sent was served");
    let offered = run.pacing.offered;
    assert_eq!(run.pacing.invalid, Some(InvalidLoad::Stopped { offered }));
    assert!((1..180_000).contains(&offered));
    assert_eq!(run.ledger.acknowledged, owed(&config, offered));
}

#[test]
fn with_nobody_asleep_the_work_is_the_same() {
    let config = LoadTestConfig { awake: true, ..config() };
    for (name, subject) in both() {
        let (run, intervals) = test(&*subject, &config).expect(name);
        let owed = owed(&config, 200);
        assert_eq!(
            (run.pacing.offered, run.ledger.accepted, run.ledger.acknowledged),
            (200, owed, owed),
            "{name}"
        );
        let done: u64 = intervals.iter().map(|interval| interval.served.response.count()).sum();
        assert_eq!(done, owed, "{name}");
    }
}

#[test]
fn recorded_events_are_sent_at_their_speed_until_the_time_is_over() {
    let header = Header { recorded_at: Timestamp(0), how: "by a test".to_owned() };
    let offsets_ns: Arc<[u64]> = (0..100_u64).map(|index| index * index * 300_000).collect();
    let events = Workload::generate(&Scenario::LIGHT, 42).events;
    let trace = Trace { name: "made".to_owned(), header, events, offsets_ns, gaps: 0 };
    let workload = Workload::of_trace(trace, &Scenario::LIGHT).expect("it fits");
    let once = LoadTestConfig { speed: "10x".parse().expect("a speed"), trace_secs: 0, ..config() };
    assert_eq!(once.lasting(&workload).expect("recorded"), Duration::from_nanos(99 * 99 * 30_000));
    // Once takes 0.29 s, and the mean distance of two events lies between two replays.
    let config = LoadTestConfig { trace_secs: 1, ..once };
    let (begins, last) = (3 * 99 * 100 * 30_000, 99 * 99 * 30_000);
    assert_eq!(config.lasting(&workload).expect("recorded"), Duration::from_nanos(begins + last));
    let run = sut::crucible_core.load_test(
        &mut Material::new(workload),
        &config,
        &Arc::new(AtomicBool::new(false)),
        &mut |_| (),
    );
    let run = run.expect("nothing is lost");
    assert_eq!((run.pacing.offered, run.ledger.acknowledged), (400, 4 * 146));
}

/// Where a budget of bytes is used up by a service that stands still, what is refused is counted, and nothing else is missing.
#[test]
fn what_a_budget_refuses_is_turned_away() {
    let budget = Limits::default().held_bytes();
    let make = move |_: &Workload| {
        CrucibleCore::new(Config { byte_budget: Some(budget), ..Config::default() })
            .expect("the smallest budget")
    };
    let stall = Fault::new(FaultKind::Stall { lasting: MS(900) }, 1.0).between(MS(0), MS(500));
    let config = LoadTestConfig {
        payload_size_range: 400_000..=500_000,
        events: 20,
        broadcast: true,
        concurrent_services: 2,
        faults: vec![stall],
        ..config()
    };
    let (run, _) = test(&make, &config).expect("refusals are no failure");
    assert!(run.turned_away > 0 && run.turned_away.is_multiple_of(2), "{run:?}");
    assert_eq!(run.ledger.acknowledged + run.turned_away, 400);
    assert_eq!(run.waiting.byte_budget, Some(budget));
    assert!(run.waiting.held_bytes.is_some_and(|held| (1..=budget).contains(&held)), "{run:?}");
}
