//! Every kernel of the list by instructions, bus events, cache misses and heap blocks, in iai-callgrind.

use std::env;
use std::error::Error;
use std::hint::black_box;
use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::thread::{self, available_parallelism};

use crucible_perf::cli::{Action, BenchArgs, keep_output, list, output_is_kept, parse, test_each};
use crucible_perf::kernels::{self, Checked, KernelSpec, Work};
use crucible_perf::measure::Moment;
use crucible_perf::measure::instructions::{
    CALLGRIND_OPTIONS, DHAT_OPTIONS, GLIBC_TUNABLES, fingerprint, valgrind_version,
};
use crucible_perf::report::counts::{Row, table};
use crucible_profiles::{Manifest, Measured, Measurement, Place, Program, Sources, hash_of_file};
use iai_callgrind::__internal::lib_bench::GroupsBuilder;
use iai_callgrind::__internal::{BenchmarkKind, InternalMacroLibBench, Runner};
use iai_callgrind::{Callgrind, Dhat, EventKind, LibraryBenchmarkConfig, library_benchmark};

const TARGET: &str = "instructions";
/// As [`Place`] expects it.
const GROUP: &str = "kernels";

/// Counts instructions, bus events (atomic read-modify-writes), heap blocks and bytes, and cache misses of every kernel
/// of the list, under valgrind.
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
        level_heap();
        run();
        return ExitCode::SUCCESS;
    }
    if let Some(counted) = count_one() {
        return counted;
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

/// Brings glibc's malloc into one state, whatever was allocated before: what it costs depends on the free blocks that it
/// finds and on when the heap has to grow, and start-up leaves free blocks as large as paths are long (the arguments, and
/// lines of /proc/self/maps, which the standard library has glibc read).
fn level_heap() {
    const KIB: usize = 1024;
    // A block of `size` bytes in all, 8 of them malloc's own, is never freed; the address that follows it.
    let take = |size: usize| {
        let block = ManuallyDrop::new(Vec::<u8>::with_capacity(size - 8));
        black_box(block.as_ptr()).addr() + size - 16
    };
    // What is kept for the next of its size: up to seven of each.
    for size in (32..=1040).step_by(16) {
        for _ in 0..7 {
            take(size);
        }
    }
    // All other gaps, by the smallest of blocks. In the end they come from behind everything else.
    let end = (0..4096).fold(0, |_, _| take(32));
    // Whole pages from here on.
    take((end + 32).next_multiple_of(4 * KIB) - end);
    // A heap that has too little left grows until 132 KiB are left behind the block asked for. Of the 33 lengths of what
    // may be left now, the first block leaves 132, 8 and 4 KiB, the second 68 and 132, the third 4 and 68, the last 132.
    for size in [124, 64, 64, 124] {
        take(size * KIB);
    }
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
    test_each(TARGET, selected.iter().map(|spec| (spec.name, || exists_and_runs(spec))))
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

/// Checks each kernel at full speed first, where wrong work is told at once; then under valgrind. What is left is a
/// measurement only when its manifest is: that goes first and comes last.
fn count(args: &BenchArgs, selected: &[&'static KernelSpec]) -> Result<(), Box<dyn Error>> {
    if args.sample_size.is_some() {
        eprintln!(
            "{TARGET}: counts repeat exactly, so each kernel is counted once whatever --sample-size says"
        );
    }
    let place = Place::below(&home());
    let mut manifest = begun()?;
    let mut events = Vec::new();
    for spec in selected {
        let mut kernel = Checked::new(spec);
        kernel.warm_up().unwrap_or_else(|wrong| wrong.end_process());
        events.push(kernel.expected().events);
        place.forget(spec.id)?;
    }
    run_under_valgrind(selected)?;
    for (spec, events) in selected.iter().zip(events) {
        let summary_hash = hash_of_file(&place.summary(spec.id))?;
        manifest.measured.push(Measured {
            name: spec.name.to_owned(),
            id: spec.id.to_owned(),
            events,
            summary_hash,
        });
    }
    manifest.write(&place.manifest())?;
    print_counts(&Measurement::read(place)?);
    Ok(())
}

/// The manifest of a run that has measured nothing yet.
fn begun() -> Result<Manifest, Box<dyn Error>> {
    let path = env::current_exe()?;
    let program = Program { hash: hash_of_file(&path)?, path };
    let sources = Sources::of(Path::new(env!("CARGO_MANIFEST_DIR")))?;
    if sources.digest() != env!("BUILD_SOURCES") {
        return Err(
            "sources changed while this program was built, or since: run it again through cargo bench".into(),
        );
    }
    let listed = kernels::all().iter().map(|spec| spec.name.to_owned()).collect();
    Ok(Manifest::new(Moment::now().to_string(), fingerprint()?, program, sources, listed, Vec::new()))
}

fn print_counts(measurement: &Measurement) {
    let measured = measurement.manifest.measured.iter();
    let rows: Vec<_> = measured
        .map(|kernel| {
            let counts = measurement.counts[&kernel.name].clone();
            Row { kernel: &kernel.name, events: kernel.events, counts }
        })
        .collect();
    println!("\n{}", table(&rows));
}

/// Each kernel in a process of its own, as many at once as there are cores: instructions do not depend on what else
/// runs. What it prints is shown when it is finished. If one fails, no other is begun, and this process ends with its
/// status when none runs any more: none writes into the next run's files.
fn run_under_valgrind(selected: &[&KernelSpec]) -> io::Result<()> {
    let program = env::current_exe()?;
    let (next, failed) = (AtomicUsize::new(0), AtomicI32::new(0));
    let work = || -> io::Result<()> {
        while let Some(spec) = selected.get(next.fetch_add(1, Ordering::Relaxed)) {
            let output = counting(&program, spec).output()?;
            io::stdout().lock().write_all(&output.stdout)?;
            if !output.status.success() {
                failed.store(output.status.code().unwrap_or(1), Ordering::Relaxed);
                next.store(selected.len(), Ordering::Relaxed);
            }
        }
        Ok(())
    };
    let workers = available_parallelism().map_or(1, usize::from).min(selected.len());
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker has nothing to panic about"))
    })?;
    match failed.into_inner() {
        0 => Ok(()),
        status => std::process::exit(status),
    }
}

/// The runner takes the package's name, and so where files lie, from the environment, which cargo sets; we may have been
/// started without it.
fn counting(program: &Path, spec: &KernelSpec) -> Command {
    let mut command = Command::new(program);
    command.args([COUNT_ONE, spec.id]).env("CARGO_PKG_NAME", env!("CARGO_PKG_NAME")).stderr(Stdio::inherit());
    // What the runner and valgrind would take from the environment, or pass on to the counted program, is in no fingerprint.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("IAI_CALLGRIND_")
            || ["VALGRIND_OPTS", "LD_PRELOAD", "LD_LIBRARY_PATH"].contains(&&*text)
        {
            command.env_remove(name);
        }
    }
    command
}

/// What a process is started with that counts one kernel: this and the kernel's id.
const COUNT_ONE: &str = "--count-one";

/// Has iai-callgrind's runner count one kernel, if that is what this process was started for.
fn count_one() -> Option<ExitCode> {
    let mut args = env::args().skip(1);
    (args.next()? == COUNT_ONE).then_some(())?;
    let asked_for = args.next()?;
    let id = kernels::all().iter().map(|spec| spec.id).find(|id| *id == asked_for)?;
    let benches = [unnamed(benchmark(id)?)];
    let no_config: fn() -> _ = || None;
    let own_args = vec![format!("--home={}", home().display()), "--save-summary=json".to_owned()];
    let mut groups = GroupsBuilder::new(Some(pinned().into()), own_args, false, false);
    groups.add_group(GROUP.to_owned(), None, None, false, false, &[&(id, no_config, &benches[..])]);

    let program = lengthened(env::args().next().unwrap_or_default());
    let runner = option_env!("CARGO_BIN_EXE_iai-callgrind-runner");
    let (package, folder) = (env!("CARGO_PKG_NAME"), env!("CARGO_MANIFEST_DIR"));
    let kind = BenchmarkKind::LibraryBenchmark;
    let runner = Runner::new(runner, &kind, folder, package, file!(), module_path!(), program);
    let encoded = iai_callgrind::bincode::serialize(&groups.build()).expect("plain data has a binary form");
    Some(match runner.exec(encoded) {
        Ok(()) => ExitCode::SUCCESS,
        Err(errors) => {
            eprintln!("{TARGET}: {errors}");
            ExitCode::FAILURE
        }
    })
}

/// The same path, as long wherever the program lies: it stands above the stack, and how blocks are copied depends on how
/// far from a cache line's start they lie there.
fn lengthened(path: String) -> String {
    const LENGTH: usize = 512;
    let slashes = path.len().next_multiple_of(LENGTH) - path.len();
    "/".repeat(slashes) + &path
}

/// Named by the function's place in the output, which is the kernel's id: `kernels/<id>/summary.json`.
fn unnamed(bench: &InternalMacroLibBench) -> InternalMacroLibBench {
    InternalMacroLibBench { id_display: None, ..bench.clone() }
}

/// An empty environment but for glibc's choices.
fn pinned() -> LibraryBenchmarkConfig {
    let mut callgrind = Callgrind::with_args(CALLGRIND_OPTIONS);
    callgrind.format([EventKind::Ir, EventKind::Ge]);
    let mut config = LibraryBenchmarkConfig::default();
    let dhat = Dhat::with_args(DHAT_OPTIONS);
    config.env_clear(true).env("GLIBC_TUNABLES", GLIBC_TUNABLES).tool(callgrind).tool(dhat);
    config
}

/// `target/iai`, as iai-callgrind would choose: this program is `target/<profile>/deps/instructions-…`.
fn home() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    program.ancestors().nth(3).unwrap_or(Path::new("target")).join("iai")
}
