//! Holds the method of `comparison_analysis` to answers that are known beforehand: a system against itself, beside a neighbour
//! that burns a core, and against itself with real work added. `ci/prove-comparison.sh` runs it; what is measured is
//! measured by the very plan that the bench target has.

mod slowed;

use std::collections::BTreeMap;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use crucible_perf::experiment::{Assignment, Lineup, Role, Threads, WORKER_ARGUMENT, run_if_worker};
use crucible_perf::measure::{NotMeasured, OneCore};
use crucible_perf::results::comparison_analysis::{Aspect, Comparison, Verdict};
use crucible_perf::sut::{HandlerWork, Publishing};
use crucible_perf::targets::comparison_analysis::{Between, Case, Plan, Settings};
use crucible_perf::workload::{Scenario, Workload};
use slowed::{Slowed, Toll, step_ns, work};

/// Judged twice each at 0.0025: a comparison by itself at 0.005, as ten together at 0.05.
const TOGETHER: usize = 10;

/// Proves, or disproves, that comparisons say what is so
#[derive(Parser)]
struct Args {
    /// What is to be shown
    proof: Proof,
    /// Comparisons
    #[arg(long, default_value_t = 50)]
    runs: usize,
    /// So many at the same time, each on a core of its own as long as there are some
    #[arg(long, default_value_t = 1)]
    at_once: usize,
    /// Beside a process that burns a core for each core
    #[arg(long)]
    neighbour: bool,
    /// What is added, in per cent of a block's wall time
    #[arg(long, default_value_t = 2.0)]
    percent: f64,
    /// Most rounds of each comparison
    #[arg(long, default_value_t = Settings::QUICK.most_rounds)]
    most_rounds: usize,
    /// Rounds of each pilot
    #[arg(long, default_value_t = Settings::QUICK.pilot_rounds)]
    pilot: usize,
    /// Milliseconds of blocks in a round
    #[arg(long, default_value_t = 25)]
    round_ms: u64,
    /// Microseconds of a block
    #[arg(long, default_value_t = 500)]
    block_us: u64,
    /// Rounds after which the processes are started anew
    #[arg(long, default_value_t = Settings::QUICK.rounds_per_process)]
    rounds_per_process: usize,
    /// Scenario
    #[arg(long, default_value = "medium")]
    scenario: Scenario,
    /// Publish one by one
    #[arg(long)]
    single: bool,
    /// Threads
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Of the first run; each has another
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Proof {
    /// A system against itself: at most one in a hundred is called different, and four in five are conclusive
    Same,
    /// Real work in every pass: at least nine in ten are called slower
    Slower,
    /// The same amount in every fifth block alone: called slower, by its total
    Fifth,
    /// The systems the other way round: every ratio inverts within its interval
    Exchanged,
    /// Burns a core; the neighbour
    Burn,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    if run_if_worker(&lineup(&Vec::from_iter(toll_of_worker()))) {
        return ExitCode::SUCCESS;
    }
    let args = Args::parse();
    if args.proof == Proof::Burn {
        burn();
    }
    let neighbours = match args.neighbour {
        true => Neighbours::move_in(),
        false => Ok(Neighbours(Vec::new())),
    };
    let proven = neighbours.map_err(Failure::from).and_then(|_neighbours| prove(&args));
    match proven {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("prove_comparison: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Until whoever moved it in closes its input, or is gone.
fn burn() -> ! {
    std::thread::spawn(|| {
        let _closed = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    loop {
        work(1_000_000);
    }
}

fn prove(args: &Args) -> Result<bool, Failure> {
    match args.proof {
        Proof::Same => same(args),
        Proof::Slower => slower(args, false),
        Proof::Fifth => slower(args, true),
        Proof::Exchanged => exchanged(args),
        Proof::Burn => Ok(true),
    }
}

/// A worker knows what it is to run from its assignment alone.
fn toll_of_worker() -> Option<Toll> {
    let mut arguments = std::env::args().skip(1);
    (arguments.next()? == WORKER_ARGUMENT).then_some(())?;
    let assignment: Assignment = serde_json::from_str(&arguments.next()?).ok()?;
    assignment.system.parse().ok()
}

fn lineup(tolls: &[Toll]) -> Lineup {
    tolls.iter().fold(Lineup::standard(), |lineup, &toll| {
        lineup.with(toll.to_string(), Role::Candidate, move |_: &Workload| Slowed::new(toll))
    })
}

/// Processes that burn a core each, until this is dropped.
struct Neighbours(Vec<Child>);

impl Neighbours {
    fn move_in() -> std::io::Result<Self> {
        let cores = std::thread::available_parallelism()?.get();
        let burn = || Command::new(std::env::current_exe()?).arg("burn").stdin(Stdio::piped()).spawn();
        let mut neighbours = Self(Vec::new());
        for _ in 0..cores {
            neighbours.0.push(burn()?);
        }
        Ok(neighbours)
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // One that has ended burns nothing any more.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn compare(
    args: &Args,
    tolls: &[Toll],
    [system, over]: [&str; 2],
    run: usize,
) -> Result<Comparison, Failure> {
    let usual = Settings::QUICK;
    let settings = Settings {
        most_rounds: args.most_rounds,
        pilot_rounds: args.pilot,
        rounds_per_process: args.rounds_per_process,
        sizing: crucible_perf::experiment::Sizing {
            block: Duration::from_micros(args.block_us),
            round: Duration::from_millis(args.round_ms),
            ..usual.sizing
        },
        seed: args.seed + run as u64,
        ..usual
    };
    let case = Case {
        name: format!("{system} over {over}"),
        aspect: Aspect::Scenario,
        scenario: args.scenario.clone().with_events(args.scenario.events().min(2_000))?,
        threads: Threads(args.threads),
        publishing: if args.single { Publishing::Single } else { Publishing::Batch },
        work: HandlerWork::None,
        system: system.to_owned(),
        over: over.to_owned(),
    };
    let (lineup, never) = (lineup(tolls), || false);
    let mut plan = Plan::new(&lineup, settings, Between::Systems, (TOGETHER, Vec::new()), &never);
    Ok(plan.take(&case, &mut |_| {})?.clone())
}

const CORE: &str = "CrucibleCore";

/// Runs, counted by what they say.
#[derive(Default)]
struct Tally {
    runs: usize,
    /// Runs that gave no figure.
    without: usize,
    by: BTreeMap<String, usize>,
    longest: Duration,
    sd: Vec<f64>,
    ratios: Vec<f64>,
    half_widths: Vec<f64>,
}

impl Tally {
    fn note(&mut self, found: &Comparison, took: Duration) {
        self.runs += 1;
        *self.by.entry(format!("{:?}", found.verdict)).or_default() += 1;
        self.longest = self.longest.max(took);
        self.sd.push(100.0 * found.pilot.quartile_sd);
        self.ratios.push(100.0 * found.quartile.estimate.ratio.ln());
        if let Some(interval) = &found.quartile.estimate.interval {
            self.half_widths.push(50.0 * (interval.high / interval.low).ln());
        }
        let (quartile, total) = (&found.quartile, &found.total);
        println!(
            "{:>4}  {:4.1} s  {:>3} rounds  quartile {} {:?}  total {} {:?}  → {:?}",
            self.runs,
            took.as_secs_f64(),
            quartile.estimate.rounds,
            interval(&quartile.estimate),
            quartile.verdict,
            interval(&total.estimate),
            total.verdict,
            found.verdict
        );
    }

    fn note_missing(&mut self, why: &str, took: Duration) {
        self.runs += 1;
        self.without += 1;
        println!("{:>4}  {:4.1} s  no figure: {why}", self.runs, took.as_secs_f64());
    }

    fn of(&self, verdicts: &[Verdict]) -> usize {
        verdicts.iter().map(|verdict| self.by.get(&format!("{verdict:?}")).copied().unwrap_or(0)).sum()
    }

    fn print(&self) {
        let middle = |values: &[f64]| crucible_perf::stats::median(values).unwrap_or(f64::NAN);
        println!(
            "{} comparisons, {} without a figure: {:?}; medians: effect {:.2} %, interval ±{:.2} %, deviation of rounds {:.1} %; longest {:.1} s",
            self.runs,
            self.without,
            self.by,
            middle(&self.ratios),
            middle(&self.half_widths),
            middle(&self.sd),
            self.longest.as_secs_f64()
        );
    }
}

fn interval(estimate: &crucible_perf::stats::RatioEstimate) -> String {
    match &estimate.interval {
        Some(interval) => format!("{:.4} [{:.4}, {:.4}]", estimate.ratio, interval.low, interval.high),
        None => format!("{:.4} [–]", estimate.ratio),
    }
}

/// One that gives no figure is told and does not end the others: a proof of an hour must say all that it saw.
fn runs(args: &Args, tolls: &[Toll], sides: [&str; 2]) -> Result<Tally, Failure> {
    let (mut tally, next) = (Tally::default(), AtomicUsize::new(0));
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        let hands = Vec::from_iter((0..args.at_once.max(1)).map(|hand| {
            let (tell, next) = (tell.clone(), &next);
            scope.spawn(move || -> Result<(), NotMeasured> {
                let _held = (args.at_once > 1).then(|| OneCore::hold_before_last(hand)).transpose()?;
                let numbers = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)));
                for run in numbers.take_while(|&run| run < args.runs) {
                    let begin = Instant::now();
                    let found = compare(args, tolls, sides, run).map_err(|why| why.to_string());
                    tell.send((begin.elapsed(), found)).expect("who listens does so until all hands let go");
                }
                Ok(())
            })
        }));
        drop(tell);
        for (took, found) in told {
            match found {
                Ok(found) => tally.note(&found, took),
                Err(why) => tally.note_missing(&why, took),
            }
        }
        hands.into_iter().try_for_each(|hand| {
            hand.join().map_err(|_| "a hand panicked".to_owned())?.map_err(|why| why.to_string())
        })
    })?;
    tally.print();
    Ok(tally)
}

fn same(args: &Args) -> Result<bool, Failure> {
    let tally = runs(args, &[], [CORE, CORE])?;
    let different = tally.of(&[Verdict::Faster, Verdict::Slower, Verdict::Contradictory]);
    let conclusive = tally.runs - tally.without - tally.of(&[Verdict::Inconclusive]);
    println!("called different: {different} of {}; conclusive: {conclusive}", tally.runs);
    // One in a hundred, and one more where there are fewer: chance has it so.
    let (few, many) = (different <= tally.runs.div_ceil(100), conclusive * 5 >= tally.runs * 4);
    Ok(few && many && tally.without == 0)
}

/// Work is measured out in wall time: steps at the speed of this machine, blocks by what they take here.
fn slower(args: &Args, every_fifth: bool) -> Result<bool, Failure> {
    let none = Toll::NONE.to_string();
    let plain = compare(args, &[Toll::NONE], [&none, &none], args.runs)?;
    let event_ns = plain.over.quartile_ns_per_event;
    let step = step_ns();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // some thousand
    let millisteps = (1_000.0 * event_ns * args.percent / 100.0 / step).round() as u64;
    // So short a block has one pass.
    let toll = Toll { millisteps, every: if every_fifth { 5 } else { 1 } };
    println!(
        "an event takes {event_ns:.0} ns; {millisteps}/1000 steps of {step:.3} ns for each, in every {}. pass: {} % of wall time",
        toll.every, args.percent
    );
    let tally = runs(args, &[toll, Toll::NONE], [&toll.to_string(), &none])?;
    let found = tally.of(&[Verdict::Slower]);
    println!("called slower: {found} of {}", tally.runs);
    Ok(found * 10 >= tally.runs * 9 && tally.without == 0)
}

fn exchanged(args: &Args) -> Result<bool, Failure> {
    let mut kept = true;
    for run in 0..args.runs {
        // The same events: another seed has other rules, and another ratio.
        let there = compare(args, &[], [CORE, "DataCoordinator"], run)?;
        let back = compare(args, &[], ["DataCoordinator", CORE], run)?;
        let (a, b) = (there.quartile.estimate, back.quartile.estimate);
        let inverts = match (&a.interval, &b.interval) {
            // Two intervals of one truth meet.
            (Some(a), Some(b)) => a.low <= 1.0 / b.low && 1.0 / b.high <= a.high,
            _ => false,
        };
        let verdicts = (there.verdict, back.verdict);
        let follow = verdicts == (Verdict::Faster, Verdict::Slower)
            || verdicts == (Verdict::Slower, Verdict::Faster)
            || verdicts.0 == verdicts.1;
        println!("{} and back {}: {verdicts:?}", interval(&a), interval(&b));
        kept &= inverts && follow;
    }
    Ok(kept)
}
