//! Holds both systems to the contract and prints the table; then shows that the suite would notice
//! a system that is a little wrong.
//!
//! It has a `main` of its own so that the table is printed always; it takes libtest's arguments.

mod faulty;
mod lies;
mod mutant;
mod mutation;
mod settings;

use std::process::ExitCode;

use crucible_events::crucible_core::CrucibleCore;
use crucible_events::data_coordinator::DataCoordinator;
use crucible_events::routing::EventSystem;
use crucible_events::routing::conformance::{self, Report, Table};
use mutant::Mutant;
use mutation::Mutation;
use tokio::runtime::Runtime;

/// What is printed when everything went well, and what when not.
type Checked = Result<String, String>;

struct Test {
    name: String,
    run: Box<dyn Fn() -> Checked>,
}

impl Test {
    fn new(name: impl Into<String>, run: impl Fn() -> Checked + 'static) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }
}

fn main() -> ExitCode {
    let (options, filters) = arguments();
    let has = |option: &str| options.iter().any(|given| given == option);
    let exact = has("--exact");
    let wanted = |test: &Test| {
        filters.is_empty()
            || filters
                .iter()
                .any(|filter| if exact { test.name == *filter } else { test.name.contains(filter) })
    };
    let (tests, filtered): (Vec<Test>, Vec<Test>) = tests().into_iter().partition(wanted);
    if has("--list") {
        tests.iter().for_each(|test| println!("{}: test", test.name));
        return ExitCode::SUCCESS;
    }
    if has("--ignored") {
        return conclude(0, 0, tests.len() + filtered.len());
    }
    println!("\nrunning {} tests", tests.len());
    let failed = tests.iter().filter(|test| !passes(test)).count();
    conclude(tests.len() - failed, failed, filtered.len())
}

/// Options, and words that select tests. An option's value in a word of its own is no filter.
fn arguments() -> (Vec<String>, Vec<String>) {
    const WITH_VALUE: [&str; 5] = ["--test-threads", "--color", "--format", "--skip", "--logfile"];
    let (mut options, mut filters, mut value) = (Vec::new(), Vec::new(), false);
    for argument in std::env::args().skip(1) {
        if std::mem::take(&mut value) {
            continue;
        }
        value = WITH_VALUE.contains(&argument.as_str());
        if argument.starts_with('-') { options.push(argument) } else { filters.push(argument) }
    }
    (options, filters)
}

fn passes(test: &Test) -> bool {
    let outcome = (test.run)();
    match &outcome {
        Ok(shown) => println!("{shown}test {} ... ok", test.name),
        Err(shown) => println!("{shown}test {} ... FAILED", test.name),
    }
    outcome.is_ok()
}

fn conclude(passed: usize, failed: usize, filtered: usize) -> ExitCode {
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; {filtered} filtered out\n"
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

fn tests() -> Vec<Test> {
    let coordinator = [Mutation::Drops, Mutation::Doubles, Mutation::Misleads, Mutation::PassesForBalanced]
        .map(|mutation| {
            let check = move || is_noticed(DataCoordinator::default, mutation);
            Test::new(format!("data_coordinator_that_{mutation}_is_noticed"), check)
        });
    let core = Mutation::ALL.map(|mutation| {
        let check = move || is_noticed(CrucibleCore::default, mutation);
        Test::new(format!("crucible_core_that_{mutation}_is_noticed"), check)
    });
    let with_budget = Mutation::WITH_BUDGET.map(|mutation| {
        let check = move || is_noticed(small, mutation);
        Test::new(format!("small_crucible_core_that_{mutation}_is_noticed"), check)
    });
    let mut tests = vec![
        Test::new("systems_conform", systems_conform),
        Test::new("systems_conform_on_worker_threads", systems_conform_on_worker_threads),
    ];
    tests.extend(coordinator);
    tests.extend(core);
    tests.extend(with_budget);
    tests
}

fn small() -> CrucibleCore {
    CrucibleCore::new(settings::small()).expect("small, but it works")
}

fn systems_conform() -> Checked {
    show(&[
        ("DataCoordinator", paused().block_on(conformance::run(DataCoordinator::default))),
        ("CrucibleCore", paused().block_on(conformance::run(CrucibleCore::default))),
        ("small CrucibleCore", paused().block_on(conformance::run(small))),
    ])
}

/// Where handlers, publishers and changes really happen at the same time, by the real clock.
fn systems_conform_on_worker_threads() -> Checked {
    let coordinator = threads().block_on(conformance::run(DataCoordinator::default));
    let usual = |name: &str| settings::short_for(name).is_none();
    let mut core = threads().block_on(conformance::run_selected(CrucibleCore::default, usual));
    for (cases, settings) in settings::short() {
        let make = || CrucibleCore::new(settings.clone()).expect("short, but it works");
        let report = threads().block_on(conformance::run_selected(make, |name| cases.contains(&name)));
        core.cases.extend(report.cases);
    }
    let order: Vec<&str> = coordinator.cases.iter().map(|case| case.name).collect();
    core.cases.sort_by_key(|case| order.iter().position(|name| *name == case.name));
    if core.cases.len() != order.len() {
        return Err("settings are short for a case that is not there\n".to_owned());
    }
    show(&[("DataCoordinator", coordinator), ("CrucibleCore", core)])
}

fn threads() -> Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build();
    runtime.expect("four threads can be started")
}

fn show(reports: &[(&str, Report)]) -> Checked {
    let columns: Vec<(&str, &Report)> = reports.iter().map(|(name, report)| (*name, report)).collect();
    let table = format!("\n{}\n", Table(&columns));
    if reports.iter().all(|(_, report)| report.conforms()) { Ok(table) } else { Err(table) }
}

/// Under the paused clock a hang is noticed at once, and nothing depends on how fast the machine is.
fn paused() -> Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without I/O needs nothing of the machine")
}

/// The cases that are there to notice this mutation all do, and for nothing do they complain of the same
/// system without it.
fn is_noticed<S: EventSystem>(make: impl Fn() -> S, mutation: Mutation) -> Checked {
    let cases = mutation.noticed_by();
    let hold = |mutation| {
        let make = || Mutant::new(make(), mutation);
        paused().block_on(conformance::run_selected(make, |name| cases.contains(&name)))
    };
    let (sound, mutant) = (hold(Mutation::None), hold(mutation));
    let failures: Vec<_> = mutant.failures().collect();
    if sound.conforms() && failures.len() == cases.len() {
        let shown = failures.iter().map(|(case, fault)| format!("  {}: {fault}\n", case.name));
        return Ok(shown.collect());
    }
    Err(format!("without the mutation:\n{sound}\nwith it:\n{mutant}\n"))
}
