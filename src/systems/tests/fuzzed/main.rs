//! What holds of every input (`fuzz/checks`), on some thousands of them: bytes as they come, texts of events and rules as they
//! are written and spoilt, and what is made of bytes. `ci/fuzz.sh` runs the same checks on millions, led by coverage.
//!
//! `PROPTEST_CASES=100000 PROPTEST_RNG_SEED=7` searches longer and elsewhere.

#[path = "../../fuzz/checks/mod.rs"]
#[allow(unreachable_pub)] // they are the public items of a library, too
mod checks;
mod inputs;
mod seeds;
mod spoil;

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crucible_events::crucible_core::table::Rulebook;
use crucible_events::event::{Limits, Target};
use crucible_events::routing::{Filter, Rule};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use checks::{bounded, configuration, decode, rules, validate};

const CASES: u32 = 2_000;

fn runner() -> TestRunner {
    let given = Config::default();
    let rng_seed = match given.rng_seed {
        RngSeed::Random => RngSeed::Fixed(2026), // the same cases in every run
        fixed => fixed,
    };
    TestRunner::new(Config { cases: given.cases.max(CASES), rng_seed, failure_persistence: None, ..given })
}

/// Allocations are counted in the whole process: one test at a time. What is left is what others do to end
/// and to begin.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    bounded::tolerate(256 * 1024);
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Checks each input. `check` tells whether it got far: at least `least` of a hundred have to, and not all of them.
fn run(inputs: impl Strategy<Value = Vec<u8>>, least: u32, check: impl Fn(&[u8]) -> bool) {
    let _alone = alone();
    let (all, far) = (Cell::new(0_u32), Cell::new(0_u32));
    let verdict = runner().run(&inputs, |input| {
        all.set(all.get() + 1);
        far.set(far.get() + u32::from(check(&input)));
        Ok(())
    });
    verdict.unwrap_or_else(|failure| panic!("{failure}"));
    let share = 100 * far.get() / all.get();
    println!("{} inputs, {share} % got far", all.get());
    assert!(share >= least && far < all, "{share} % got far");
}

#[test]
fn any_bytes_are_an_event_or_an_error() {
    run(inputs::any_bytes(), 0, decode::check);
}

#[test]
fn spoilt_texts_of_events_are_an_event_or_an_error() {
    run(spoil::some_spoilt(inputs::event_text()), 30, decode::check);
}

#[test]
fn limits_are_those_that_are_documented() {
    run(inputs::any_bytes(), 10, validate::check);
}

#[test]
fn any_bytes_are_rules_or_not() {
    run(inputs::any_bytes(), 0, |input| rules::check(input).rules > 0);
}

#[test]
fn rules_that_were_read_send_events_where_their_meaning_does() {
    run(spoil::some_spoilt(inputs::rule_script()), 25, |input| rules::check(input).matched > 0);
}

#[test]
fn spoilt_texts_of_configurations_work_or_are_an_error() {
    run(spoil::some_spoilt(inputs::configuration_text()), 25, configuration::check);
}

#[test]
fn seeds_pass_and_get_far() {
    let _alone = alone();
    let get_far = |target, least: usize, check: &dyn Fn(&[u8]) -> bool| {
        let seeds = seeds::committed(target);
        let far = seeds.iter().filter(|seed| check(seed)).count();
        assert!(far >= least, "{far} seeds of {target} got far");
    };
    get_far("configuration", 3, &configuration::check);
    get_far("decode", 5, &decode::check);
    get_far("validate", 3, &validate::check);
    get_far("rules", 3, &|seed| rules::check(seed).matched > 0);
}

#[test]
fn a_rule_holds_its_text_once_however_many_sources_it_names() {
    let _alone = alone();
    const SOURCES: u8 = 200;
    let text = "x".repeat(100 << 10);
    let field = Filter::field("/n".parse().expect("a path"), text.as_str());
    let sources = (0..SOURCES).map(|number| Filter::Source(number.to_string().into()));
    let filter = Filter::Any(sources.chain([field]).collect());
    let rule = Rule::new("1", filter, [Target::Service("a".into())]);
    assert_eq!(rule.check(&Limits::default()), Ok(()));
    // A version of the filter for each source it is, but not of what stands in it.
    bounded::within(text.len() * usize::from(SOURCES) / 2, || {
        Rulebook::default().add(&rule, vec![0], Vec::new())
    });
}
