use std::time::Duration;

use crucible_events::crucible_core::{Config, CrucibleCore};
use crucible_events::data_coordinator::DataCoordinator;
use crucible_events::event::EventId;
use crucible_events::routing::{EventSystem, Ledger, ServiceStatistics};
use crucible_faults::{Fault, FaultKind, FaultPlan, Injected};

use crate::scene::Scene;

const MS: fn(u64) -> Duration = Duration::from_millis;
const EVENTS: u64 = 1_000;

/// For each delivery, how many of its first `tries` tries are struck before one is not.
fn foretold(plan: &FaultPlan, tries: u16) -> Vec<u16> {
    let of = |service| {
        let faults = plan.of_service(service);
        let struck = move |id: u64, attempt| faults.strikes(EventId(id.into()), attempt, MS(0)).is_some();
        (1..=EVENTS).map(move |id| (0..tries).take_while(|&attempt| struck(id, attempt)).count() as u16)
    };
    of("a").chain(of("b")).collect()
}

async fn after_publishing<S: EventSystem>(system: S, plan: FaultPlan) -> Scene<S> {
    let (mut scene, _) = Scene::new(system, plan).await;
    for _ in 0..EVENTS {
        assert_eq!(scene.publish().await, Some(2));
    }
    scene
}

#[tokio::test(start_paused = true)]
async fn without_retries_what_fails_is_failed() {
    let plan = FaultPlan::errors(0.05, 42);
    let errors = foretold(&plan, 1).into_iter().map(u64::from).sum();
    let scene = after_publishing(DataCoordinator::default(), plan).await;
    assert_eq!(scene.faults.injected(), Injected { errors, ..Injected::default() });
    let (accepted, acknowledged) = (2 * EVENTS, 2 * EVENTS - errors);
    assert_eq!(scene.ledger().await, Ledger { accepted, acknowledged, failed: errors, ..Ledger::default() });
    assert_eq!(scene.received().iter().sum::<u64>(), acknowledged);
}

/// Every try is a draw of its own: a delivery is lost if all four are struck.
#[tokio::test(start_paused = true)]
async fn with_retries_what_fails_each_time_is_a_dead_letter() {
    let plan = FaultPlan::errors(0.3, 42);
    let struck = foretold(&plan, 4);
    let errors: u64 = struck.iter().copied().map(u64::from).sum();
    let dead_lettered = struck.iter().filter(|&&tries| tries == 4).count() as u64;
    let mut config = Config::default();
    config.breaker.threshold = u32::MAX;
    let core = CrucibleCore::new(config).expect("settings that work");
    let scene = after_publishing(core, plan).await;
    assert_eq!(scene.faults.injected(), Injected { errors, ..Injected::default() });
    let (accepted, acknowledged) = (2 * EVENTS, 2 * EVENTS - dead_lettered);
    assert_eq!(scene.ledger().await, Ledger { accepted, acknowledged, dead_lettered, ..Ledger::default() });
    assert_eq!(scene.received().iter().sum::<u64>(), acknowledged, "what fails is not handled");
    assert!(dead_lettered > 0);
}

/// What the core counted of `a`, and what all of it came to.
async fn core_under(fault: FaultKind) -> (ServiceStatistics, Ledger, Injected) {
    let fault = Fault::new(fault, 1.0).of(["a"]).between(MS(0), MS(1));
    let plan = FaultPlan { seed: 42, faults: vec![fault] };
    let (mut scene, _) = Scene::new(CrucibleCore::default(), plan).await;
    scene.publish().await;
    let statistics = scene.system.statistics().await.expect("it is there");
    let of_a = statistics.services.into_iter().find(|service| &*service.name == "a");
    (of_a.expect("it is registered"), scene.ledger().await, scene.faults.injected())
}

#[tokio::test(start_paused = true)]
async fn who_hangs_is_stopped_by_the_time_out_and_works_again() {
    let (of_a, ledger, injected) = core_under(FaultKind::Hang).await;
    assert_eq!(injected, Injected { hangs: 1, ..Injected::default() });
    assert_eq!((of_a.timeouts, of_a.retried, of_a.acknowledged), (1, 1, 1));
    assert_eq!(ledger, Ledger { accepted: 2, acknowledged: 2, ..Ledger::default() });
}

#[tokio::test(start_paused = true)]
async fn who_panics_has_failed_and_works_again() {
    let (of_a, ledger, injected) = core_under(FaultKind::Panic).await;
    assert_eq!(injected, Injected { panics: 1, ..Injected::default() });
    assert_eq!((of_a.panics, of_a.retried, of_a.acknowledged), (1, 1, 1));
    assert_eq!(ledger, Ledger { accepted: 2, acknowledged: 2, ..Ledger::default() });
}
