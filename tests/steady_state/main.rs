//! The steady state: however many events have gone through a system, it holds the same blocks, and
//! CrucibleCore allocates nothing per event or delivery.
//!
//! Counted exactly, by dhat's allocator, on one thread. That allocator makes every allocation a
//! hundred times as slow: no time, CPU or resident memory is taken in this binary.
//! `cargo test --release --test steady_state -- --events 1000000` is the long run.

mod claim;
mod origin;
mod run;
mod shown;
mod tests;

use std::process::ExitCode;

use clap::Parser;
use crucible_perf::cli::FromCargo;
use crucible_perf::measure::heap;
use shown::Shown;
use tests::{Test, tests};

#[global_allocator]
static HEAP: heap::Allocator = heap::ALLOCATOR;

/// Counts heap blocks while events go through each system
#[derive(Parser)]
#[command(name = "steady_state")]
struct Args {
    /// Only tests whose name contains one of these
    filters: Vec<String>,
    /// A filter is the whole name, not a part of it
    #[arg(long)]
    exact: bool,
    /// Leave out tests whose name contains this
    #[arg(long, value_name = "FILTER")]
    skip: Vec<String>,
    /// Print the names and run nothing
    #[arg(long)]
    list: bool,
    /// Medium events through each system, rounded up to ten times whole passes of 1,000
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    events: u64,
    /// All there are are tests.
    #[arg(long, hide = true)]
    test: bool,
    #[command(flatten)]
    cargo: FromCargo,
}

impl Args {
    fn selects(&self, name: &str) -> bool {
        let matches = |filter: &String| if self.exact { name == filter } else { name.contains(&**filter) };
        (self.filters.is_empty() || self.filters.iter().any(matches)) && !self.skip.iter().any(matches)
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let (selected, others): (Vec<Test>, Vec<Test>) =
        tests(args.events).into_iter().partition(|test| args.selects(&test.name));
    if args.list {
        selected.iter().for_each(|test| println!("{}: test", test.name));
        return ExitCode::SUCCESS;
    }
    if args.cargo.only_ignored() {
        return conclude(0, 0, selected.len() + others.len());
    }
    println!("\nrunning {} tests", selected.len());
    let mut shown = Shown::new();
    let failed = selected.iter().filter(|test| !passes(test, &mut shown)).count();
    shown.print();
    conclude(selected.len() - failed, failed, others.len())
}

fn passes(test: &Test, shown: &mut Shown) -> bool {
    let outcome = (test.run)(shown);
    match &outcome {
        Ok(()) => println!("test {} ... ok", test.name),
        Err(why) => println!("test {} ... FAILED: {why}", test.name),
    }
    outcome.is_ok()
}

fn conclude(passed: usize, failed: usize, filtered: usize) -> ExitCode {
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {verdict}. {passed} passed; {failed} failed; {filtered} filtered out\n");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
