//! A system of your own, held to the contract and put beside the others:
//! `cargo run --release --example own_system`.
//!
//! [`plain::Plain`] stands for yours. Implement [`EventSystem`] for it, run this, and see which
//! promises hold and what an event costs; the exit status is 1 if a promise does not hold or a
//! delivery is wrong.
//!
//! [`EventSystem`]: crucible_events::routing::EventSystem

mod plain;

use std::process::ExitCode;

use crucible_events::routing::conformance::{self, Report, Table};
use crucible_perf::experiment::{Lineup, Role, Threads, run_if_worker};
use crucible_perf::report::daemon_performance::text;
use crucible_perf::sut::Publishing;
use crucible_perf::targets::PlanError;
use crucible_perf::targets::daemon_performance::{Figure, Plan, Settings};
use crucible_perf::workload::{Scenario, Workload};
use plain::Plain;

fn main() -> ExitCode {
    let lineup = Lineup::standard().with("Plain", Role::Candidate, |_: &Workload| Plain::default());
    // Each system is measured in a process of its own: this very program, started as a worker.
    if run_if_worker(&lineup) {
        return ExitCode::SUCCESS;
    }
    let report = conform();
    println!("{}", Table(&[("Plain", &report)]));
    match measure(&lineup) {
        Ok(tables) => println!("{tables}"),
        Err(why) => {
            eprintln!("error: {why}");
            return ExitCode::FAILURE;
        }
    }
    if report.conforms() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The medium scenario on one thread, beside the systems and the reference.
fn measure(lineup: &Lineup) -> Result<String, PlanError> {
    let figure = Figure::Throughput {
        workload: Scenario::MEDIUM.into(),
        threads: Threads(1),
        publishing: Publishing::Batch,
    };
    let comparisons = 4; // two candidates, each over the baseline and over the reference
    let mut plan = Plan::new(lineup, Settings::USUAL, comparisons, &|| false);
    plan.take(&figure)?;
    Ok(text(&plan.taken, &[]))
}

fn conform() -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime
        .expect("a runtime without I/O needs nothing of the machine")
        .block_on(conformance::run(Plain::default))
}

#[test]
fn the_example_conforms() {
    let report = conform();
    assert!(report.conforms(), "{report}");
}
