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
    Action, BenchArgs, EXIT_INTERRUPTED, Progress, catch_interrupt, interrupted, list, parse, refuse_usage,
    test_each,
};
use crucible_perf::experiment::{HeapLimit, HeapSample, Lineup, Role, run_if_worker_under};
use crucible_perf::measure::{Run, heap};
use crucible_perf::report::memory_profiling::{sparkline, text};
use crucible_perf::results::memory_profiling::{MemoryProfiling, Verdict};
use crucible_perf::results::{Document, ResultFile, ResultsDir, StoreError};
use crucible_perf::targets::memory_profiling::{
    Figure, Plan, PlanError, Settings, expected, figures, lineup,
};

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
        Action::List => {
            let names: Vec<String> = selected.iter().map(|figure| figure.name()).collect();
            list(names.iter().map(String::as_str));
        }
        _ if selected.is_empty() => {}
        Action::Test => return test(&lineup, &selected),
        Action::Profile(_) => eprintln!(
            "{TARGET}: no --profile-time here: nothing takes a time; cargo heap shows the profiles that it writes"
        ),
        Action::Measure => return measure(&args, &lineup, &selected),
    }
    ExitCode::SUCCESS
}

/// All but the references, unless others are named.
fn chosen(args: &Args, lineup: Lineup) -> Result<Lineup, String> {
    for name in &args.system {
        lineup.find(name).map_err(|unknown| unknown.to_string())?;
    }
    let roles: Vec<(String, Role)> =
        lineup.entries().iter().map(|entry| (entry.name.clone(), entry.role)).collect();
    let wanted = |name: &str| match args.system.is_empty() {
        true => roles.iter().any(|(n, role)| n == name && !matches!(role, Role::Reference(_))),
        false => args.system.iter().any(|system| name.eq_ignore_ascii_case(system)),
    };
    Ok(lineup.only(wanted))
}

fn test(lineup: &Lineup, figures: &[&Figure]) -> ExitCode {
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(error) => return fail(&error),
    };
    let profile = |system: &str| folder.path().join(system);
    let names: Vec<String> = figures.iter().map(|figure| figure.name()).collect();
    let runs = figures.iter().map(|figure| {
        || {
            let mut plan = Plan::new(lineup, Settings::TRIAL, &|| false, &|_, _, _| (), &profile);
            plan.take(figure).map_err(|why| why.to_string())?;
            expected(&plan.taken)
        }
    });
    if test_each(TARGET, names.iter().map(String::as_str).zip(runs)) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("{TARGET}: {error}");
    ExitCode::FAILURE
}

fn measure(args: &Args, lineup: &Lineup, figures: &[&Figure]) -> ExitCode {
    let run = Run::begin(args.seed);
    let folder = args.common.out.clone().unwrap_or_else(|| PathBuf::from("benchmark_results"));
    // Known before anything is measured.
    let mut file = match ResultsDir::open(folder) {
        Ok(folder) => folder.file(TARGET, run.started()),
        Err(error) => return fail(&error),
    };
    if let Err(error) = catch_interrupt() {
        return fail(&error);
    }
    if args.common.sample_size.is_some() {
        eprintln!(
            "{TARGET}: counts repeat exactly, so each figure is taken once whatever --sample-size says"
        );
    }
    let progress = Progress::of(TARGET, figures.len());
    let settings = Settings { cycles: args.cycles, seed: args.seed };
    let shown = RefCell::new(Shown::default());
    let watch =
        |figure: &str, system: &str, sample| shown.borrow_mut().take(figure, system, sample, args.live);
    // Profiles lie beside the results, whose name is chosen when they are first written.
    let stem = match file.save(&unfinished(&run, MemoryProfiling::default())) {
        Ok(path) => path.with_extension(""),
        Err(error) => return fail(&error),
    };
    let profile = |system: &str| PathBuf::from(format!("{}_{system}.dhat.json", stem.display()));
    let mut plan = Plan::new(lineup, settings, &interrupted, &watch, &profile);
    let mut failures = Vec::new();
    let mut stored = Ok(None);
    for (number, figure) in figures.iter().enumerate() {
        progress.show(number, &figure.name());
        match plan.take(figure) {
            Ok(()) => {}
            Err(PlanError::Interrupted { .. }) => break,
            Err(why) => {
                eprintln!("\nerror: {why}");
                failures.push(why.to_string());
            }
        }
        stored = store(&plan, &run, &mut file, false).map(Some);
        if stored.is_err() {
            break;
        }
    }
    progress.clear();
    if stored.is_ok() {
        stored = store(&plan, &run, &mut file, !interrupted() && failures.is_empty()).map(Some);
    }
    print!("{}", text(&plan.taken));
    failures.iter().for_each(|failure| eprintln!("no figure: {failure}"));
    // Somebody has to look at what is unclear, too.
    let leaks = plan.taken.leaks.iter().any(|leak| leak.verdict != Verdict::Clean);
    match stored {
        Err(error) => return fail(&error),
        Ok(Some(path)) => println!("\n{}", path.display()),
        Ok(None) => {}
    }
    match () {
        () if interrupted() => ExitCode::from(EXIT_INTERRUPTED),
        () if leaks || !failures.is_empty() => ExitCode::FAILURE,
        () => ExitCode::SUCCESS,
    }
}

fn store(plan: &Plan<'_>, run: &Run, file: &mut ResultFile, complete: bool) -> Result<PathBuf, StoreError> {
    let mut document = unfinished(run, plan.taken.clone());
    document.complete = complete;
    file.save(&document)
}

fn unfinished(run: &Run, taken: MemoryProfiling) -> Document<MemoryProfiling> {
    let mut document = Document::new(TARGET, run.provenance(), taken);
    document.complete = false;
    document
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
