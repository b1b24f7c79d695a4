//! What `memory_profiling` says of systems of which it is known: what they ask of the heap, whether they leak, where, and
//! what they do under pressure. Each system in a process of its own, which is this program again.
//!
//! dhat's allocator counts, in a cap that can limit it, as in the bench target.

mod cycles;
mod known;
mod leaks;
mod pressure;

use std::process::ExitCode;

use cap::Cap;
use clap::Parser;
use crucible_perf::cli::{FromCargo, test_each};
use crucible_perf::experiment::{HeapLimit, run_if_worker_under};
use crucible_perf::measure::heap;

const TARGET: &str = "heap_use";

#[global_allocator]
static HEAP: Cap<heap::Allocator> = Cap::new(heap::ALLOCATOR, usize::MAX);

/// Holds memory_profiling to what is known of some systems
#[derive(Parser)]
#[command(name = TARGET)]
struct Args {
    /// Only tests whose name contains one of these
    filters: Vec<String>,
    /// Print the names and run nothing
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    cargo: FromCargo,
}

type Test = (&'static str, fn() -> Result<(), String>);

fn main() -> ExitCode {
    let limit = HeapLimit {
        allocated: || HEAP.allocated(),
        set: |bytes| HEAP.set_limit(bytes).unwrap_or_else(|()| unreachable!("more than is allocated")),
    };
    if run_if_worker_under(&known::lineup(), Some(limit)) {
        return ExitCode::SUCCESS;
    }
    let args = Args::parse();
    let wanted =
        |name: &str| args.filters.is_empty() || args.filters.iter().any(|part| name.contains(&**part));
    let tests: Vec<Test> = [&cycles::TESTS[..], &leaks::TESTS, &pressure::TESTS].concat();
    let tests: Vec<Test> = tests.into_iter().filter(|(name, _)| wanted(name)).collect();
    if args.list {
        tests.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    if args.cargo.only_ignored() { ExitCode::SUCCESS } else { test_each(TARGET, tests) }
}

/// An error unless it is as it has to be.
fn hold(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}
