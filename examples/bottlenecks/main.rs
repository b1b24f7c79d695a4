//! Whether bottlenecks are told as what they are: `cargo run --profile bench --example bottlenecks`.
//!
//! Each is put into a process of its own, whose code knows nothing of being watched. It is looked at from outside and judged as the
//! systems in `scalability_testing` are, ten times, in turns with the others. The confusion matrix says what was called what.
//! The exit status is 1 if an injected bottleneck was called something else, more than one verdict in ten on injected ones
//! is unclear, or a control is not right; 2 for wrong arguments.

mod injected;
mod matrix;
mod victim;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use crucible_perf::analysis::bottleneck::judge;
use crucible_perf::cli::Progress;
use crucible_perf::experiment::bottleneck::{Look, observe};
use crucible_perf::measure::Reading;
use crucible_perf::report::bottleneck::{evidence, name};
use crucible_perf::results::bottleneck::Bottleneck;

use injected::Injected;
use matrix::Matrix;
use victim::{Victim, WORKERS};

/// Puts known bottlenecks into processes, has them judged from outside, and prints what was called what
#[derive(Parser)]
struct Args {
    /// Times that each is judged
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Only these (may be given more than once) [default: all]
    #[arg(long, value_name = "NAME")]
    only: Vec<Injected>,
    /// Where files are written and synced: on a disk, not in memory
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Print the figures of each verdict, and all that was seen as JSON
    #[arg(long)]
    figures: bool,
    /// Not for people: be the process that is watched
    #[arg(long, value_name = "NAME", hide = true)]
    victim: Option<Injected>,
    /// Not for people: where the slow peer listens
    #[arg(long, value_name = "PORT", hide = true, default_value_t = 0)]
    port: u16,
}

/// As in `scalability_testing`.
const LOOK: Look = Look { watched: Duration::from_millis(1_000), turn: Duration::from_millis(100), turns: 3 };

/// For connections to be made and all threads to be at their work.
const WARMS_UP: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.victim {
        Some(injected) => injected.run(&args.dir, args.port).map(|()| true),
        None => judge_all(&args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn judge_all(args: &Args) -> Result<bool, Box<dyn std::error::Error>> {
    let all = if args.only.is_empty() { Injected::ALL.to_vec() } else { args.only.clone() };
    let runs = (0..args.runs).flat_map(|_| all.iter().copied());
    let progress = Progress::of("bottlenecks", all.len() * args.runs as usize);
    let mut matrix = Matrix::of(&all);
    for (number, injected) in runs.enumerate() {
        progress.show(number, injected.as_str());
        let (bottleneck, words) = one(args, injected)?;
        if args.figures || bottleneck != injected.expected() {
            progress.clear();
            println!("{}: {words}", injected.as_str());
        }
        matrix.count(injected, bottleneck);
    }
    progress.clear();
    print!("{matrix}");
    let objections = matrix.objections();
    objections.iter().for_each(|objection| println!("{objection}"));
    Ok(objections.is_empty())
}

/// The verdict, and how it is told to people.
fn one(args: &Args, injected: Injected) -> Result<(Bottleneck, String), Box<dyn std::error::Error>> {
    let mut victim = Victim::start(injected, &args.dir)?;
    std::thread::sleep(WARMS_UP);
    let in_excess = victim.is_in_excess()?;
    match observe(&mut victim, WORKERS, in_excess, &LOOK)? {
        Reading::Value(seen) => {
            let verdict = judge(&seen);
            let seen = if args.figures { serde_json::to_string(&seen)? } else { String::new() };
            let words = format!("{}\n    {}\n    {seen}", name(&verdict), evidence(&verdict));
            Ok((verdict.bottleneck, words.trim_end().to_owned()))
        }
        Reading::Absent { not_measured } => Err(format!("{}: {not_measured}", injected.as_str()).into()),
    }
}
