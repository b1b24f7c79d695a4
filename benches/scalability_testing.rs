//! How far the systems go: the highest rates that they sustain, what happens beyond, what limits them, and how throughput, latency and
//! memory grow along one size after the other.

use std::collections::BTreeMap;
use std::process::ExitCode;

use crucible_perf::cli::{
    Action, BenchArgs, Progress, Session, fail, interrupted, list, parse, refuse_usage, test_each,
};
use crucible_perf::experiment::{Lineup, Threads, run_if_worker};
use crucible_perf::report::scalability_testing::{plots, text};
use crucible_perf::results::StoreError;
use crucible_perf::results::scalability_testing::Dimension;
use crucible_perf::targets::scalability_testing::{Figure, Plan, Settings, figures};

const TARGET: &str = "scalability_testing";

/// Of the files, and known to those who look for them.
const FILES: &str = "scalability_results";

/// Finds the highest rate that each system sustains, confirms it, goes beyond, and says what limits it; then lets publishers, worker threads,
/// services, rules and payloads grow, one at a time, and fits how throughput and memory follow. `limit/spin_10us` only
/// with --full or when it is named, `limit/known_answer` only when it is named.
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    common: BenchArgs,
    /// Seven staircases a limit, rates confirmed for 30 s, more sizes, references among the limits: minutes for each
    #[arg(long)]
    full: bool,
    /// Only this system (may be given more than once) [default: all]
    #[arg(long, value_name = "NAME")]
    system: Vec<String>,
    /// Threads of limits and of the figure for publishers [default: one for each core, at least 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Most that the P99 of a sustained rate may be, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    p99: u64,
    /// What throughput should grow by along a dimension, from the smallest size to the largest, such as workers=1.8 (may
    /// be given more than once) [default: as many times as there are workers, or publishers with a thread each; 1 for
    /// services, rules and payload]
    #[arg(long, value_name = "DIMENSION=TIMES", value_parser = expectation)]
    expect: Vec<(Dimension, f64)>,
    /// Seed of events, arrivals, orders and resampling
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,
}

fn expectation(text: &str) -> Result<(Dimension, f64), String> {
    let known = Dimension::ALL.map(Dimension::as_str);
    let (name, times) = text.split_once('=').ok_or("wants a dimension and a number, such as workers=1.8")?;
    let dimension = Dimension::ALL.into_iter().find(|dimension| dimension.as_str() == name);
    let dimension =
        dimension.ok_or_else(|| format!("unknown dimension \"{name}\"; try {}", known.join(", ")))?;
    let times = times.parse().ok().filter(|times: &f64| *times > 0.0 && times.is_finite());
    Ok((dimension, times.ok_or("wants a number above 0 after the =, such as workers=1.8")?))
}

/// What the arguments ask for.
struct Selection {
    lineup: Lineup,
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
    match args.common.action() {
        Action::List => list(selection.figures.iter().map(Figure::name)),
        _ if selection.figures.is_empty() => {}
        Action::Test => return test(&selection),
        Action::Profile(_) => eprintln!(
            "{TARGET}: no --profile-time here: systems run in processes of their own; `cargo bench --bench \
             daemon_performance -- --profile-time SECS` profiles them"
        ),
        Action::Measure => return measure(&args, &selection).unwrap_or_else(|error| fail(TARGET, error)),
    }
    ExitCode::SUCCESS
}

fn select(args: &Args, lineup: Lineup) -> Selection {
    let lineup = lineup.named(&args.system).unwrap_or_else(|unknown| refuse_usage(TARGET, unknown));
    let figures = figures();
    let named: Vec<(String, Figure)> = figures.into_iter().map(|figure| (figure.name(), figure)).collect();
    let selected = args.common.select(TARGET, &named, |(name, _)| name);
    let by_name = !args.common.filters.is_empty() || args.common.action() != Action::Measure;
    let figures = selected.into_iter().map(|(_, figure)| *figure);
    let figures = figures.filter(|figure| by_name || figure.is_usual(args.full)).collect();
    Selection { lineup, figures, settings: settings(args) }
}

fn settings(args: &Args) -> Settings {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut settings = if args.full { Settings::full(cores) } else { Settings::quick(cores) };
    if let Some(threads) = args.threads {
        settings.threads = Threads(usize::from(threads));
    }
    if let Some(rounds) = args.common.sample_size {
        settings.rounds = rounds as usize;
    }
    settings.long.p99 = std::time::Duration::from_millis(args.p99);
    settings.expected = args.expect.iter().copied().collect::<BTreeMap<_, _>>();
    settings.seed = args.seed;
    settings
}

fn test(selection: &Selection) -> ExitCode {
    let settings =
        Settings { threads: selection.settings.threads, ..Settings::trial(selection.settings.cores) };
    let tests = selection.figures.iter().map(|figure| {
        let mut plan = Plan::new(&selection.lineup, settings.clone(), &|| false, &|_| ());
        (figure.name(), move || plan.take(figure))
    });
    test_each(TARGET, tests)
}

fn measure(args: &Args, selection: &Selection) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut session = Session::begin(TARGET, FILES, args.common.results(), selection.settings.seed)?;
    let names: Vec<String> = selection.figures.iter().map(Figure::name).collect();
    let progress = Progress::of(TARGET, names.len());
    let show = |state: &str| progress.show_state(state);
    let mut plan = Plan::new(&selection.lineup, selection.settings.clone(), &interrupted, &show);
    let take = |plan: &mut Plan<'_>, number: usize| plan.take(&selection.figures[number]);
    let mut taken = session.take_each(&progress, &names, &mut plan, take, |plan| &plan.taken);
    print!("{}", text(&plan.taken));
    taken.stored = taken.stored.and_then(|path| {
        println!("\n{}", path.display());
        draw(&plan, &mut session).map(|()| path)
    });
    Ok(taken.status(TARGET, ExitCode::SUCCESS))
}

fn draw(plan: &Plan<'_>, session: &mut Session) -> Result<(), StoreError> {
    for (name, svg) in plots(&plan.taken) {
        println!("{}", session.file.save_plot(&name, &svg)?.display());
    }
    Ok(())
}
