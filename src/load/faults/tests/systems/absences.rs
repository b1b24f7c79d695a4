use std::sync::Arc;
use std::time::Duration;

use crucible_events::crucible_core::CrucibleCore;
use crucible_events::data_coordinator::DataCoordinator;
use crucible_events::routing::{EventSystem, Recorder, SystemError};
use crucible_faults::{Absences, Fault, FaultKind, FaultPlan, Faults, Injected};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::scene::Scene;

const MS: fn(u64) -> Duration = Duration::from_millis;
const YEAR: Duration = Duration::from_secs(31_556_952);

fn driven<S: EventSystem>(
    system: &Arc<S>,
    absences: Absences<Recorder>,
) -> JoinHandle<Result<(), SystemError>> {
    let system = system.clone();
    tokio::spawn(async move { absences.drive(&*system).await })
}

/// The driver came to its end, and to a good one.
async fn assert_ends(driver: JoinHandle<Result<(), SystemError>>) {
    let ended = timeout(YEAR, driver).await.expect("it ends").expect("it does not panic");
    ended.expect("nobody else unregisters services, and shutting down is no error");
}

/// `a` leaves at its first delivery after 10 ms, for 100 ms.
fn vanishing() -> FaultPlan {
    let vanish = Fault::new(FaultKind::Vanish { lasting: MS(100) }, 1.0).of(["a"]).between(MS(10), MS(20));
    FaultPlan { seed: 42, faults: vec![vanish] }
}

async fn vanishes_and_returns<S: EventSystem>(system: S) {
    let (mut scene, absences) = Scene::new(system, vanishing()).await;
    let driver = driven(&scene.system, absences);
    assert_eq!(scene.publish().await, Some(2), "before");
    sleep(MS(10)).await;
    assert_eq!(scene.publish().await, Some(2), "the delivery that it vanishes at is still its own");
    sleep(MS(1)).await; // the driver's turn
    assert_eq!(scene.faults.injected(), Injected { departures: 1, ..Injected::default() });
    assert_eq!(scene.publish().await, Some(1), "away");
    sleep(MS(98)).await;
    assert_eq!(scene.publish().await, Some(1), "away for one more millisecond");
    sleep(MS(2)).await;
    assert_eq!(scene.publish().await, Some(2), "back");
    assert_eq!(scene.faults.injected(), Injected { departures: 1, returns: 1, ..Injected::default() });
    assert_eq!(scene.received(), [3, 5]);
    let ledger = scene.ledger().await;
    assert_eq!((ledger.check(), ledger.acknowledged), (Ok(()), 8));
    scene.faults.end();
    assert_ends(driver).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_vanishes_from_the_coordinator_and_returns() {
    vanishes_and_returns(DataCoordinator::default()).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_vanishes_from_the_core_and_returns() {
    vanishes_and_returns(CrucibleCore::default()).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_vanishes_again_once_it_is_back_and_not_while_it_is_away() {
    let vanish = Fault::new(FaultKind::Vanish { lasting: MS(5) }, 1.0).of(["a"]);
    let plan = FaultPlan { seed: 42, faults: vec![vanish] };
    let (mut scene, absences) = Scene::new(DataCoordinator::default(), plan).await;
    // Two deliveries before the driver has its turn: both are struck, and the service leaves once.
    assert_eq!([scene.publish().await, scene.publish().await], [Some(2); 2]);
    let driver = driven(&scene.system, absences);
    sleep(MS(1)).await;
    assert_eq!(scene.faults.injected(), Injected { departures: 1, ..Injected::default() });
    sleep(MS(5)).await;
    assert_eq!(scene.publish().await, Some(2));
    sleep(MS(1)).await;
    assert_eq!(scene.faults.injected(), Injected { departures: 2, returns: 1, ..Injected::default() });
    scene.faults.end();
    assert_ends(driver).await;
}

#[tokio::test(start_paused = true)]
async fn at_the_end_everybody_comes_back_at_once() {
    let (mut scene, absences) = Scene::new(DataCoordinator::default(), vanishing()).await;
    let driver = driven(&scene.system, absences);
    sleep(MS(10)).await;
    scene.publish().await;
    sleep(MS(1)).await;
    assert_eq!(scene.publish().await, Some(1));
    scene.faults.end();
    assert_ends(driver).await;
    assert_eq!(scene.publish().await, Some(2));
    assert_eq!(scene.faults.injected().returns, 1);
}

#[tokio::test(start_paused = true)]
async fn several_services_come_and_go_at_the_same_moments() {
    let vanish = Fault::new(FaultKind::Vanish { lasting: MS(5) }, 1.0).between(MS(0), MS(1));
    let plan = FaultPlan { seed: 42, faults: vec![vanish] };
    let (mut scene, absences) = Scene::new(DataCoordinator::default(), plan).await;
    scene.publish().await;
    let driver = driven(&scene.system, absences);
    sleep(MS(1)).await;
    assert_eq!(scene.publish().await, Some(0));
    sleep(MS(5)).await;
    assert_eq!(scene.publish().await, Some(2));
    scene.faults.end();
    assert_ends(driver).await;
}

#[tokio::test(start_paused = true)]
async fn without_anybody_who_could_vanish_there_is_nothing_to_drive() {
    let (faults, absences) = Faults::<Recorder>::new(vanishing()).expect("it makes sense");
    drop(faults);
    assert_ends(driven(&Arc::new(DataCoordinator::default()), absences)).await;
}

#[tokio::test(start_paused = true)]
async fn a_system_that_is_shut_down_ends_the_coming_and_going() {
    let (mut scene, absences) = Scene::new(DataCoordinator::default(), vanishing()).await;
    let driver = driven(&scene.system, absences);
    sleep(MS(10)).await;
    scene.publish().await;
    sleep(MS(1)).await;
    scene.system.shutdown(MS(0)).await.expect("it is there");
    assert_ends(driver).await;
    assert_eq!(scene.faults.injected(), Injected { departures: 1, ..Injected::default() });
}

#[tokio::test(start_paused = true)]
async fn a_service_that_somebody_else_took_out_is_an_error() {
    let (mut scene, absences) = Scene::new(DataCoordinator::default(), vanishing()).await;
    sleep(MS(10)).await;
    scene.publish().await;
    scene.system.unregister(&"a".into()).await.expect("it is registered");
    let why = absences.drive(&*scene.system).await.expect_err("it is gone already");
    assert_eq!(why.to_string(), "service `a` is not known");
}
