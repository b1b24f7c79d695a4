use std::time::Duration;

use super::*;
use crate::experiment::Material;
use crate::sut::HandlerWork;
use crate::workload::{Scenario, Workload};

/// Few events, and never the same twice within the window.
fn material() -> Material {
    let scenario = Scenario::HEAVY.with_events(640).and_then(|heavy| heavy.with_payload_bytes(64));
    Material::new(Workload::generate(&scenario.expect("enough"), 42))
}

fn load(failing: f64) -> FailureLoad {
    FailureLoad {
        work: HandlerWork::None,
        events: 640,
        warm_up: Duration::ZERO,
        at_least: Duration::ZERO,
        failing,
        seed: 42,
    }
}

#[test]
fn nobody_is_turned_away_where_nobody_fails() {
    let round = throughput_round(&mut material(), &load(0.05), Condition::Sound).expect("exact work");
    assert_eq!((round.errors, round.retried, round.dead_lettered, round.turned_away), (0, 0, 0, 0));
    assert!(round.acknowledged > 640, "{round:?}");
}

/// A rate at which five failures in a row, which would open a breaker for seconds, are out of the question.
#[test]
fn who_fails_is_tried_again_and_each_error_is_followed_up() {
    let round = throughput_round(&mut material(), &load(0.02), Condition::Failing).expect("exact work");
    assert_eq!(round.errors, round.retried + round.dead_lettered, "{round:?}");
    assert_eq!((round.breakers_opened, round.others_turned_away), (0, 0), "{round:?}");
    assert!(round.errors > 0 && round.acknowledged > 0, "{round:?}");
}

#[test]
fn each_pair_is_of_the_same_load_under_either_condition() {
    let pairs = compare(&mut material(), &load(0.02), 2).expect("exact work");
    assert_eq!(pairs.len(), 2);
    for RoundPair { sound, failing } in pairs {
        assert_eq!(sound.errors, 0);
        assert!(failing.errors > 0, "{failing:?}");
    }
}

#[test]
fn a_service_that_stalled_catches_up_after_its_breaker_had_opened() {
    let load = RecoveryLoad {
        work: HandlerWork::None,
        events: 640,
        breaker_period: Duration::from_millis(20),
        handler_timeout: Duration::from_millis(5),
        stall: Duration::ZERO,
        failing: 0.05,
        seed: 42,
    };
    let recovery = recover(&mut material(), &load).expect("exact work");
    assert!(recovery.opened > 0 && recovery.backlog > 0, "{recovery:?}");
    assert!(recovery.first <= recovery.caught_up, "{recovery:?}");
}

#[test]
fn what_is_kept_reaches_its_bounds_and_no_more() {
    let kept = keep_publishing(&mut material(), 640, 2, 0.05).expect("exact work");
    let Kept { seen, allowed, .. } = kept;
    assert_eq!(allowed, KeptMost { deliveries: 1024 + 64, dead_letters: 1024, ids: 16_384 });
    assert_eq!(seen.dead_letters, allowed.dead_letters);
    // A full mailbox, and the batch at which the service stalls.
    assert!((1025..=allowed.deliveries).contains(&seen.deliveries), "{kept:?}");
    assert!(kept.turned_away >= 2 * 1024 && seen.ids <= allowed.ids, "{kept:?}");
}
