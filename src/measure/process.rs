//! CPU time and resident memory of this process. They belong to a process: one child per system, or the figures of
//! two systems mix.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::NotMeasured;

/// CPU time that this process has used, all threads together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CpuTime {
    /// In the program.
    pub user: Duration,
    /// In the kernel on its behalf.
    pub system: Duration,
}

impl CpuTime {
    /// Since the process began; `getrusage`, some 0.7 µs. The sum is exact to the scheduler's clock, the division into
    /// user and system is sampled.
    pub fn of_this_process() -> Result<Self, NotMeasured> {
        read_cpu_time()
    }

    /// Of the calling thread alone, since it began; user and system together.
    pub fn of_this_thread() -> Result<Duration, NotMeasured> {
        read_thread_cpu_time()
    }

    /// User and system together.
    pub fn total(&self) -> Duration {
        self.user + self.system
    }

    /// What was used since an earlier reading.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }

    /// Per cent of one core over `wall`: 200 means two cores fully busy. `None` if no time has passed.
    pub fn percent_of_one_core(&self, wall: Duration) -> Option<f64> {
        (!wall.is_zero()).then(|| 100.0 * self.total().as_secs_f64() / wall.as_secs_f64())
    }
}

#[cfg(target_os = "linux")]
fn read_thread_cpu_time() -> Result<Duration, NotMeasured> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).map_err(|_| NotMeasured::new("CPU time of a thread", "its clock is before zero"))
}

#[cfg(not(target_os = "linux"))]
fn read_thread_cpu_time() -> Result<Duration, NotMeasured> {
    Err(NotMeasured::new("CPU time of a thread", "read from a clock that Linux has"))
}

#[cfg(unix)]
fn read_cpu_time() -> Result<CpuTime, NotMeasured> {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::{TimeVal, TimeValLike};
    let duration = |time: TimeVal| Duration::from_micros(time.num_microseconds().unsigned_abs());
    let usage = getrusage(UsageWho::RUSAGE_SELF)
        .map_err(|e| NotMeasured::new("CPU time", format_args!("getrusage failed: {e}")))?;
    Ok(CpuTime { user: duration(usage.user_time()), system: duration(usage.system_time()) })
}

#[cfg(not(unix))]
fn read_cpu_time() -> Result<CpuTime, NotMeasured> {
    Err(NotMeasured::new("CPU time", "getrusage exists on Unix only"))
}

/// Memory of this process that is in RAM. Linux only: elsewhere opening it says why not.
#[derive(Debug)]
pub struct ResidentMemory {
    #[cfg(target_os = "linux")]
    statm: std::fs::File,
    #[cfg(not(target_os = "linux"))]
    never: std::convert::Infallible,
}

#[cfg(not(target_os = "linux"))]
impl ResidentMemory {
    /// Refused: there is no /proc here.
    pub fn open() -> Result<Self, NotMeasured> {
        Err(NotMeasured::new("resident memory", "read from /proc, which Linux alone has"))
    }

    /// Resident bytes now.
    pub fn now_bytes(&self) -> Result<u64, NotMeasured> {
        match self.never {}
    }

    /// The most that was resident.
    pub fn peak_bytes(&self) -> Result<u64, NotMeasured> {
        match self.never {}
    }

    /// Lets the peak begin anew.
    pub fn reset_peak(&self) -> Result<(), NotMeasured> {
        match self.never {}
    }
}

#[cfg(target_os = "linux")]
impl ResidentMemory {
    /// Opens `/proc/self/statm` once: a reading is then a single system call.
    pub fn open() -> Result<Self, NotMeasured> {
        let statm = std::fs::File::open("/proc/self/statm")
            .map_err(|e| NotMeasured::new("resident memory", format_args!("/proc/self/statm: {e}")))?;
        Ok(Self { statm })
    }

    /// Resident bytes now. The kernel batches its counters per core, so it may be off by some dozen pages.
    pub fn now_bytes(&self) -> Result<u64, NotMeasured> {
        use std::os::unix::fs::FileExt;
        let absent =
            |why: String| NotMeasured::new("resident memory", format_args!("/proc/self/statm: {why}"));
        // Seven numbers of at most 20 digits.
        let mut buffer = [0; 160];
        let read = self.statm.read_at(&mut buffer, 0).map_err(|e| absent(e.to_string()))?;
        let text = String::from_utf8_lossy(&buffer[..read]);
        let pages = resident_pages(&text).ok_or_else(|| absent(format!("`{text}` has no resident pages")))?;
        Ok(pages * rustix::param::page_size() as u64)
    }

    /// The most that was resident since the process began or since [`Self::reset_peak`].
    pub fn peak_bytes(&self) -> Result<u64, NotMeasured> {
        let absent = |why: String| NotMeasured::new("peak memory", format_args!("/proc/self/status: {why}"));
        let status = std::fs::read_to_string("/proc/self/status").map_err(|e| absent(e.to_string()))?;
        high_water_bytes(&status).ok_or_else(|| absent("no line VmHWM".to_owned()))
    }

    /// Lets the peak begin anew from what is resident now (proc(5), `clear_refs`: 5). May be forbidden in a container.
    pub fn reset_peak(&self) -> Result<(), NotMeasured> {
        std::fs::write("/proc/self/clear_refs", "5").map_err(|e| {
            NotMeasured::new("peak memory of this span", format_args!("/proc/self/clear_refs: {e}"))
        })
    }
}

/// The second number of `/proc/self/statm`.
#[cfg(target_os = "linux")]
fn resident_pages(statm: &str) -> Option<u64> {
    statm.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// `VmHWM:     1234 kB` of `/proc/self/status`; its kB are of 1,024 bytes.
#[cfg(target_os = "linux")]
fn high_water_bytes(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utilization_is_of_one_core() {
        let used = CpuTime { user: Duration::from_millis(1_500), system: Duration::from_millis(500) };
        assert_eq!(used.percent_of_one_core(Duration::from_secs(1)), Some(200.0));
        assert_eq!(used.percent_of_one_core(Duration::from_secs(4)), Some(50.0));
        assert_eq!(used.percent_of_one_core(Duration::ZERO), None);
    }

    #[test]
    fn usage_since_is_a_difference() {
        let early = CpuTime { user: Duration::from_millis(10), system: Duration::from_millis(5) };
        let late = CpuTime { user: Duration::from_millis(17), system: Duration::from_millis(6) };
        let used = late.since(&early);
        assert_eq!((used.user.as_millis(), used.system.as_millis()), (7, 1));
    }

    #[cfg(unix)]
    #[test]
    fn work_uses_cpu_time() {
        let before = CpuTime::of_this_process().expect("getrusage");
        let mut state = 1_u64;
        let mut used = CpuTime::default();
        // Ends by the very reading it tests; a reading that stands still would hang it for 2^32 rounds, then fail.
        for round in 0..u64::from(u32::MAX) {
            state = std::hint::black_box(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round));
            if round % 100_000 == 0 {
                used = CpuTime::of_this_process().expect("getrusage").since(&before);
                if used.total() >= Duration::from_millis(2) {
                    break;
                }
            }
        }
        assert!(used.total() >= Duration::from_millis(2), "{used:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn touched_memory_is_resident_and_stays_in_the_peak() {
        const BYTES: u64 = 64 << 20;
        let memory = ResidentMemory::open().expect("/proc/self/statm");
        let before = memory.now_bytes().expect("statm");
        let touched = std::hint::black_box(vec![1_u8; BYTES as usize]);
        let during = memory.now_bytes().expect("statm");
        drop(touched);
        // Other tests run in this process: half the growth is enough to tell.
        assert!(during >= before + BYTES / 2, "{before} → {during}");
        assert!(memory.peak_bytes().expect("status") >= before + BYTES / 2);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_s_words_are_understood() {
        assert_eq!(resident_pages("765 431 404 5 0 123 0\n"), Some(431));
        assert_eq!(resident_pages("765"), None);
        assert_eq!(
            high_water_bytes("VmPeak:\t  9 kB\nVmHWM:\t    1724 kB\nVmRSS:\t 5 kB\n"),
            Some(1_765_376)
        );
        assert_eq!(high_water_bytes("VmRSS:\t 5 kB\n"), None);
    }
}
