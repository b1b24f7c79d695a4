use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Offer;
use super::walk::whole;
use crate::experiment::offered::nanoseconds;
use crate::experiment::{Halted, LoadSample, Trial, TrialRun};
use crate::measure::{NotMeasured, Reading};

/// Too much for a while, between loads that are half of what a system sustains.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Overload {
    /// Times the sustained rate.
    pub factor: f64,
    /// Half load, to know what is usual.
    pub before: Duration,
    /// The overload.
    pub during: Duration,
    /// Half load again, for the recovery.
    pub after: Duration,
}

/// Of the sustained rate, before and after.
const HALF: f64 = 0.5;

/// Windows in a row that have to be as before: one may be good by chance.
const IN_A_ROW: usize = 3;

/// What overload did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OverloadRun {
    /// Events/s offered in the overload.
    pub rate: u64,
    /// Why nothing else here may be used: it was not offered as it should have been. Absent if it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_offered: Option<String>,
    /// Events/s done in the second half of the overload.
    pub events_per_second: f64,
    /// Deliveries due and not done at its end.
    pub backlog: u64,
    /// Those of them that the system held; the rest waited at its publishers.
    pub inside: u64,
    /// Resident memory at its end beyond that at its beginning, bytes.
    pub memory_growth: Reading<i64>,
    /// From its end until the backlog is no more than it was at most before, three looks in a row, ns.
    pub backlog_gone_ns: Reading<u64>,
    /// From its end until three windows of 100 ms in a row have a P99 no higher than the highest before, ns.
    pub p99_back_ns: Reading<u64>,
    /// Backlog and memory over time.
    pub samples: Vec<LoadSample>,
}

/// Offers too much, and watches the system come back.
///
/// # Errors
/// If it gives no figure.
pub fn overload(
    system: &mut dyn Offer,
    sustained: f64,
    overload: &Overload,
    seed: u64,
) -> Result<OverloadRun, Halted> {
    let (half, rate) = (whole(HALF * sustained), whole(overload.factor * sustained));
    let parts = vec![(half, overload.before), (rate, overload.during), (half, overload.after)];
    let run = system.offer(&Trial { parts, seed, hopeless: Duration::MAX, p99: None })?;
    Ok(overload.read(rate, run))
}

impl Overload {
    fn read(&self, rate: u64, run: TrialRun) -> OverloadRun {
        let begin_ns = nanoseconds(self.before);
        let end_ns = nanoseconds(self.before + self.during);
        let middle_ns = nanoseconds(self.before + self.during / 2);
        let at = |ns: u64| {
            &run.samples[run.samples.partition_point(|sample| sample.at_ns < ns).min(run.samples.len() - 1)]
        };
        let (begin, middle, end) = (at(begin_ns), at(middle_ns), at(end_ns));
        let done = (end.done - middle.done) as f64 / (end.at_ns - middle.at_ns).max(1) as f64 * 1e9;
        let growth =
            end.resident.zip(begin.resident).map(|(end, begin)| end.cast_signed() - begin.cast_signed());
        let backlogs = run.samples.iter().map(|sample| (sample.at_ns, Some(sample.backlog())));
        let p99s = run.windows.iter().map(|window| (window.end_ns, window.p99_ns));
        OverloadRun {
            rate,
            not_offered: run.lateness(),
            events_per_second: done / run.fan_out(),
            backlog: end.backlog(),
            inside: end.inside(),
            memory_growth: growth
                .map_or_else(|| Reading::absent("read from /proc, which Linux alone has"), Reading::Value),
            backlog_gone_ns: back(&backlogs.collect::<Vec<_>>(), begin_ns, end_ns).into(),
            p99_back_ns: back(&p99s.collect::<Vec<_>>(), begin_ns, end_ns).into(),
            samples: run.samples,
        }
    }
}

/// When a figure that was looked at again and again is as it was before, since `end_ns`: from the first of three looks in
/// a row that are no worse than the worst one before `begin_ns`.
fn back(looks: &[(u64, Option<u64>)], begin_ns: u64, end_ns: u64) -> Result<u64, NotMeasured> {
    let absent = |why| NotMeasured::new("recovery", why);
    let before = looks.iter().take_while(|(at_ns, _)| *at_ns <= begin_ns);
    let worst =
        before.filter_map(|&(_, look)| look).max().ok_or_else(|| absent("too few deliveries before"))?;
    let after = &looks[looks.partition_point(|(at_ns, _)| *at_ns < end_ns)..];
    let is_back =
        |row: &&[(u64, Option<u64>)]| row.iter().all(|&(_, look)| look.is_some_and(|look| look <= worst));
    let row = after.windows(IN_A_ROW).find(is_back).ok_or_else(|| absent("not within the trial"))?;
    Ok(row[0].0.saturating_sub(end_ns))
}
