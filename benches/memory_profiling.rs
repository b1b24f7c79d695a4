//! The heap of each system: what events cost there, whether it is given back, and what happens when there is no more.
//!
//! dhat is the allocator, in a cap that can limit it. Counting makes allocations a hundred times as slow: nothing here
//! takes a time, CPU or resident memory.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use cap::Cap;
use crucible_perf::cli::{
    Action, BenchArgs, Progress, Session, fail, interrupted, list, parse, refuse_usage, test_each,
};
use crucible_perf::experiment::{HeapLimit, HeapSample, Lineup, Role, UnknownSystem, run_if_worker_under};
use crucible_perf::measure::heap;
use crucible_perf::report::memory_profiling::{sparkline, text};
use crucible_perf::results::memory_profiling::{MemoryProfiling, Verdict};
use crucible_perf::targets::memory_profiling::{Figure, Plan, Settings, expected, figures, lineup};

const TARGET: &str = "memory_profiling";

#[global_allocator]
static HEAP: Cap<heap::Allocator> = Cap::new(heap::ALLOCATOR, usize::MAX);

/// What each system asks of the heap, by payload, at high frequency and over a long time; whether it leaks, and where;
/// and what it does when memory runs out. Nothing here takes a time.
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    common: BenchArgs,
    /// Only this system (may be given more than once) [default: DataCoordinator, CrucibleCore, CrucibleCore-16MiB]
    #[arg(long, value_name = "NAME")]
    system: Vec<String>,
    /// Cycles of 1,000 events of the shorter run for leaks; the longer one has three times as many. Found is what leaks
    /// a block in as many events as the shorter one has: with 40 one in 40,000, with 400 one in 400,000
    #[arg(long, value_name = "N", default_value_t = Settings::USUAL.cycles, value_parser = clap::value_parser!(u64).range(2..=1_000_000))]
    cycles: u64,
    /// Seed of the workload
    #[arg(long, value_name = "N", default_value_t = Settings::USUAL.seed)]
    seed: u64,
    /// Draw what is live while it runs
    #[arg(long)]
    live: bool,
}

fn main() -> ExitCode {
    let lineup = lineup();
    let limit = HeapLimit {
        allocated: || HEAP.allocated(),
        set: |bytes| HEAP.set_limit(bytes).unwrap_or_else(|()| unreachable!("more than is allocated")),
    };
    if run_if_worker_under(&lineup, Some(limit)) {
        return ExitCode::SUCCESS;
    }
    let args: Args = parse(TARGET);
    let lineup = chosen(&args, lineup).unwrap_or_else(|wrong| refuse_usage(TARGET, wrong));
    let figures = figures();
    let named: Vec<(String, &Figure)> = figures.iter().map(|figure| (figure.name(), figure)).collect();
    let selected: Vec<&Figure> =
        args.common.select(TARGET, &named, |(name, _)| name).into_iter().map(|(_, figure)| *figure).collect();
    match args.common.action() {
        Action::List => list(selected.iter().map(|figure| figure.name())),
        _ if selected.is_empty() => {}
        Action::Test => return test(&lineup, &selected),
        Action::Profile(_) => eprintln!(
            "{TARGET}: no --profile-time here: nothing takes a time; cargo heap shows the profiles that it writes"
        ),
        Action::Measure => {
            return measure(&args, &lineup, &selected).unwrap_or_else(|error| fail(TARGET, error));
        }
    }
    ExitCode::SUCCESS
}

/// All but the references, unless others are named.
fn chosen(args: &Args, lineup: Lineup) -> Result<Lineup, UnknownSystem> {
    if !args.system.is_empty() {
        return lineup.named(&args.system);
    }
    let others = lineup.entries().iter().filter(|entry| !matches!(entry.role, Role::Reference(_)));
    let others: Vec<String> = others.map(|entry| entry.name.clone()).collect();
    lineup.named(&others)
}

fn test(lineup: &Lineup, figures: &[&Figure]) -> ExitCode {
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(error) => return fail(TARGET, error),
    };
    let profile = |system: &str| folder.path().join(system);
    let tests = figures.iter().map(|figure| {
        let run = || {
            let mut plan = Plan::new(lineup, Settings::TRIAL, &|| false, &|_, _, _| (), &profile);
            plan.take(figure).map_err(|why| why.to_string())?;
            expected(&plan.taken)
        };
        (figure.name(), run)
    });
    test_each(TARGET, tests)
}

fn measure(
    args: &Args,
    lineup: &Lineup,
    figures: &[&Figure],
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut session = Session::begin(TARGET, TARGET, args.common.results(), args.seed)?;
    if args.common.sample_size.is_some() {
        eprintln!(
            "{TARGET}: counts repeat exactly, so each figure is taken once whatever --sample-size says"
        );
    }
    let settings = Settings { cycles: args.cycles, seed: args.seed };
    let shown = RefCell::new(Shown::default());
    let watch =
        |figure: &str, system: &str, sample| shown.borrow_mut().take(figure, system, sample, args.live);
    // Profiles lie beside the results, whose name is chosen when they are first written.
    let stem = session.keep(MemoryProfiling::default(), false)?.with_extension("");
    let profile = |system: &str| PathBuf::from(format!("{}_{system}.dhat.json", stem.display()));
    let names: Vec<String> = figures.iter().map(|figure| figure.name()).collect();
    let progress = Progress::of(TARGET, names.len());
    let mut plan = Plan::new(lineup, settings, &interrupted, &watch, &profile);
    let take = |plan: &mut Plan<'_>, number: usize| plan.take(figures[number]);
    let taken = session.take_each(&progress, &names, &mut plan, take, |plan| &plan.taken);
    print!("{}", text(&plan.taken));
    println!("\n{}.json", stem.display());
    // Somebody has to look at what is unclear, too.
    let leaks = plan.taken.leaks.iter().any(|leak| leak.verdict != Verdict::Clean);
    Ok(taken.status(TARGET, if leaks { ExitCode::FAILURE } else { ExitCode::SUCCESS }))
}

/// The course of what is live, of the system that is running.
#[derive(Default)]
struct Shown {
    of: (String, String),
    samples: Vec<HeapSample>,
    drawn: Option<Instant>,
}

impl Shown {
    fn take(&mut self, figure: &str, system: &str, sample: HeapSample, live: bool) {
        if !live {
            return;
        }
        if (&*self.of.0, &*self.of.1) != (figure, system)
            || self.samples.last().is_some_and(|last| last.events > sample.events)
        {
            if !self.samples.is_empty() {
                self.draw("\n");
            }
            (self.of, self.samples) = ((figure.to_owned(), system.to_owned()), Vec::new());
        }
        self.samples.push(sample);
        let due = self.drawn.is_none_or(|drawn| drawn.elapsed().as_millis() >= 100);
        if due && std::io::stderr().is_terminal() {
            self.draw("");
            self.drawn = Some(Instant::now());
        }
    }

    fn draw(&self, end: &str) {
        let Some(last) = self.samples.last() else { return };
        let start = if std::io::stderr().is_terminal() { "\r\x1b[2K" } else { "" };
        eprint!(
            "{start}{} {}: {} events, {} blocks, {} bytes live {}{end}",
            self.of.0,
            self.of.1,
            last.events,
            last.blocks,
            last.bytes,
            sparkline(&self.samples, 40)
        );
    }
}
