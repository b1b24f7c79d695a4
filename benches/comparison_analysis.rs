//! Which system is faster, by how much, and how sure that is: pair by pair, in processes of their own, with a system against
//! itself running along.

use std::process::ExitCode;
use std::time::Duration;

use crucible_perf::analysis::machine::remarks;
use crucible_perf::cli::{
    Action, BenchArgs, EXIT_INVALID, Progress, Session, Taken, fail, interrupted, list, parse, refuse_usage,
    test_each,
};
use crucible_perf::experiment::{Lineup, Threads, run_if_worker};
use crucible_perf::measure::{Machine, Quietness, Reading};
use crucible_perf::report::comparison_analysis::text;
use crucible_perf::results::ResultsDir;
use crucible_perf::results::comparison_analysis::Remark;
use crucible_perf::targets::comparison_analysis::{
    Between, Case, Plan, Settings, build, cases, controls, of_revision,
};
use crucible_perf::workload::Scenario;

const TARGET: &str = "comparison_analysis";

/// The one that `--against` is about, if none is named.
const USUAL_SYSTEM: &str = "CrucibleCore";

/// Compares the systems, pair by pair: ratio with interval, and whether it matters. A system against itself runs along;
/// should it come out different, nothing of the run counts (exit status 4).
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    common: BenchArgs,
    /// Only this scenario: light, medium, heavy or stress (may be given more than once) [default: all but stress]
    #[arg(long, value_name = "NAME")]
    scenario: Vec<String>,
    /// Only this system, and what it is compared with by name (may be given more than once) [default: all]
    #[arg(long, value_name = "NAME")]
    system: Vec<String>,
    /// One system against itself as it was at this revision: CrucibleCore, or the one that --system names
    #[arg(long, value_name = "REV")]
    against: Option<String>,
    /// Smallest effect that matters, in per cent
    #[arg(long, value_name = "PERCENT", default_value_t = Settings::QUICK.relevant_percent, value_parser = percent)]
    relevant: f64,
    /// Narrower intervals: up to 400 rounds where the pilot asks for them, and the stress scenario
    #[arg(long)]
    full: bool,
    /// Worker threads, beside the comparisons on one thread [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=1024), default_value_t = 2)]
    threads: u16,
    /// Seed of the workload and of the order of blocks
    #[arg(long, value_name = "N", default_value_t = Settings::QUICK.seed)]
    seed: u64,
}

fn percent(text: &str) -> Result<f64, String> {
    let percent: Option<f64> = text.parse().ok();
    percent.filter(|&p| p > 0.0 && p <= 50.0).ok_or_else(|| "wants per cent above 0 and up to 50".to_owned())
}

/// What the arguments ask for.
struct Selection {
    lineup: Lineup,
    cases: Vec<Case>,
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
        Action::List => list(selection.cases.iter().map(|case| &*case.name)),
        _ if selection.cases.is_empty() => {}
        Action::Test => return test(&selection),
        Action::Profile(_) => refuse_usage(
            TARGET,
            "its blocks run in processes of their own; to profile a system, type \
             cargo bench --bench daemon_performance -- --profile-time SECS pass/",
        ),
        Action::Measure => return measure(&args, &selection).unwrap_or_else(|error| fail(TARGET, error)),
    }
    ExitCode::SUCCESS
}

fn select(args: &Args, lineup: Lineup) -> Selection {
    let scenarios = scenarios_of(args).unwrap_or_else(|wrong| refuse_usage(TARGET, wrong));
    let named = Lineup::standard().named(&args.system);
    let named = named.unwrap_or_else(|unknown| refuse_usage(TARGET, unknown));
    let threads = Threads(args.threads.into());
    let all = match (&args.against, &args.system[..]) {
        (None, _) => controls(&named).into_iter().chain(cases(&named, &scenarios, threads)).collect(),
        (Some(_), []) => against(&lineup, USUAL_SYSTEM, &scenarios, threads),
        (Some(_), [system]) => against(&lineup, system, &scenarios, threads),
        (Some(_), _) => refuse_usage(TARGET, "--against is about one system; name one with --system"),
    };
    let selected = args.common.select(TARGET, &all, |case| &case.name);
    let usual = if args.full { Settings::FULL } else { Settings::QUICK };
    let most = args.common.sample_size.map_or(usual.most_rounds, |rounds| rounds as usize);
    let settings = Settings {
        relevant_percent: args.relevant,
        most_rounds: most,
        least_rounds: usual.least_rounds.min(most),
        seed: args.seed,
        ..usual
    };
    Selection { cases: selected.into_iter().cloned().collect(), settings, lineup }
}

/// The control is of this tree: what differs there is noise, whatever the revisions.
fn against(lineup: &Lineup, system: &str, scenarios: &[Scenario], threads: Threads) -> Vec<Case> {
    let name = match lineup.find(system) {
        Ok(entry) => &entry.name,
        Err(unknown) => refuse_usage(TARGET, unknown),
    };
    let control = controls(lineup).into_iter().filter(|case| case.system == *name);
    control.chain(of_revision(name, scenarios, threads)).collect()
}

fn scenarios_of(args: &Args) -> Result<Vec<Scenario>, String> {
    let usual = [Scenario::LIGHT, Scenario::MEDIUM, Scenario::HEAVY];
    match (&args.scenario[..], args.full) {
        ([], false) => Ok(usual.into()),
        ([], true) => Ok(Scenario::ALL.into()),
        (named, _) => named.iter().map(|name| name.parse().map_err(|wrong| format!("{wrong}"))).collect(),
    }
}

fn test(selection: &Selection) -> ExitCode {
    let never = || false;
    let settings = Settings { seed: selection.settings.seed, ..Settings::TRIAL };
    let tests = selection.cases.iter().map(|case| {
        let run = || {
            let many = (1, Vec::new());
            let mut plan = Plan::new(&selection.lineup, settings, Between::Systems, many, &never);
            plan.take(case, &mut |_| {}).map(drop)
        };
        (&*case.name, run)
    });
    test_each(TARGET, tests)
}

fn measure(args: &Args, selection: &Selection) -> Result<ExitCode, Box<dyn std::error::Error>> {
    // Known before the minutes that a build takes.
    ResultsDir::open(args.common.results())?;
    let between = match &args.against {
        None => Between::Systems,
        Some(revision) => build(TARGET, revision)?,
    };
    let mut session = Session::begin(TARGET, TARGET, args.common.results(), selection.settings.seed)?;
    let cases = &selection.cases;
    let many = (cases.len(), state_of_machine());
    let mut plan = Plan::new(&selection.lineup, selection.settings, between, many, &interrupted);
    let names: Vec<String> = cases.iter().map(|case| case.name.clone()).collect();
    let progress = Progress::of(TARGET, names.len());
    let take = |plan: &mut Plan<'_>, number: usize| {
        plan.take(&cases[number], &mut |state| progress.show_state(state)).map(drop)
    };
    let taken = session.take_each(&progress, &names, &mut plan, take, |plan| &plan.taken);
    Ok(finish(&plan, taken, &mut session))
}

/// What speaks against the machine is said before it is measured on: it may be stopped, and mended.
fn state_of_machine() -> Vec<Remark> {
    let said = remarks(&Machine::inspect(), &Quietness::watch(Duration::from_secs(1)));
    for remark in &said {
        eprintln!("{TARGET}: {}; {}", remark.state, remark.advice);
    }
    said
}

fn finish(plan: &Plan<'_>, mut taken: Taken, session: &mut Session) -> ExitCode {
    let tables = text(&plan.taken);
    taken.stored = taken.stored.and_then(|path| session.file.save_text(&tables).map(|_| path));
    if let Ok(path) = &taken.stored {
        println!("{}\n", path.display());
    }
    print!("{tables}");
    let status = match plan.taken.reliability.reliable {
        Reading::Value(false) => {
            println!(
                "not measured: {TARGET}: INVALID: a system came out different from itself; measure again"
            );
            ExitCode::from(EXIT_INVALID)
        }
        _ => ExitCode::SUCCESS,
    };
    taken.status(TARGET, status)
}
