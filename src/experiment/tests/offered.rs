//! Loads offered to real systems: all of them is published, checked, and seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crucible_events::crucible_core::CrucibleCore;
use crucible_events::data_coordinator::DataCoordinator;
use crucible_events::routing::EventSystem;

use super::light;
use super::remembering::Remembering;
use crate::experiment::run::{Material, RunError, Threads};
use crate::experiment::{EndedEarly, Keeping, OfferedLoad, Subject, Trial, TrialRun};
use crate::load::Arrivals;
use crate::sut::HandlerWork;
use crate::workload::{Edition, Owed, Workload};

const MS: Duration = Duration::from_millis(1);

fn load(threads: usize, publishers: usize, work: HandlerWork) -> OfferedLoad {
    OfferedLoad { threads: Threads(threads), publishers, work, arrivals: Arrivals::Even }
}

fn offer<S: EventSystem>(
    make: impl Fn(&Workload) -> S + Send + Sync,
    load: &OfferedLoad,
    trials: Vec<Trial>,
) -> Result<Vec<TrialRun>, RunError> {
    let (mut trials, mut runs) = (trials.into_iter(), Vec::new());
    make.trials(&mut Material::new(light()), load, &mut |last| {
        runs.extend(last);
        trials.next()
    })?;
    Ok(runs)
}

#[test]
fn trials_publish_what_they_say_one_after_the_other() {
    let owed = Owed::of(&light());
    let both = || vec![Trial::steady(20_000, 20 * MS, 1), Trial::steady(5_000, 30 * MS, 1)];
    for (threads, publishers) in [(1, 1), (1, 3), (2, 1), (2, 5)] {
        let load = load(threads, publishers, HandlerWork::None);
        let old = offer(|_| DataCoordinator::default(), &load, both()).expect("right work");
        let new = offer(|_| CrucibleCore::default(), &load, both()).expect("right work");
        for runs in [old, new] {
            let counts: Vec<_> = runs.iter().map(|run| (run.events, run.deliveries)).collect();
            assert_eq!(counts, [(400, 584), (150, owed.deliveries_of_first(550) - 584)]);
            for run in &runs {
                let seen = run.latency.expect("every one or every other is looked at").count;
                assert!(seen > run.deliveries / 4 && seen <= run.deliveries, "{seen} of {}", run.deliveries);
                assert!(run.samples.len() >= 2, "{}", run.samples.len());
                assert!(
                    run.samples
                        .iter()
                        .all(|sample| sample.done <= sample.taken && sample.taken <= run.deliveries)
                );
                assert!(
                    run.samples
                        .windows(2)
                        .all(|pair| pair[0].due <= pair[1].due && pair[0].done <= pair[1].done)
                );
            }
        }
    }
}

#[test]
fn a_delivery_that_is_lost_in_any_trial_voids_all() {
    let workload = light();
    // Of the last event of the first round that goes to somebody.
    let place = workload.plan().iter().rposition(|services| !services.is_empty()).expect("some have targets");
    let lost = Edition(0).id(workload.events[place].id);
    let trials = vec![Trial::steady(5_000, 10 * MS, 1), Trial::steady(5_000, 30 * MS, 1)];
    let wrong = offer(|_| Remembering::knowing(lost), &load(1, 1, HandlerWork::None), trials);
    assert!(matches!(wrong, Err(RunError::Wrong(_))), "{wrong:?}");
}

#[test]
fn a_hopeless_load_is_ended_and_what_waits_is_served() {
    let slow = load(1, 1, HandlerWork::Spin(MS));
    let hopeless = Trial { hopeless: 5 * MS, ..Trial::steady(20_000, Duration::from_secs(60), 1) };
    let runs = offer(|_| DataCoordinator::default(), &slow, vec![hopeless, Trial::steady(100, 50 * MS, 1)]);
    let runs = runs.expect("right work");
    assert_eq!((runs[0].ended_early, runs[0].keeping()), (Some(EndedEarly::Hopeless), Keeping::Behind));
    assert!(runs[0].events < 100_000, "{} of 1,200,000", runs[0].events);
    assert_eq!(runs[1].events, 5, "the next one is offered as if nothing had been");
}

/// Each event waits for its handler's millisecond, so all are beyond half of one, and nothing piles up.
#[test]
fn a_load_whose_p99_is_decided_is_ended() {
    let slow = load(1, 1, HandlerWork::Spin(MS));
    let trial = |p99| Trial { p99: Some(p99), ..Trial::steady(100, Duration::from_secs(2), 1) };
    let runs = offer(|_| CrucibleCore::default(), &slow, vec![trial(MS / 2), trial(Duration::from_secs(60))]);
    let runs = runs.expect("right work");
    assert_eq!(runs[0].ended_early, Some(EndedEarly::Slow));
    assert!((60..200).contains(&runs[0].events), "not before the judged part: {}", runs[0].events);
    assert_eq!((runs[1].ended_early, runs[1].events), (None, 200));
}

#[test]
fn a_saturated_system_goes_on_until_it_is_relieved() {
    for publishers in [1, 3] {
        let (stop, relieve) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (seen, stop_it) = (relieve.clone(), stop.clone());
        let subject = |_: &Workload| CrucibleCore::default();
        let load = load(1, publishers, HandlerWork::None);
        let done = subject.saturate(&mut Material::new(light()), &load, &stop, &mut |deliveries| {
            let (seen, stop) = (seen.clone(), stop_it.clone());
            std::thread::spawn(move || {
                // More than are ever on their way: it goes round.
                while deliveries() < 20_000 {
                    std::thread::yield_now();
                }
                seen.store(true, Ordering::Relaxed);
                stop.store(true, Ordering::Relaxed);
            });
        });
        done.expect("right work");
        assert!(relieve.load(Ordering::Relaxed), "it ended by itself");
    }
}
