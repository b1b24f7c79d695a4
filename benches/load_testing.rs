//! The systems under open load: five ways to spread events over time, failures, stress, and what flags or a file
//! describe; each system in a process of its own.

use std::path::PathBuf;
use std::process::ExitCode;

use crucible_perf::cli::{
    Action, BenchArgs, EXIT_CROSSED, EXIT_INVALID, Progress, Session, fail, interrupted, list, parse,
    refuse_usage, test_each,
};
use crucible_perf::experiment::{Lineup, run_if_worker};
use crucible_perf::report::load_testing::{seconds, state, text};
use crucible_perf::results::load_testing::LoadTesting;
use crucible_perf::targets::load_testing::{Callbacks, Figure, LoadArgs, Plan, Settings, Status};

const TARGET: &str = "load_testing";

/// Offers both systems the same load, whatever they do meanwhile: response time from the intended moment beside service
/// time, backlog, failures and recovery, second by second. `stress` and `known_answers` only when they are named.
#[derive(clap::Parser)]
#[command(after_help = EXIT_CODES)]
struct Args {
    #[command(flatten)]
    common: BenchArgs,
    #[command(flatten)]
    load: LoadArgs,
}

const EXIT_CODES: &str = "\
Exit status:
  0    all that was asked for was done, and every threshold held
  1    something failed: wrong work, a known answer missed, a folder that cannot be written
  2    the command line or the file was not understood
  3    a threshold did not hold
  4    a load could not be offered as asked for (INVALID), or a known answer was missed on a machine that was not idle: nothing
       can be said of it; make the machine quieter
  130  Ctrl-C; what was done until then is kept";

/// What the arguments ask for.
struct Selection {
    lineup: Lineup,
    figures: Vec<Figure>,
    /// Whether it is one test that flags or a file describe.
    described: bool,
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
            "{TARGET}: no --profile-time here: tests run in processes of their own; --duration says how long, and \
             `perf record -p` attaches to one"
        ),
        Action::Measure => return measure(&args, selection).unwrap_or_else(|error| fail(TARGET, error)),
    }
    ExitCode::SUCCESS
}

fn select(args: &Args, lineup: Lineup) -> Selection {
    let figures = args.load.figures(Settings::USUAL).unwrap_or_else(|wrong| refuse_usage(TARGET, wrong));
    let described = matches!(figures.as_slice(), [Figure::Described { .. }]);
    let in_file = if described { figures[0].load_test().systems } else { Vec::new() };
    let lineup = args.load.lineup(lineup, &in_file).unwrap_or_else(|wrong| refuse_usage(TARGET, wrong));
    let named: Vec<(String, Figure)> = figures.into_iter().map(|figure| (figure.name(), figure)).collect();
    let selected = args.common.select(TARGET, &named, |(name, _)| name);
    let by_name = !args.common.filters.is_empty() || args.common.action() != Action::Measure;
    let wanted = selected.into_iter().filter(|(_, figure)| by_name || !figure.is_on_request());
    Selection { lineup, figures: wanted.map(|(_, figure)| figure.clone()).collect(), described }
}

fn test(selection: &Selection) -> ExitCode {
    let callbacks = Callbacks { interrupted: &|| false, watch: &|_| (), log: &|_, _| None };
    let tests = selection.figures.iter().map(|figure| {
        let mut plan = Plan::new(&selection.lineup, &[], callbacks);
        (figure.name(), move || plan.take(&figure.trial()))
    });
    test_each(TARGET, tests)
}

fn measure(args: &Args, selection: Selection) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let seed = selection.figures.first().map_or(Settings::USUAL.seed, |figure| figure.load_test().seed);
    let mut session = Session::begin(TARGET, TARGET, args.common.results(), seed)?;
    if args.common.sample_size.is_some() {
        eprintln!(
            "{TARGET}: each load is offered once whatever --sample-size says; --duration makes it longer"
        );
    }
    // Interval logs lie beside the results, whose name is chosen when they are first written.
    let stem = session.keep(LoadTesting::default(), false)?.with_extension("");
    let names: Vec<String> = selection.figures.iter().map(Figure::name).collect();
    let progress = Progress::of(TARGET, names.len());
    let callbacks = Callbacks {
        interrupted: &interrupted,
        watch: &|live| progress.show_state(&format!("{} · {}", live.system, state(live.second))),
        log: &|figure, system| {
            Some(PathBuf::from(format!("{}_{}_{system}", stem.display(), figure.replace('/', "_"))))
        },
    };
    let mut plan = Plan::new(&selection.lineup, &args.load.threshold, callbacks);
    let take = |plan: &mut Plan<'_>, number: usize| plan.take(&selection.figures[number]);
    let taken = session.take_each(&progress, &names, &mut plan, take, |plan| &plan.taken);
    if selection.described {
        print!("{}", seconds(&plan.taken.figures));
    }
    print!("{}", text(&plan.taken));
    println!("\n{}.json, and .hlog and .jsonl of each test", stem.display());
    let status = match plan.status() {
        Status::Wrong => ExitCode::FAILURE,
        Status::Crossed => ExitCode::from(EXIT_CROSSED),
        Status::Invalid => ExitCode::from(EXIT_INVALID),
        Status::Fine => ExitCode::SUCCESS,
    };
    Ok(taken.status(TARGET, status))
}
