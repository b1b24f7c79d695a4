//! Faults in whole systems: what was injected is what the ledger says, and who vanished is passed over
//! until it comes back.

use std::sync::Arc;
use std::time::Duration;

use crucible_events::crucible_core::CrucibleCore;
use crucible_events::data_coordinator::DataCoordinator;
use crucible_events::event::{Event, EventId, EventKind, Name, Payload, Target, Timestamp};
use crucible_events::routing::{
    EventSystem, Filter, Ledger, OnFull, Publication, Recorder, Rule, ServiceSpec, SystemError,
};
use crucible_faults::{Absences, Fault, FaultKind, FaultPlan, Faults, Injected};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// Services `a` and `b` get every event.
struct Scene<S> {
    system: Arc<S>,
    faults: Faults<Recorder>,
    recorders: [Recorder; 2],
    published: u128,
}

impl<S: EventSystem> Scene<S> {
    async fn new(system: S, plan: FaultPlan) -> (Self, Absences<Recorder>) {
        let names = ["a", "b"].map(Name::from);
        plan.check_services(&names).expect("they are all there is");
        let (faults, absences) = Faults::new(plan).expect("it makes sense");
        let recorders = [0, 1].map(|at: usize| Recorder::new(&names[at]));
        for (name, recorder) in names.iter().zip(&recorders) {
            let service = ServiceSpec::new(name);
            let registered = system.register(service.clone(), faults.of(service, recorder.clone())).await;
            registered.expect("a new system accepts services");
        }
        let targets = names.map(Target::Service);
        system.add_rule(Rule::new("all", Filter::everything(), targets)).await.expect("a sound rule");
        faults.begin(Instant::now());
        (Self { system: Arc::new(system), faults, recorders, published: 0 }, absences)
    }

    /// One event; how many get it.
    async fn publish(&mut self) -> Option<u32> {
        self.published += 1;
        let payload = Payload::Text("x".to_owned().into());
        let event = Event::new(EventId(self.published), EventKind::Metrics, "s", Timestamp(0), payload);
        let published = self.system.publish(Arc::new(event), OnFull::Wait).await.expect("it is open");
        self.system.quiesce().await.expect("it is there");
        match published {
            Publication::Accepted { deliveries } => deliveries,
            other => panic!("{other:?}"),
        }
    }

    async fn ledger(&self) -> Ledger {
        self.system.ledger().await.expect("it is there")
    }

    fn received(&self) -> [u64; 2] {
        [0, 1].map(|at: usize| self.recorders[at].tally().deliveries)
    }
}

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

#[tokio::test(start_paused = true)]
async fn errors_are_what_the_ledger_has_as_failed() {
    let plan = FaultPlan::errors(0.05, 42);
    let foretold: u64 = ["a", "b"]
        .map(|service| {
            let faults = plan.of_service(service);
            (1..=1_000).filter(|&id| faults.strikes(EventId(id), 0, MS(0)).is_some()).count() as u64
        })
        .iter()
        .sum();
    let (mut scene, _) = Scene::new(DataCoordinator::default(), plan).await;
    for _ in 0..1_000 {
        assert_eq!(scene.publish().await, Some(2));
    }
    let injected = scene.faults.injected();
    assert_eq!(injected, Injected { errors: foretold, ..Injected::default() });
    let ledger = scene.ledger().await;
    assert_eq!(ledger.check(), Ok(()));
    assert_eq!((ledger.failed, ledger.acknowledged), (injected.failed(), 2_000 - injected.failed()));
    assert_eq!(scene.received().iter().sum::<u64>(), ledger.acknowledged);
}

/// `a` leaves at its first delivery after 10 ms, for 100 ms.
fn vanishing() -> FaultPlan {
    let vanish = Fault::new(FaultKind::Vanish { for_ms: 100 }, 1.0).of(["a"]).between(MS(10), MS(20));
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
    let vanish = Fault::new(FaultKind::Vanish { for_ms: 5 }, 1.0).of(["a"]);
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
    let vanish = Fault::new(FaultKind::Vanish { for_ms: 5 }, 1.0).between(MS(0), MS(1));
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
