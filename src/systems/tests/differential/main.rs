//! Generated services, groups, rules, changes and events: each system does with them what the
//! oracle says, event by event.
//!
//! `PROPTEST_CASES=100000 PROPTEST_RNG_SEED=7` searches longer and elsewhere.

mod coverage;
mod drive;
mod script;

use std::cell::RefCell;

use crucible_events::crucible_core::CrucibleCore;
use crucible_events::data_coordinator::DataCoordinator;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

use coverage::Coverage;
use drive::drive;
use script::{Script, scripts};

const CASES: u32 = 1_000;

fn runner() -> TestRunner {
    let given = Config::default();
    let rng_seed = match given.rng_seed {
        RngSeed::Random => RngSeed::Fixed(2026), // the same cases in every run
        fixed => fixed,
    };
    TestRunner::new(Config { cases: given.cases.max(CASES), rng_seed, failure_persistence: None, ..given })
}

/// One line a system; what the script covers is the same for each.
fn drive_all(script: &Script) -> Result<Coverage, TestCaseError> {
    drive("DataCoordinator", DataCoordinator::default, script)?;
    drive("CrucibleCore", CrucibleCore::default, script)
}

#[test]
fn systems_do_what_the_oracle_says() {
    let coverage = RefCell::new(Coverage::default());
    let verdict = runner().run(&scripts(), |script| {
        *coverage.borrow_mut() += drive_all(&script)?;
        Ok(())
    });
    verdict.unwrap_or_else(|failure| panic!("{failure}"));
    coverage.into_inner().check_against(u64::from(CASES));
}
