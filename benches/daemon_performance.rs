//! The systems side by side: whole scenarios in Divan, then throughput, cost and latency of each system in a process
//! of its own, and the ratio of the systems against handler time.

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crucible_perf::analysis::daemon_performance::grades;
use crucible_perf::analysis::grades::GradeThresholds;
use crucible_perf::cli::{
    Action, BenchArgs, EXIT_INTERRUPTED, Progress, Session, Taken, fail, interrupted, list, parse,
    refuse_usage, show_output, test_each,
};
use crucible_perf::experiment::{Lineup, Threads, run_if_worker};
use crucible_perf::kernels::{Checked, Work};
use crucible_perf::report::daemon_performance::text;
use crucible_perf::targets::daemon_performance::{Figure, Plan, Settings, figures};
use crucible_perf::workload::trace::Speed;
use crucible_perf::workload::{NoWorkload, Recipe, Scenario};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, Divan};

const TARGET: &str = "daemon_performance";

/// Set in the process that runs Divan's part, whose table is kept as text.
const DIVAN_PART: &str = "CRUCIBLE_PERF_DIVAN_PART";

/// A pass takes 10 µs to 50 ms: some ten samples of the largest.
const MIN_TIME: Duration = Duration::from_millis(100);
const MAX_TIME: Duration = Duration::from_millis(500);

/// Compares the systems scenario by scenario: throughput, CPU and memory closed loop, latency at equal offered load,
/// and the ratio of the systems against the time that handlers take.
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    common: BenchArgs,
    /// Only this scenario: light, medium, heavy or stress (may be given more than once) [default: all but stress]
    #[arg(long, value_name = "NAME")]
    scenario: Vec<String>,
    /// Also the events of this trace, to the services of medium: throughput, and latency at their own moments (may be given
    /// more than once; `cargo record` makes traces)
    #[arg(long, value_name = "FILE")]
    trace: Vec<PathBuf>,
    /// How many times as fast traces are replayed, such as 10x or 0.5x
    #[arg(long, value_name = "TIMES", default_value_t = Speed::RECORDED, requires = "trace")]
    speed: Speed,
    /// Only this system, and what it is compared with by name (may be given more than once) [default: all]
    #[arg(long, value_name = "NAME")]
    system: Vec<String>,
    /// Worker threads, beside the figures on one thread [default: one for each core, at least 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=1024))]
    threads: Option<u16>,
    /// Rounds of each latency, a second each (of a trace: a replay); from 15 on their ratios have intervals
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    latency_rounds: u32,
    /// Seed of the workload and of the order of systems in each round
    #[arg(long, value_name = "N", default_value_t = Settings::USUAL.seed)]
    seed: u64,
}

/// What the arguments ask for.
struct Selection {
    lineup: Lineup,
    passes: Vec<PassSpec>,
    figures: Vec<Figure>,
    settings: Settings,
}

fn main() -> ExitCode {
    let lineup = Lineup::standard();
    if run_if_worker(&lineup) {
        return ExitCode::SUCCESS;
    }
    let args: Args = parse(TARGET);
    let selection = select(&args, lineup);
    let names = selection.names();
    match args.common.action() {
        Action::List => list(&names),
        _ if names.is_empty() => {}
        Action::Test => return test(&selection),
        Action::Profile(each) => profile(&selection, each),
        Action::Measure if std::env::var_os(DIVAN_PART).is_some() => return divan_part(&args, selection),
        Action::Measure => return measure(&args, &selection).unwrap_or_else(|error| fail(TARGET, error)),
    }
    ExitCode::SUCCESS
}

impl Selection {
    fn names(&self) -> Vec<String> {
        let passes = self.passes.iter().map(ToString::to_string);
        passes.chain(self.figures.iter().map(Figure::name)).collect()
    }
}

fn select(args: &Args, lineup: Lineup) -> Selection {
    let lineup = lineup.named(&args.system).unwrap_or_else(|wrong| refuse_usage(TARGET, wrong));
    let mut workloads = scenarios_of(args).unwrap_or_else(|wrong| refuse_usage(TARGET, wrong));
    workloads.extend(traces_of(args).unwrap_or_else(|wrong| refuse_usage(TARGET, wrong)));
    let cores = std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
    let threads = Threads(args.threads.map_or(cores, usize::from));
    let passes = passes(&lineup, &workloads, threads, args.seed);
    let figures = figures(&workloads, threads);
    let both: Vec<String> =
        passes.iter().map(ToString::to_string).chain(figures.iter().map(Figure::name)).collect();
    let selected = args.common.select(TARGET, &both, |name| name);
    let is_selected = |name: &String| selected.contains(&name);
    let rounds = args.common.sample_size.map_or(Settings::USUAL.rounds, |rounds| rounds as usize);
    let latency_rounds = args.latency_rounds as usize;
    Selection {
        passes: passes.iter().filter(|pass| is_selected(&pass.to_string())).cloned().collect(),
        figures: figures.iter().filter(|figure| is_selected(&figure.name())).cloned().collect(),
        settings: Settings { rounds, latency_rounds, seed: args.seed, speed: args.speed, ..Settings::USUAL },
        lineup,
    }
}

fn scenarios_of(args: &Args) -> Result<Vec<Recipe>, String> {
    if args.scenario.is_empty() {
        return Ok([Scenario::LIGHT, Scenario::MEDIUM, Scenario::HEAVY].map(Recipe::from).into());
    }
    let scenario = |name: &String| name.parse::<Scenario>().map(Recipe::from);
    args.scenario.iter().map(|name| scenario(name).map_err(|unknown| unknown.to_string())).collect()
}

fn traces_of(args: &Args) -> Result<Vec<Recipe>, String> {
    let mut recipes: Vec<Recipe> = Vec::new();
    for file in &args.trace {
        let recipe = Recipe::recorded(file, Scenario::MEDIUM);
        if recipes.iter().any(|known| known.name() == recipe.name()) {
            return Err(format!("two traces are called `{}`; rename one of the files", recipe.name()));
        }
        recipes.push(recipe);
    }
    Ok(recipes)
}

/// Reads every trace to its end, before anything is measured, and says what it comes to.
fn announce_traces(args: &Args, settings: &Settings) -> Result<(), NoWorkload> {
    for file in &args.trace {
        let workload = Recipe::recorded(file, Scenario::MEDIUM).make(settings.seed)?;
        let replay = workload.offsets_ns(settings.speed).and_then(Iterator::last).unwrap_or(0);
        let (name, replay) = (workload.scenario.name(), Duration::from_nanos(replay));
        eprintln!("{TARGET}: {name}: {}; a replay takes {replay:.1?}", workload.fan_out());
    }
    Ok(())
}

/// A whole scenario through one system, for Divan.
#[derive(Clone)]
struct PassSpec {
    system: String,
    workload: Recipe,
    threads: Threads,
    seed: u64,
}

impl std::fmt::Display for PassSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let threads = self.threads.to_string().replace(' ', "_");
        write!(f, "pass/{}/{}/{threads}", self.workload.name(), self.system)
    }
}

fn passes(lineup: &Lineup, workloads: &[Recipe], threads: Threads, seed: u64) -> Vec<PassSpec> {
    let mut passes = Vec::new();
    for workload in workloads {
        for threads in [Threads(1), threads] {
            for entry in lineup.entries() {
                let system = entry.name.clone();
                passes.push(PassSpec { system, workload: workload.clone(), threads, seed });
            }
        }
    }
    passes
}

impl PassSpec {
    fn prepare(&self) -> Result<Checked, String> {
        let lineup = Lineup::standard();
        let entry = lineup.find(&self.system).map_err(|unknown| unknown.to_string())?;
        let workload = self.workload.make(self.seed).map_err(|why| format!("{self}: {why}"))?;
        let workload = Arc::new(workload);
        let prepared = entry.subject.prepare_pass(&workload, self.threads);
        let mut checked = Checked::of(self.to_string(), prepared.map_err(|why| format!("{self}: {why}"))?);
        checked.warm_up().map_err(|wrong| wrong.to_string())?;
        Ok(checked)
    }

    fn prepare_or_exit(&self) -> Checked {
        self.prepare().unwrap_or_else(|why| {
            eprintln!("\nerror: {why}");
            std::process::exit(1)
        })
    }
}

fn test(selection: &Selection) -> ExitCode {
    let never = || false;
    let passes = selection.passes.iter().map(|pass| {
        let run: Box<dyn FnOnce() -> Result<(), String>> = Box::new(|| pass.prepare().map(drop));
        (pass.to_string(), run)
    });
    let figures = selection.figures.iter().map(|figure| {
        let run: Box<dyn FnOnce() -> Result<(), String>> = Box::new(|| {
            let settings = Settings { speed: selection.settings.speed, ..Settings::TRIAL };
            let mut plan = Plan::new(&selection.lineup, settings, 1, &never);
            plan.take(figure).map_err(|why| why.to_string())
        });
        (figure.name(), run)
    });
    test_each(TARGET, passes.chain(figures))
}

/// In this process, so that a profiler sees the systems at work: passes only.
fn profile(selection: &Selection, each: Duration) {
    if !selection.figures.is_empty() {
        eprintln!("{TARGET}: figures run in processes of their own; profiled are the passes (`pass/…`) only");
    }
    for pass in &selection.passes {
        eprintln!("{TARGET}: {pass} for {each:?}");
        let mut checked = pass.prepare_or_exit();
        let start = Instant::now();
        while start.elapsed() < each {
            checked.run_checked().unwrap_or_else(|wrong| wrong.end_process());
        }
    }
}

/// Divan asks for its benchmarks without telling for whom: one selection per process.
static SELECTED: OnceLock<Vec<PassSpec>> = OnceLock::new();

fn divan_part(args: &Args, selection: Selection) -> ExitCode {
    SELECTED.get_or_init(|| selection.passes);
    match args.common.sample_size {
        Some(count) => Divan::default().sample_count(count).run_benches(),
        None => Divan::default().min_time(MIN_TIME).max_time(MAX_TIME).run_benches(),
    }
    ExitCode::SUCCESS
}

fn selected() -> Vec<PassSpec> {
    SELECTED.get().cloned().unwrap_or_default()
}

#[divan::bench(args = selected())]
fn pass(bencher: Bencher, spec: &PassSpec) {
    let mut pass = spec.prepare_or_exit();
    let Work { events, bytes, .. } = pass.expected();
    let bencher = bencher.counter(ItemsCount::new(events)).counter(BytesCount::new(bytes));
    bencher.bench_local(|| pass.run_and_check_on_drop());
}

fn measure(args: &Args, selection: &Selection) -> Result<ExitCode, Box<dyn std::error::Error>> {
    announce_traces(args, &selection.settings)?;
    let mut session = Session::begin(TARGET, TARGET, args.common.results(), selection.settings.seed)?;
    let passed = selection.passes.is_empty() || run_divan_part(&mut session)?;
    let status = if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    Ok(match take_figures(selection, &mut session) {
        Some(taken) => taken.status(TARGET, status),
        None if interrupted() => ExitCode::from(EXIT_INTERRUPTED),
        None => status,
    })
}

/// Divan's part in a process of its own: its samples share no heap with the rest, and its table is kept as text beside
/// the figures. Whether all passes did what they are for.
fn run_divan_part(session: &mut Session) -> Result<bool, Box<dyn std::error::Error>> {
    let mut program = Command::new(std::env::current_exe()?);
    let shown = show_output(program.args(std::env::args_os().skip(1)).env(DIVAN_PART, "1"))?;
    let path = session.file.save_text(&shown.text)?;
    println!("{}\n", path.display());
    Ok(shown.code == Some(0))
}

/// None if none is selected.
fn take_figures(selection: &Selection, session: &mut Session) -> Option<Taken> {
    if selection.figures.is_empty() {
        return None;
    }
    let of_figure = |figure: &Figure| figure.comparisons(&selection.settings, &selection.lineup);
    let comparisons = selection.figures.iter().map(of_figure).sum();
    let mut plan = Plan::new(&selection.lineup, selection.settings, comparisons, &interrupted);
    let names: Vec<String> = selection.figures.iter().map(Figure::name).collect();
    let progress = Progress::of(TARGET, names.len());
    let take = |plan: &mut Plan<'_>, number: usize| plan.take(&selection.figures[number]);
    let taken = session.take_each(&progress, &names, &mut plan, take, |plan| &plan.taken);
    print!("{}", text(&plan.taken, &grades(&plan.taken, &GradeThresholds::default())));
    if let Ok(path) = &taken.stored {
        println!("{}", path.display());
    }
    Some(taken)
}
