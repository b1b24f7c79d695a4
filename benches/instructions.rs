//! Every kernel of the list by instructions and bus events, in iai-callgrind.

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crucible_perf::cli::{Action, BenchArgs, keep_output, list, output_is_kept, parse, test_each};
use crucible_perf::kernels::{self, Checked, KernelSpec, Work};
use crucible_perf::measure::instructions::{GLIBC_TUNABLES, Summaries, SummaryError, valgrind_version};
use crucible_perf::report::counts::{Row, table};
use iai_callgrind::__internal::lib_bench::GroupsBuilder;
use iai_callgrind::__internal::{BenchmarkKind, InternalMacroLibBench, Runner};
use iai_callgrind::{Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark};

const TARGET: &str = "instructions";
const GROUP: &str = "kernels";

/// Counts instructions and bus events (atomic read-modify-writes) of every kernel of the list, under valgrind.
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    common: BenchArgs,
}

/// The counted benchmarks: of all that happens, only the body of `kernel` is counted.
mod counted {
    #![allow(missing_docs, unreachable_pub, reason = "what the attribute generates is public and bare")]

    use super::{Checked, Work, check, library_benchmark, settled};

    macro_rules! counted {
        ($($id:ident, $name:literal, $prepare:expr;)*) => {
            #[library_benchmark]
            $(#[bench::$id(args = ($name), setup = settled, teardown = check)])*
            fn kernel(mut kernel: Box<Checked>) -> (Box<Checked>, Work) {
                let work = kernel.run();
                (kernel, work)
            }
        };
    }
    crucible_perf::for_each_kernel!(counted);
}
use counted::kernel::__BENCHES as BENCHES;

/// Enough for every buffer to have its size, also the three that change hands in a mailbox.
const SETTLING_RUNS: u64 = 4;

/// The whole warm-up went by before, at full speed ([`count`]); under valgrind it would take minutes.
fn settled(name: &str) -> Box<Checked> {
    let spec = kernels::all().iter().find(|spec| spec.name == name).expect("expanded from the same list");
    let mut kernel = Box::new(Checked::new(spec));
    kernel.settle(SETTLING_RUNS).unwrap_or_else(|wrong| wrong.end_process());
    kernel
}

fn check((kernel, work): (Box<Checked>, Work)) {
    kernel.check(work).unwrap_or_else(|wrong| wrong.end_process());
}

/// `iai_callgrind::main!` knows no filter for single benchmarks, no `--test`, and fails on flags that are not its own.
/// So this is what it expands to, for the benchmarks that are selected. Its internals hold still: the version is
/// fixed.
fn main() -> ExitCode {
    if let Some(run) = counted_run() {
        run();
        return ExitCode::SUCCESS;
    }
    let Args { common: args } = parse(TARGET);
    let selected = args.select(TARGET, kernels::all(), |spec| spec.name);
    match args.action() {
        Action::List => list(selected.iter().map(|spec| spec.name)),
        _ if selected.is_empty() => {}
        Action::Test => return test(&selected),
        Action::Profile(_) => {
            eprintln!(
                "{TARGET}: no --profile-time here; type cargo bench --bench kernels -- --profile-time SECS"
            );
        }
        Action::Measure => return measure(&args, &selected),
    }
    ExitCode::SUCCESS
}

/// What valgrind is to run: `--iai-run GROUP 0 0 instructions::GROUP::ID`.
fn counted_run() -> Option<fn()> {
    let mut args = env::args().skip(1);
    (args.next()? == "--iai-run").then_some(())?;
    let path = args.last()?;
    let id = path.rsplit("::").next()?;
    Some(benchmark(id).unwrap_or_else(|| panic!("no kernel `{id}`, asked for as `{path}`")).func)
}

fn benchmark(id: &str) -> Option<&'static InternalMacroLibBench> {
    BENCHES.iter().find(|bench| bench.id_display == Some(id))
}

/// Runs what valgrind would run, without it; and no benchmark may be missing or left over.
fn test(selected: &[&KernelSpec]) -> ExitCode {
    let exists_and_runs = |spec: &KernelSpec| match benchmark(spec.id) {
        Some(bench) if BENCHES.len() == kernels::all().len() => {
            (bench.func)();
            Ok(())
        }
        _ => Err(format!("the counted benchmarks are not those of the list: see `{}`", spec.id)),
    };
    let passed = test_each(TARGET, selected.iter().map(|spec| (spec.name, || exists_and_runs(spec))));
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn measure(args: &BenchArgs, selected: &[&'static KernelSpec]) -> ExitCode {
    if valgrind_version().is_none() {
        println!("{TARGET}: not measured: valgrind is not installed (Debian: apt-get install valgrind)");
        // There the figures are what the run is for.
        return if env::var_os("CI").is_some_and(|ci| ci == "true") {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        };
    }
    let result = match &args.out {
        Some(folder) if !output_is_kept() => keep_output(TARGET, folder).map_err(|error| error.to_string()),
        _ => count(args, selected).map(|()| ExitCode::SUCCESS).map_err(|error| error.to_string()),
    };
    result.unwrap_or_else(|error| {
        eprintln!("{TARGET}: {error}");
        ExitCode::FAILURE
    })
}

/// Checks each kernel at full speed first, where wrong work is told at once; then under valgrind.
fn count(args: &BenchArgs, selected: &[&'static KernelSpec]) -> Result<(), SummaryError> {
    if args.sample_size.is_some() {
        eprintln!(
            "{TARGET}: counts repeat exactly, so each kernel is counted once whatever --sample-size says"
        );
    }
    let home = home();
    let summaries = Summaries::new(&home, TARGET, GROUP);
    let mut events = Vec::new();
    for spec in selected {
        let mut kernel = Checked::new(spec);
        kernel.warm_up().unwrap_or_else(|wrong| wrong.end_process());
        events.push(kernel.expected().events);
        summaries.forget(spec.id)?;
    }
    run_under_valgrind(selected, &home);
    let row = |(spec, events): (&&'static KernelSpec, u64)| {
        let counts = summaries.read(spec.id)?;
        Ok(Row { kernel: spec.name, events, counts })
    };
    let rows = selected.iter().zip(events).map(row).collect::<Result<Vec<_>, _>>()?;
    println!("\n{}", table(&rows));
    Ok(())
}

/// Ends the process with the runner's status if that is not 0.
fn run_under_valgrind(selected: &[&KernelSpec], home: &Path) {
    let own_args = vec![format!("--home={}", home.display()), "--save-summary=json".to_owned()];
    let benches: Vec<_> =
        selected.iter().filter_map(|spec| Some((spec.id, [unnamed(benchmark(spec.id)?)]))).collect();
    let no_config: fn() -> _ = || None;
    let benches: Vec<_> = benches.iter().map(|(id, bench)| (*id, no_config, &bench[..])).collect();
    let benches: Vec<_> = benches.iter().collect();
    let mut groups = GroupsBuilder::new(Some(pinned().into()), own_args, false, false);
    groups.add_group(GROUP.to_owned(), None, None, false, false, &benches);

    let program = env::args().next().unwrap_or_default();
    let runner = option_env!("CARGO_BIN_EXE_iai-callgrind-runner");
    let (package, folder) = (env!("CARGO_PKG_NAME"), env!("CARGO_MANIFEST_DIR"));
    let kind = BenchmarkKind::LibraryBenchmark;
    let runner = Runner::new(runner, &kind, folder, package, file!(), module_path!(), program);
    let encoded = iai_callgrind::bincode::serialize(&groups.build()).expect("plain data has a binary form");
    if let Err(errors) = runner.exec(encoded) {
        eprintln!("{TARGET}: {errors}");
        std::process::exit(1);
    }
}

/// Named by the function's place in the output, which is the kernel's id: `kernels/<id>/summary.json`.
fn unnamed(bench: &InternalMacroLibBench) -> InternalMacroLibBench {
    InternalMacroLibBench { id_display: None, ..bench.clone() }
}

/// An empty environment but for glibc's choices. Caches are not simulated: that doubles the time and moves no count;
/// `IAI_CALLGRIND_CALLGRIND_ARGS=--cache-sim=yes` turns it on.
fn pinned() -> LibraryBenchmarkConfig {
    let mut callgrind = Callgrind::with_args(["--cache-sim=no", "--collect-bus=yes"]);
    callgrind.format([EventKind::Ir, EventKind::Ge]);
    let mut config = LibraryBenchmarkConfig::default();
    config.env_clear(true).env("GLIBC_TUNABLES", GLIBC_TUNABLES).tool(callgrind);
    config
}

/// `target/iai`, as iai-callgrind would choose: this program is `target/<profile>/deps/instructions-…`.
fn home() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    program.ancestors().nth(3).unwrap_or(Path::new("target")).join("iai")
}
