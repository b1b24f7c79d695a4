//! What the whole machine does meanwhile.

use std::time::{Duration, Instant};

use crate::measure::{CpuTime, NotMeasured};

/// Time for which some process of the machine stalled for memory since it began (PSI).
pub(super) fn memory_stall() -> Result<Duration, NotMeasured> {
    const PATH: &str = "/proc/pressure/memory";
    let absent = |why: String| NotMeasured::new("memory pressure", format_args!("{PATH}: {why}"));
    let text = std::fs::read_to_string(PATH).map_err(|e| absent(e.to_string()))?;
    let total = stalled_micros(&text).ok_or_else(|| absent(format!("`{text}` has no total")))?;
    Ok(Duration::from_micros(total))
}

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=123`, in µs.
fn stalled_micros(text: &str) -> Option<u64> {
    text.lines().find(|line| line.starts_with("some "))?.rsplit_once("total=")?.1.trim().parse().ok()
}

/// How busy its cores were since it began, but for the thread that looks.
pub(super) struct Busy {
    at: Instant,
    ticks: u64,
    own: Duration,
}

/// Of `/proc/stat`, whatever the kernel's own.
const TICKS_PER_SECOND: f64 = 100.0;

impl Busy {
    pub(super) fn now() -> Result<Self, NotMeasured> {
        const PATH: &str = "/proc/stat";
        let absent = |why: String| NotMeasured::new("cores in use", format_args!("{PATH}: {why}"));
        let text = std::fs::read_to_string(PATH).map_err(|e| absent(e.to_string()))?;
        let ticks =
            busy_ticks(&text).ok_or_else(|| absent("it does not begin with a line cpu".to_owned()))?;
        Ok(Self { at: Instant::now(), ticks, own: CpuTime::of_this_thread()? })
    }

    /// Cores that were busy from then to now.
    pub(super) fn since(&self, earlier: &Self) -> Result<f64, NotMeasured> {
        let passed = (self.at - earlier.at).as_secs_f64();
        let busy = self.ticks.saturating_sub(earlier.ticks) as f64 / TICKS_PER_SECOND;
        let own = self.own.saturating_sub(earlier.own).as_secs_f64();
        if passed > 0.0 {
            Ok((busy - own) / passed)
        } else {
            Err(NotMeasured::new("cores in use", "no time has passed"))
        }
    }
}

/// `cpu  user nice system idle iowait irq softirq steal …` (proc(5)): all but idle and iowait.
fn busy_ticks(stat: &str) -> Option<u64> {
    let numbers = stat.lines().next()?.strip_prefix("cpu ")?.split_ascii_whitespace();
    let numbers: Vec<u64> = numbers.map(str::parse).collect::<Result<_, _>>().ok()?;
    let [user, nice, system, _idle, _iowait, irq, softirq, steal] = *numbers.get(..8)? else { return None };
    Some(user + nice + system + irq + softirq + steal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_of_stalls_is_read() {
        let text = "some avg10=0.00 avg60=0.01 avg300=0.04 total=427887\nfull avg10=0.00 total=242068\n";
        assert_eq!(stalled_micros(text), Some(427_887));
        assert_eq!(stalled_micros("full avg10=0.00 total=1"), None);
    }

    #[test]
    fn idle_and_waiting_for_disks_is_not_busy() {
        assert_eq!(
            busy_ticks("cpu  1 20 300 4000 50000 600000 7000000 80000000 9 9\ncpu0 1 1"),
            Some(87_600_321)
        );
        assert_eq!(busy_ticks("cpu  1 20 300"), None);
        assert_eq!(busy_ticks("intr 1"), None);
    }
}
