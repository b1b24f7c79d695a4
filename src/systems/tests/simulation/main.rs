//! Puts both systems through seeds of the simulation, and prints what happened in them.
//!
//! ```text
//! cargo test --release -p crucible-events --test simulation -- --seeds 100000
//!     --seeds N       so many seeds for each system (2,000)
//!     --first S       from this one on (0)
//!     --seed S        only this one, told step by step
//!     --system NAME   crucible_core or data_coordinator only
//! ```
//!
//! It takes libtest's arguments, too.

mod arguments;
mod systems;
mod watchdog;

use std::process::ExitCode;

use arguments::Arguments;
use crucible_events::routing::simulation::{Count, Coverage, Run, Script, Violation, shrink};
use systems::System;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(why) => {
            eprintln!("simulation: {why}");
            return ExitCode::from(2);
        }
    };
    let (systems, left_out) = arguments.systems();
    if arguments.list {
        systems.iter().for_each(|system| println!("{}: test", system.name()));
        return ExitCode::SUCCESS;
    }
    if arguments.ignored {
        return conclude(0, 0, systems.len() + left_out);
    }
    println!("\nrunning {} tests", systems.len());
    let failed = systems.iter().filter(|&&system| !passes(system, &arguments)).count();
    conclude(systems.len() - failed, failed, left_out)
}

fn conclude(passed: usize, failed: usize, filtered: usize) -> ExitCode {
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; {filtered} filtered out\n"
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

fn passes(system: System, arguments: &Arguments) -> bool {
    let outcome = match arguments.seed {
        Some(seed) => tell(system, seed),
        None => simulate(system, arguments.first, arguments.seeds),
    };
    match &outcome {
        Ok(coverage) => println!("{coverage}test {} ... ok", system.name()),
        Err(why) => println!("{why}\ntest {} ... FAILED", system.name()),
    }
    outcome.is_ok()
}

/// One seed, step by step.
fn tell(system: System, seed: u64) -> Result<Coverage, String> {
    let script = Script::from_seed(seed);
    println!("seed {seed} of {}; wishes {:?}", system.name(), script.wishes);
    let run = system.run_told(&script, Box::new(|line| println!("{line}")));
    run.map(|run| run.coverage).map_err(|violation| violation.to_string())
}

fn simulate(system: System, first: u64, seeds: u64) -> Result<Coverage, String> {
    let mut coverage = Coverage::default();
    let watchdog = watchdog::watch(system.name());
    for seed in first..first.saturating_add(seeds) {
        watchdog.begin(seed);
        let script = Script::from_seed(seed);
        match system.run(&script) {
            Ok(run) if seed % REPEATED == 0 => {
                repeats(system, &script, run)?;
                coverage += run.coverage;
            }
            Ok(run) => coverage += run.coverage,
            Err(violation) => return Err(report(system, &script, violation)),
        }
    }
    check(system, coverage)
}

/// Of so many seeds one is run twice.
const REPEATED: u64 = 100;

fn repeats(system: System, script: &Script, first: Run) -> Result<(), String> {
    let second = system.run(script);
    if second == Ok(first) {
        return Ok(());
    }
    Err(format!("seed {}: run twice, it is not the same: {first:?}, then {second:?}", script.seed))
}

/// With too few seeds for everything to happen, nothing is expected.
const ENOUGH: u64 = 500;

fn check(system: System, coverage: Coverage) -> Result<Coverage, String> {
    let missing: Vec<_> = Count::ALL.into_iter().filter(|&count| coverage.of(count) == 0).collect();
    let missing: Vec<_> =
        missing.into_iter().filter(|&count| system.meets(count)).map(Count::as_str).collect();
    if missing.is_empty() || coverage.of(Count::Seeds) < ENOUGH {
        return Ok(coverage);
    }
    Err(format!("{coverage}never happened, so nothing is shown of it: {}", missing.join(", ")))
}

/// What is printed of a violation: the command that replays it, and a shorter script.
fn report(system: System, script: &Script, violation: Violation) -> String {
    let name = system.name();
    let seed = script.seed;
    println!("{violation}");
    println!("replay: cargo test -p crucible-events --test simulation -- --system {name} --seed {seed}");
    println!("shrinking {} steps", script.steps.len());
    let (short, violation) = shrink(script, violation, |script| system.run(script).err());
    let lines = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = lines.clone();
    let told = system.run_told(
        &short,
        Box::new(move |line: &str| {
            sink.lock().expect("nothing panics while it holds this lock").push(line.to_owned());
        }),
    );
    let lines = lines.lock().expect("nothing panics while it holds this lock").join("\n");
    let told = told.map_or_else(|violation| violation.to_string(), |run| format!("{run:?}"));
    format!("shrunk to {} steps; wishes {:?}\n{lines}\n{violation}\n{told}", short.steps.len(), short.wishes)
}
