use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crucible_events::event::{EventId, EventKind, Payload, Timestamp};
use tokio::time::{Instant, advance, timeout};

use super::*;
use crate::{Absences, Fault, FaultPlan, Faults, Injected};

const MS: fn(u64) -> Duration = Duration::from_millis;
const YEAR: Duration = Duration::from_secs(31_556_952);

/// Writes down the batches that it gets, and fails events whose id is in `fails`.
#[derive(Debug, Clone, Default)]
struct Witness {
    fails: BTreeSet<EventId>,
    batches: Arc<Mutex<Vec<Vec<u128>>>>,
}

impl Witness {
    fn batches(&self) -> Vec<Vec<u128>> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Handler for Witness {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        let ids = batch.iter().map(|event| event.id.0).collect();
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).push(ids);
        let failed = batch.iter().enumerate().filter(|(_, event)| self.fails.contains(&event.id));
        let failures: Vec<Failure> =
            failed.map(|(position, _)| Failure { position, reason: "own".to_owned() }).collect();
        if failures.is_empty() { BatchOutcome::Acknowledged } else { BatchOutcome::Failed(failures) }
    }
}

/// A service `a` under these faults, the run begun now.
struct Scene {
    faults: Faults<Witness>,
    faulty: Faulty<Witness>,
    witness: Witness,
    _absences: Absences<Witness>,
}

impl Scene {
    fn new(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self::with(faults, Witness::default())
    }

    fn with(faults: impl IntoIterator<Item = Fault>, witness: Witness) -> Self {
        let plan = FaultPlan { seed: 42, faults: faults.into_iter().collect() };
        let (faults, absences) = Faults::new(plan).expect("it makes sense");
        let faulty = faults.of(ServiceSpec::new("a"), witness.clone());
        faults.begin(Instant::now());
        Self { faults, faulty, witness, _absences: absences }
    }

    /// Ids that failed.
    async fn hand(&self, events: &[Event]) -> Vec<u128> {
        match self.faulty.handle(Batch::owned(events)).await {
            BatchOutcome::Acknowledged => Vec::new(),
            BatchOutcome::Failed(failures) => {
                failures.iter().map(|failure| events[failure.position].id.0).collect()
            }
        }
    }

    fn foretold(&self, event: &Event) -> bool {
        let faults = self.faults.plan().of_service("a");
        faults.strikes(event.id, event.retry_count, MS(0)).is_some()
    }
}

fn events(ids: impl IntoIterator<Item = u128>) -> Vec<Event> {
    let payload = Payload::Text("x".to_owned().into());
    let event = |id| Event::new(EventId(id), EventKind::Metrics, "s", Timestamp(0), payload.clone());
    ids.into_iter().map(event).collect()
}

fn certain(kind: FaultKind) -> Fault {
    Fault::new(kind, 1.0)
}

#[tokio::test(start_paused = true)]
async fn the_same_deliveries_fail_whatever_their_batches_and_order() {
    let mut events = events(1..=1_000);
    let mut found = BTreeSet::new();
    for size in [1, 7, 64, 1_000] {
        let scene = Scene::new([Fault::new(FaultKind::Error, 0.05)]);
        let mut failed = Vec::new();
        for batch in events.chunks(size) {
            failed.extend(scene.hand(batch).await);
        }
        let foretold: Vec<u128> =
            events.iter().filter(|event| scene.foretold(event)).map(|event| event.id.0).collect();
        assert_eq!(failed, foretold, "batches of {size}");
        assert_eq!(scene.faults.injected(), Injected { errors: failed.len() as u64, ..Injected::default() });
        let handled: Vec<u128> = scene.witness.batches().concat();
        let spared = events.iter().filter(|event| !scene.foretold(event)).map(|event| event.id.0);
        assert_eq!(handled, spared.collect::<Vec<_>>(), "batches of {size}");
        found.insert(failed.into_iter().collect::<BTreeSet<_>>());
        events.reverse();
    }
    assert_eq!(found.len(), 1);
    assert_eq!(found.first().map(BTreeSet::len), Some(54), "computed apart, in Python");
}

#[tokio::test(start_paused = true)]
async fn another_attempt_is_drawn_for_anew() {
    let scene = Scene::new([Fault::new(FaultKind::Error, 0.5)]);
    let mut failed = BTreeSet::new();
    for attempt in 0..3 {
        let mut events = events(1..=100);
        events.iter_mut().for_each(|event| event.retry_count = attempt);
        failed.insert(scene.hand(&events).await);
        assert_eq!(scene.hand(&events).await, scene.hand(&events).await, "the same attempt twice");
    }
    assert_eq!(failed.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn failures_of_the_handler_within_keep_their_places() {
    let struck = Scene::new([Fault::new(FaultKind::Error, 0.5)]);
    let [first, second]: [u128; 2] = {
        let of = |fate| events(1..=20).iter().find(|event| struck.foretold(event) == fate).map(|e| e.id.0);
        [of(true), of(false)].map(|id| id.expect("of 20 one is struck, and one is not"))
    };
    let witness = Witness { fails: [EventId(first), EventId(second)].into(), ..Witness::default() };
    let scene = Scene::with([Fault::new(FaultKind::Error, 0.5)], witness);
    let outcome = scene.faulty.handle(Batch::owned(&events([first, second]))).await;
    let reasons = ["injected", "own"].map(str::to_owned);
    let failures = (0..).zip(reasons).map(|(position, reason)| Failure { position, reason });
    assert_eq!(outcome, BatchOutcome::Failed(failures.collect()));
    assert_eq!(scene.witness.batches(), [[second]], "what fails by a fault is not handled");
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_one_for_a_batch_and_slowness_adds_up() {
    for (kind, delay) in [(FaultKind::Stall { lasting: MS(200) }, 200), (FaultKind::Slow { by: MS(5) }, 50)] {
        let scene = Scene::new([certain(kind)]);
        let start = Instant::now();
        assert_eq!(scene.hand(&events(1..=10)).await, [0; 0]);
        assert_eq!(start.elapsed(), MS(delay), "{kind}");
        assert_eq!(scene.witness.batches(), [(1..=10).collect::<Vec<_>>()], "whole, and afterwards");
        let Injected { stalls, slowed, .. } = scene.faults.injected();
        assert_eq!(stalls + slowed, 10);
    }
}

#[tokio::test(start_paused = true)]
async fn hanging_ends_only_by_cancelling_and_then_the_service_goes_on() {
    let hang = certain(FaultKind::Hang).between(MS(0), MS(10));
    let scene = Scene::new([Fault::new(FaultKind::Error, 0.5), hang]);
    let events = events(1..=10);
    assert!(timeout(100 * YEAR, scene.hand(&events)).await.is_err());
    assert_eq!(scene.witness.batches().len(), 0, "a batch that is lost was seen by nobody");
    let expected = Injected { hangs: 1, held_up: 9, ..Injected::default() };
    assert_eq!(scene.faults.injected(), expected, "errors of a batch that hangs did not come to pass");
    let failed = scene.hand(&events).await.len();
    assert_eq!(scene.witness.batches().concat().len(), 10 - failed);
}

#[tokio::test(start_paused = true)]
async fn a_panic_panics_and_takes_its_batch_along() {
    let scene = Scene::new([certain(FaultKind::Panic).between(MS(0), MS(1))]);
    let faulty = scene.faulty.clone();
    let task = tokio::spawn(async move { faulty.handle(Batch::owned(&events(7..=9))).await });
    let panic = task.await.expect_err("it panics").into_panic();
    let message = panic.downcast_ref::<String>().map(String::as_str);
    assert_eq!(message, Some("injected: service `a` panics at event 00000000000000000000000000000007"));
    let injected = scene.faults.injected();
    assert_eq!(injected, Injected { panics: 1, taken_along: 2, ..Injected::default() });
    assert_eq!((injected.failed(), scene.witness.batches().len()), (3, 0));
    advance(MS(1)).await;
    assert_eq!(scene.hand(&events(7..=9)).await, [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_comes_first_in_a_batch_ends_it() {
    let scene = Scene::new([Fault::new(FaultKind::Hang, 0.5), certain(FaultKind::Panic)]);
    let faults = scene.faults.plan().of_service("a");
    let hangs = |event: &Event| faults.strikes(event.id, 0, MS(0)) == Some(FaultKind::Hang);
    let (hanging, panicking): (Vec<Event>, Vec<Event>) = events(1..=20).into_iter().partition(hangs);
    let both = |first: &Event, second: &Event| [first.clone(), second.clone()];
    let hangs_first = both(&hanging[0], &panicking[0]);
    assert!(timeout(YEAR, scene.hand(&hangs_first)).await.is_err());
    let (faulty, panics_first) = (scene.faulty.clone(), both(&panicking[0], &hanging[0]));
    let task = tokio::spawn(async move { faulty.handle(Batch::owned(&panics_first)).await });
    let panicked = timeout(YEAR, task).await.expect("it does not hang");
    assert!(panicked.is_err_and(|why| why.is_panic()));
}

#[tokio::test(start_paused = true)]
async fn faults_strike_between_their_moments_only() {
    let scene = Scene::new([certain(FaultKind::Error).between(MS(10), MS(20))]);
    let nanosecond = Duration::from_nanos(1);
    let mut strikes = Vec::new();
    for step in [MS(0), MS(10) - nanosecond, nanosecond, MS(10) - nanosecond, nanosecond] {
        advance(step).await;
        strikes.push(scene.hand(&events([1])).await.len());
    }
    assert_eq!(strikes, [0, 0, 1, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn no_fault_strikes_before_the_beginning_and_after_the_end() {
    let (faults, _absences) = Faults::new(FaultPlan::errors(1.0, 42)).expect("a rate of one makes sense");
    let faulty = faults.of(ServiceSpec::new("a"), Witness::default());
    let events = events([1]);
    let failed = async || faulty.handle(Batch::owned(&events)).await.failed();
    assert_eq!(failed().await, 0, "not begun");
    faults.begin(Instant::now() + MS(5));
    assert_eq!(failed().await, 0, "its beginning lies ahead");
    advance(MS(5)).await;
    assert_eq!(failed().await, 1);
    faults.end();
    assert_eq!(failed().await, 0, "over");
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_nothing_strikes_is_passed_on_whole() {
    let scene = Scene::new([Fault::new(FaultKind::Error, 1.0).of(["b"]), Fault::new(FaultKind::Hang, 1e-9)]);
    let events: Vec<Arc<Event>> = events(1..=64).into_iter().map(Arc::new).collect();
    assert_eq!(scene.faulty.handle(Batch::shared(&events)).await, BatchOutcome::Acknowledged);
    assert_eq!(scene.witness.batches().len(), 1);
    assert_eq!(scene.faults.injected(), Injected::default());
}
