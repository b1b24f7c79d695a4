//! The machine, and what else went on there.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::process::Command;
use std::thread::{self, available_parallelism, sleep};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{NotMeasured, Reading};

/// What does not change during a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system, as Rust names it.
    pub os: String,
    /// As the processor names itself.
    pub cpu: Reading<String>,
    /// Cores that this process may use at once (affinity and container limits respected).
    pub cores: Reading<usize>,
    /// How the kernel chooses the cores' frequency, e.g. `performance`; several if the cores differ.
    pub governor: Reading<String>,
    /// Name and version of the C library, e.g. `glibc 2.36`: it chooses memcpy by CPU.
    pub libc: Reading<String>,
    /// Version of valgrind.
    pub valgrind: Reading<String>,
}

impl Machine {
    /// Reads all of it; some milliseconds, as three programs may be run.
    pub fn inspect() -> Self {
        let cores = available_parallelism().map(usize::from);
        Self {
            os: std::env::consts::OS.to_owned(),
            cpu: cpu_model().into(),
            cores: cores.map_err(|e| NotMeasured::new("cores", e)).into(),
            governor: governor().into(),
            libc: libc_version().into(),
            valgrind: first_line_of("valgrind", &["--version"]).into(),
        }
    }
}

fn read(what: &str, path: &str) -> Result<String, NotMeasured> {
    fs::read_to_string(path).map_err(|e| NotMeasured::new(what, format_args!("{path}: {e}")))
}

fn first_line_of(program: &str, arguments: &[&str]) -> Result<String, NotMeasured> {
    let absent = |why: String| NotMeasured::new(program, format_args!("{program}: {why}"));
    let output = Command::new(program).args(arguments).output().map_err(|e| absent(e.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().next() {
        Some(line) if output.status.success() => Ok(line.trim().to_owned()),
        _ => Err(absent(format!("it said nothing ({})", output.status))),
    }
}

fn cpu_model() -> Result<String, NotMeasured> {
    if cfg!(target_os = "macos") {
        return first_line_of("sysctl", &["-n", "machdep.cpu.brand_string"]);
    }
    let info = read("CPU model", "/proc/cpuinfo")?;
    model_name(&info).ok_or_else(|| NotMeasured::new("CPU model", "/proc/cpuinfo has no model name"))
}

/// `model name : AMD EPYC` on x86; ARM kernels give numbers only.
fn model_name(cpuinfo: &str) -> Option<String> {
    let (_, value) =
        cpuinfo.lines().find_map(|line| line.split_once(':').filter(|(k, _)| k.trim() == "model name"))?;
    Some(value.trim().to_owned())
}

fn governor() -> Result<String, NotMeasured> {
    let cpus = fs::read_dir("/sys/devices/system/cpu")
        .map_err(|e| NotMeasured::new("governor", format_args!("/sys/devices/system/cpu: {e}")))?;
    let governors: BTreeSet<String> = cpus
        .filter_map(|cpu| fs::read_to_string(cpu.ok()?.path().join("cpufreq/scaling_governor")).ok())
        .map(|name| name.trim().to_owned())
        .collect();
    if governors.is_empty() {
        return Err(NotMeasured::new("governor", "no cpufreq here, as in most virtual machines"));
    }
    Ok(governors.into_iter().collect::<Vec<_>>().join(", "))
}

fn libc_version() -> Result<String, NotMeasured> {
    if cfg!(target_env = "musl") {
        return Ok("musl, linked in by rustc".to_owned());
    }
    if cfg!(target_os = "macos") {
        return first_line_of("sw_vers", &["-productVersion"]).map(|version| format!("macOS {version}"));
    }
    first_line_of("getconf", &["GNU_LIBC_VERSION"])
}

/// Processes that ran or waited to run, averaged over 1, 5 and 15 minutes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LoadAverage(pub f64, pub f64, pub f64);

impl LoadAverage {
    /// Now; Linux only.
    pub fn now() -> Result<Self, NotMeasured> {
        let text = read("load average", "/proc/loadavg")?;
        Self::parse(&text)
            .ok_or_else(|| NotMeasured::new("load average", "/proc/loadavg has no three numbers"))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split_ascii_whitespace().map_while(|word| word.parse().ok());
        Some(Self(numbers.next()?, numbers.next()?, numbers.next()?))
    }
}

/// Watches how much time the hypervisor gives to others.
#[derive(Debug, Clone)]
pub struct StealMeter {
    start: Result<CpuTicks, NotMeasured>,
}

impl StealMeter {
    /// From now on.
    pub fn start() -> Self {
        Self { start: CpuTicks::now() }
    }

    /// Per cent of all cores' time since the start that was stolen; Linux only.
    pub fn percent(&self) -> Result<f64, NotMeasured> {
        let start = self.start.clone()?;
        CpuTicks::now()?
            .stolen_percent_since(&start)
            .ok_or_else(|| NotMeasured::new("steal", "the run was shorter than the kernel's tick"))
    }
}

/// What went on while this program waited: all of it others' doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quietness {
    /// Per cent of all cores' time that somebody computed.
    pub busy_percent: Reading<f64>,
    /// Per cent of all cores' time that the hypervisor says it took while all were kept busy: from idle ones it takes nothing.
    pub stolen_percent: Reading<f64>,
    /// Per cent of its time that a thread lost meanwhile; see [`lost_percent`].
    pub lost_percent: Reading<f64>,
    /// How often cores were slowed for heat since boot.
    pub throttled: Reading<u64>,
}

impl Quietness {
    /// Waits so long, and looks, Linux only; then keeps all cores busy for half of it, and looks again. With less than a second
    /// the kernel's ticks (10 ms) are coarse.
    pub fn watch(lasting: Duration) -> Self {
        let before = CpuTicks::now();
        sleep(lasting);
        let between = CpuTicks::now();
        let lost = lost_percent(lasting / 2);
        let after = CpuTicks::now();
        let share = |of: fn(&CpuTicks, &CpuTicks) -> Option<f64>, to: &Ticks, from: &Ticks| match (to, from) {
            (Ok(to), Ok(from)) => {
                of(to, from).map_or_else(|| Reading::absent("shorter than the kernel's tick"), Reading::Value)
            }
            (Err(why), _) | (_, Err(why)) => Reading::absent(&why.why),
        };
        Self {
            busy_percent: share(CpuTicks::busy_percent_since, &between, &before),
            stolen_percent: share(CpuTicks::stolen_percent_since, &after, &between),
            lost_percent: lost.into(),
            throttled: throttled().into(),
        }
    }
}

type Ticks = Result<CpuTicks, NotMeasured>;

/// Per cent of their time that threads lose which keep every core busy for so long, on average: what goes to other programs, to
/// interrupts, and to a hypervisor, whether that counts as stolen or not. It seldom says so: on a virtual machine whose steal was
/// zero, spinning threads lost 1.5 to 6.5 %.
///
/// # Errors
/// If threads cannot be started.
pub fn lost_percent(lasting: Duration) -> Result<f64, NotMeasured> {
    let lost = || {
        let cores = available_parallelism()?.get();
        thread::scope(|scope| {
            let spin = || thread::Builder::new().spawn_scoped(scope, || Gaps::of_spinning(lasting).percent());
            let threads = (0..cores).map(|_| spin()).collect::<io::Result<Vec<_>>>()?;
            let each =
                threads.into_iter().map(|thread| thread.join().expect("looking at a clock does not panic"));
            Ok(each.sum::<f64>() / cores as f64)
        })
    };
    lost().map_err(|error: io::Error| NotMeasured::new("time lost", error))
}

/// Moments between which a thread that did nothing but look at the clock was not there to do it.
struct Gaps {
    begin: Instant,
    last: Instant,
    lost: Duration,
}

/// A look at the clock takes some 25 ns; a thread that took so long was doing nothing.
const GAP: Duration = Duration::from_micros(2);

/// Until the scheduler has spread new threads over the cores.
const SETTLING: Duration = Duration::from_millis(20);

impl Gaps {
    fn beginning(begin: Instant) -> Self {
        Self { begin, last: begin, lost: Duration::ZERO }
    }

    fn of_spinning(lasting: Duration) -> Self {
        // New threads may share a core for a moment: that is nobody else's doing.
        let begin = Instant::now();
        while begin.elapsed() < SETTLING {
            std::hint::spin_loop();
        }
        let mut gaps = Self::beginning(Instant::now());
        while gaps.last - gaps.begin < lasting {
            gaps.look(Instant::now());
        }
        gaps
    }

    fn look(&mut self, now: Instant) {
        let passed = now - self.last;
        if passed > GAP {
            self.lost += passed;
        }
        self.last = now;
    }

    fn percent(&self) -> f64 {
        let all = self.last - self.begin;
        if all == Duration::ZERO { 0.0 } else { 100.0 * self.lost.as_secs_f64() / all.as_secs_f64() }
    }
}

/// Of the core that was slowed most often; some count for their package.
fn throttled() -> Result<u64, NotMeasured> {
    let cpus = fs::read_dir("/sys/devices/system/cpu")
        .map_err(|e| NotMeasured::new("throttling", format_args!("/sys/devices/system/cpu: {e}")))?;
    let count = |path: std::path::PathBuf| fs::read_to_string(path).ok()?.trim().parse().ok();
    cpus.filter_map(|cpu| count(cpu.ok()?.path().join("thermal_throttle/core_throttle_count")))
        .max()
        .ok_or_else(|| {
            NotMeasured::new("throttling", "no thermal_throttle here, as in most virtual machines")
        })
}

/// Since boot, all cores together.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CpuTicks {
    all: u64,
    /// Idle, or waiting for a disk.
    idle: u64,
    stolen: u64,
}

impl CpuTicks {
    fn now() -> Result<Self, NotMeasured> {
        let stat = read("steal", "/proc/stat")?;
        Self::parse(&stat).ok_or_else(|| NotMeasured::new("steal", "/proc/stat has no line `cpu` with steal"))
    }

    /// `cpu user nice system idle iowait irq softirq steal guest guest_nice`; guests are counted in user and nice.
    fn parse(stat: &str) -> Option<Self> {
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks: Vec<u64> = line.split_ascii_whitespace().take(8).map_while(|n| n.parse().ok()).collect();
        (ticks.len() == 8).then(|| Self {
            all: ticks.iter().sum(),
            idle: ticks[3] + ticks[4],
            stolen: ticks[7],
        })
    }

    fn busy_percent_since(&self, earlier: &Self) -> Option<f64> {
        let all = self.all.saturating_sub(earlier.all);
        let unused = (self.idle + self.stolen).saturating_sub(earlier.idle + earlier.stolen);
        (all > 0).then(|| 100.0 * all.saturating_sub(unused) as f64 / all as f64)
    }

    fn stolen_percent_since(&self, earlier: &Self) -> Option<f64> {
        let all = self.all.saturating_sub(earlier.all);
        (all > 0).then(|| 100.0 * self.stolen.saturating_sub(earlier.stolen) as f64 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steal_is_a_share_of_all_time_in_between() {
        let early = CpuTicks::parse("cpu  100 0 50 800 10 0 5 35 40 0\ncpu0 1 2\n").expect("ten numbers");
        let late = CpuTicks::parse("cpu  150 0 70 900 10 0 5 65 90 0\n").expect("ten numbers");
        assert_eq!(early, CpuTicks { all: 1_000, idle: 810, stolen: 35 });
        assert_eq!(late.stolen_percent_since(&early), Some(15.0));
        // 50 user and 20 system of 200.
        assert_eq!(late.busy_percent_since(&early), Some(35.0));
        assert_eq!(early.stolen_percent_since(&early), None);
        assert_eq!(CpuTicks::parse("cpu  1 2 3 4\n"), None);
    }

    #[test]
    fn what_is_lost_is_the_time_in_which_nobody_looked() {
        let begin = Instant::now();
        let mut gaps = Gaps::beginning(begin);
        // Two looks in a microsecond for 90 µs, and one that came 10 µs late.
        let punctual = (1..=180).map(|half| half * 500);
        for ns in punctual.chain([100_000]) {
            gaps.look(begin + Duration::from_nanos(ns));
        }
        assert!((gaps.percent() - 10.0).abs() < 1e-9, "{}", gaps.percent());
        assert!(lost_percent(Duration::from_millis(1)).is_ok_and(|lost| (0.0..=100.0).contains(&lost)));
    }

    #[test]
    fn the_kernel_s_words_are_understood() {
        let cpuinfo = "processor\t: 0\nmodel\t\t: 1\nmodel name\t: AMD EPYC 7B13: x\n";
        assert_eq!(model_name(cpuinfo).as_deref(), Some("AMD EPYC 7B13: x"));
        assert_eq!(model_name("processor : 0\nCPU part : 0xd0c\n"), None);
        assert_eq!(LoadAverage::parse("0.20 0.18 0.12 1/80 11206\n"), Some(LoadAverage(0.2, 0.18, 0.12)));
        assert_eq!(LoadAverage::parse("0.20 x\n"), None);
    }

    #[test]
    fn a_missing_program_is_a_reason() {
        let missing = first_line_of("no-such-program-here", &[]).expect_err("nobody names a program so");
        assert!(missing.why.starts_with("no-such-program-here: "), "{missing}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_tells_cores_and_load() {
        let machine = Machine::inspect();
        assert!(machine.cores.value().is_some_and(|cores| *cores > 0), "{machine:?}");
        assert!(LoadAverage::now().is_ok_and(|load| load.0 >= 0.0));
    }
}
