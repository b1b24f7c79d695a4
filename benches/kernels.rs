//! Every kernel of the list by wall clock, in Divan.

use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crucible_perf::cli::{Action, BenchArgs, keep_output, list, output_is_kept, parse, test_each};
use crucible_perf::kernels::{self, Checked, KernelSpec, Work};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, Divan};

const TARGET: &str = "kernels";

/// Enough samples for a stable median of the smallest kernels; the largest stop soon after.
const MIN_TIME: Duration = Duration::from_millis(200);
const MAX_TIME: Duration = Duration::from_secs(1);

/// Times every kernel of the list (closed loop, one thread). A time is one run of the kernel, which handles several
/// events: items are events.
#[derive(clap::Parser)]
struct Args {
    #[command(flatten)]
    common: BenchArgs,
}

/// Divan asks for its benchmarks without telling for whom: one selection per process.
static SELECTED: OnceLock<Vec<&'static KernelSpec>> = OnceLock::new();

fn main() -> ExitCode {
    let Args { common: args } = parse(TARGET);
    let selected = args.select(TARGET, kernels::all(), |spec| spec.name);
    match args.action() {
        Action::List => list(selected.iter().map(|spec| spec.name)),
        _ if selected.is_empty() => {}
        Action::Test => return test(&selected),
        Action::Profile(each) => selected.iter().for_each(|spec| profile(spec, each)),
        Action::Measure => return measure(&args, selected),
    }
    ExitCode::SUCCESS
}

fn test(selected: &[&KernelSpec]) -> ExitCode {
    test_each(TARGET, selected.iter().map(|spec| (spec.name, || Checked::new(spec).warm_up())))
}

fn profile(spec: &KernelSpec, each: Duration) {
    eprintln!("{TARGET}: {spec} for {each:?}");
    let mut kernel = warmed_up(spec);
    let start = Instant::now();
    while start.elapsed() < each {
        kernel.run_checked().unwrap_or_else(|wrong| wrong.end_process());
    }
}

fn measure(args: &BenchArgs, selected: Vec<&'static KernelSpec>) -> ExitCode {
    match &args.out {
        Some(folder) if !output_is_kept() => keep_output(TARGET, folder).unwrap_or_else(|error| {
            eprintln!("{TARGET}: {error}");
            ExitCode::FAILURE
        }),
        _ => {
            run_divan(args.sample_size, selected);
            ExitCode::SUCCESS
        }
    }
}

fn run_divan(samples: Option<u32>, selected: Vec<&'static KernelSpec>) {
    SELECTED.get_or_init(|| selected);
    match samples {
        Some(count) => Divan::default().sample_count(count).run_benches(),
        None => Divan::default().min_time(MIN_TIME).max_time(MAX_TIME).run_benches(),
    }
}

fn selected() -> Vec<&'static KernelSpec> {
    SELECTED.get().cloned().unwrap_or_default()
}

#[divan::bench(args = selected())]
fn kernel(bencher: Bencher, spec: &KernelSpec) {
    let mut kernel = warmed_up(spec);
    let Work { events, bytes, .. } = kernel.expected();
    let bencher = bencher.counter(ItemsCount::new(events));
    let bencher = if bytes > 0 { bencher.counter(BytesCount::new(bytes)) } else { bencher };
    // Divan drops what a run returns after it has stopped the clock: there each is checked.
    bencher.bench_local(|| kernel.run_and_check_on_drop());
}

fn warmed_up(spec: &KernelSpec) -> Checked {
    let mut kernel = Checked::new(spec);
    kernel.warm_up().unwrap_or_else(|wrong| wrong.end_process());
    kernel
}
