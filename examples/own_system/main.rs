//! A system of your own, held to the contract: `cargo run --example own_system`.
//!
//! [`plain::Plain`] stands for yours. Implement [`EventSystem`] for it, run this, and see which
//! promises hold; the exit status is 1 if one does not.
//!
//! [`EventSystem`]: crucible_events::routing::EventSystem

mod plain;

use std::process::ExitCode;

use crucible_events::routing::conformance::{self, Report, Table};
use plain::Plain;

fn main() -> ExitCode {
    let report = conform();
    println!("{}", Table(&[("Plain", &report)]));
    if report.conforms() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
