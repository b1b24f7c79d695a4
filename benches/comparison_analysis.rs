//! Which system is faster, by how much, and how sure that is: pair by pair, in processes of their own, with a system against
//! itself running along.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crucible_perf::analysis::machine::remarks;
use crucible_perf::cli::{
    Action, BenchArgs, EXIT_INTERRUPTED, EXIT_INVALID, Progress, catch_interrupt, interrupted, list, parse,
    refuse_usage, test_each,
};
use crucible_perf::experiment::{Lineup, Threads, run_if_worker};
use crucible_perf::measure::{Machine, Quietness, Reading, Run};
use crucible_perf::report::comparison_analysis::text;
use crucible_perf::results::comparison_analysis::Remark;
use crucible_perf::results::{Document, ResultFile, ResultsDir, StoreError};
use crucible_perf::targets::comparison_analysis::{
    Between, Case, Plan, PlanError, Settings, build, cases, controls, of_revision,
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
        Action::Measure => return measure(&args, &selection),
    }
    ExitCode::SUCCESS
}

fn select(args: &Args, lineup: Lineup) -> Selection {
    let scenarios = scenarios_of(args).unwrap_or_else(|wrong| refuse_usage(TARGET, wrong));
    for name in &args.system {
        lineup.find(name).unwrap_or_else(|unknown| refuse_usage(TARGET, unknown));
    }
    let wanted =
        |name: &str| args.system.is_empty() || args.system.iter().any(|s| s.eq_ignore_ascii_case(name));
    let threads = Threads(args.threads.into());
    let all = match (&args.against, &args.system[..]) {
        (None, _) => {
            let lineup = lineup_of(&wanted);
            controls(&lineup).into_iter().chain(cases(&lineup, &scenarios, threads)).collect()
        }
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

fn lineup_of(wanted: &dyn Fn(&str) -> bool) -> Lineup {
    Lineup::standard().only(wanted)
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
            plan.take(case, &mut |_| {}).map(drop).map_err(|why| why.to_string())
        };
        (&*case.name, run)
    });
    if test_each(TARGET, tests) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("{TARGET}: {error}");
    ExitCode::FAILURE
}

fn measure(args: &Args, selection: &Selection) -> ExitCode {
    let folder = args.common.out.clone().unwrap_or_else(|| PathBuf::from("benchmark_results"));
    // Known before anything is measured.
    let folder = match ResultsDir::open(folder) {
        Ok(folder) => folder,
        Err(error) => return fail(&error),
    };
    let between = match &args.against {
        None => Ok(Between::Systems),
        Some(revision) => build(TARGET, revision),
    };
    let between = match between {
        Ok(between) => between,
        Err(error) => return fail(&error),
    };
    let run = Run::begin(selection.settings.seed);
    let mut file = folder.file(TARGET, run.started());
    if let Err(error) = catch_interrupt() {
        return fail(&error);
    }
    let machine = state_of_machine();
    let many = (selection.cases.len(), machine);
    let mut plan = Plan::new(&selection.lineup, selection.settings, between, many, &interrupted);
    let failures = compare(&mut plan, selection, &run, &mut file);
    finish(&plan, &failures, &run, &mut file)
}

/// What speaks against the machine is said before it is measured on: it may be stopped, and mended.
fn state_of_machine() -> Vec<Remark> {
    let said = remarks(&Machine::inspect(), &Quietness::watch(Duration::from_secs(1)));
    for remark in &said {
        eprintln!("{TARGET}: {}; {}", remark.state, remark.advice);
    }
    said
}

/// One that fails does not hide the others. After each the results so far are on disk.
fn compare(plan: &mut Plan<'_>, selection: &Selection, run: &Run, file: &mut ResultFile) -> Vec<String> {
    let mut failures = Vec::new();
    let progress = Progress::of(TARGET, selection.cases.len());
    for (number, case) in selection.cases.iter().enumerate() {
        progress.show(number, &case.name);
        let mut watch = |state: &str| progress.show_state(number, &case.name, state);
        let taken = plan.take(case, &mut watch).map(drop);
        let stored = store(plan, run, file, false).map(drop);
        match (taken, stored) {
            (Err(why), _) if PlanError::is_interruption(&why) => break,
            (taken, stored) => {
                let failed =
                    [taken.err().map(|why| why.to_string()), stored.err().map(|why| why.to_string())];
                for why in failed.into_iter().flatten() {
                    eprintln!("\nerror: {why}");
                    failures.push(why);
                }
            }
        }
    }
    progress.clear();
    failures
}

fn store(plan: &Plan<'_>, run: &Run, file: &mut ResultFile, complete: bool) -> Result<PathBuf, StoreError> {
    let mut document = Document::new(TARGET, run.provenance(), plan.taken.clone());
    document.complete = complete;
    file.save(&document)
}

fn finish(plan: &Plan<'_>, failures: &[String], run: &Run, file: &mut ResultFile) -> ExitCode {
    let stored = store(plan, run, file, !interrupted() && failures.is_empty());
    let tables = text(&plan.taken);
    let stored = stored.and_then(|path| file.save_text(&tables).map(|_| path));
    for failure in failures {
        println!("no figure: {failure}");
    }
    match stored {
        Ok(path) => println!("{}\n", path.display()),
        Err(error) => return fail(&error),
    }
    print!("{tables}");
    if plan.taken.reliability.reliable == Reading::Value(false) {
        println!("not measured: {TARGET}: INVALID: a system came out different from itself; measure again");
    }
    match plan.taken.reliability.reliable {
        _ if interrupted() => ExitCode::from(EXIT_INTERRUPTED),
        _ if !failures.is_empty() => ExitCode::FAILURE,
        Reading::Value(false) => ExitCode::from(EXIT_INVALID),
        _ => ExitCode::SUCCESS,
    }
}
