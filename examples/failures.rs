//! What the others lose when deliveries fail and a service stalls, how soon that service is back, and what is
//! kept meanwhile: `cargo run --release --example failures`.
//!
//! The heavy scenario on CrucibleCore. The exit status is 1 if a delivery is not accounted for or more is kept
//! than the configuration allows.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use crucible_perf::experiment::failures::{
    FailureLoad, Recovery, RecoveryLoad, compare, keep_publishing, recover,
};
use crucible_perf::experiment::{Material, RunError};
use crucible_perf::report::failures::{Compared, LEAST_RATIO, kept, recovery, throughput};
use crucible_perf::sut::HandlerWork;
use crucible_perf::workload::{Scenario, Workload};

/// Compares CrucibleCore with itself when 5 % of deliveries fail and one service of fifty stalls
#[derive(Parser)]
struct Args {
    /// Pairs of rounds, and stalls; six or more give an interval
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// CPU time that a delivery takes its service, beside handlers that take nothing
    #[arg(long, value_name = "TIME", default_value = "10us", value_parser = time)]
    handler: Duration,
    /// Length of a round's span
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = time)]
    span: Duration,
    /// Of the workload, the failures and the order of rounds
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,
}

fn time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if !time.is_zero() => Ok(time),
        Ok(_) => Err("must be longer than nothing".to_owned()),
        Err(why) => Err(why.to_string()),
    }
}

const FAILING: f64 = 0.05;

/// Of a pass: a tenth of a second where each delivery takes 10 µs.
const EVENTS: usize = 1_000;

/// A tenth of the default, so that a dozen stalls take seconds.
const BREAKER_PERIOD: Duration = Duration::from_millis(500);

/// So many times the room of the mailbox is turned away.
const TIMES: u64 = 10;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn std::error::Error>> {
    let scenario = Scenario::HEAVY.with_events(EVENTS)?;
    let mut material = Material::new(Workload::generate(&scenario, args.seed));
    // First, while little else is resident.
    let keeping = keep_publishing(&mut material, EVENTS, TIMES, FAILING)?;
    println!("What is kept while one service of fifty stalls and publishing goes on\n{}", kept(&keeping));
    println!("A service comes back\n{}", recovery(&recoveries(args, &mut material)?, BREAKER_PERIOD));
    let mut compared = Vec::new();
    for (work, name) in [
        (HandlerWork::None, "nothing".to_owned()),
        (HandlerWork::Spin(args.handler), format!("{:?} of CPU", args.handler)),
    ] {
        let pairs = compare(&mut material, &load(args, work), args.rounds.into())?;
        compared.push(Compared { work: name, pairs });
    }
    println!(
        "What the other 49 acknowledge while 5 % fail and one of fifty stalls\n{}Ratios: Hodges–Lehmann over {} pairs \
         of rounds, [95 %]; wanted: {LEAST_RATIO} or more. One thread, closed loop. Retried: all\nrounds together; \
         turned away: at the other 49.",
        throughput(&compared)?,
        args.rounds
    );
    Ok(())
}

fn load(args: &Args, work: HandlerWork) -> FailureLoad {
    let warm_up = Duration::from_millis(250); // first retries come back after 100 ms at most
    FailureLoad { work, events: EVENTS, warm_up, at_least: args.span, failing: FAILING, seed: args.seed }
}

/// Stalls that end at different points of the breaker's period.
fn recoveries(args: &Args, material: &mut Material) -> Result<Vec<Recovery>, RunError> {
    let rounds = u32::from(args.rounds);
    let stall = |round: u32| RecoveryLoad {
        work: HandlerWork::Spin(args.handler),
        events: EVENTS,
        breaker_period: BREAKER_PERIOD,
        handler_timeout: Duration::from_millis(100),
        stall: BREAKER_PERIOD + BREAKER_PERIOD * round / rounds,
        failing: FAILING,
        seed: args.seed,
    };
    (0..rounds).map(|round| recover(material, &stall(round))).collect()
}
