//! What changed from one run to another.

use crate::analysis::findings::{Answer, Findings, ProductionLoad, RELEVANT};
use crate::report::quantity::{bytes, rate, three_digits};
use crate::results::daemon_performance::{ClosedFigure, DaemonPerformance};
use crate::results::memory_profiling::MemoryProfiling;
use crate::results::{StoreError, StoredRun};
use crate::stats::{Interval, median_interval};
use crucible_tables::{Side, aligned};

/// Of each figure's interval; figures are judged one by one.
const CONFIDENCE: f64 = 0.99;

/// One figure in two runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What it is.
    pub figure: String,
    /// Before, with its interval where it has one.
    pub old: String,
    /// After.
    pub new: String,
    /// What that says.
    pub moved: Moved,
}

/// What two values of one figure say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// More, by as much as matters, and the intervals do not meet; or another answer.
    Up,
    /// Less.
    Down,
    /// Another word.
    Otherwise,
    /// The intervals meet, or the difference does not matter.
    NotShown,
    /// Too few rounds for an interval.
    NoInterval,
}

/// All figures that two runs share, and what only one of them has.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Difference {
    /// Circumstances that differ: commit, compiler, machine.
    pub circumstances: Vec<String>,
    /// In the order of the results.
    pub changes: Vec<Change>,
    /// In one run only.
    pub unmatched: Vec<String>,
}

/// Compares two runs, figure by figure.
///
/// # Errors
/// A file whose figures are not as expected.
pub fn diff(old: &StoredRun, new: &StoredRun) -> Result<Difference, StoreError> {
    let mut found = Difference::default();
    let (before, after): (Option<DaemonPerformance>, _) =
        (old.results("daemon_performance")?, new.results("daemon_performance")?);
    for list in [
        |daemon: &DaemonPerformance| daemon.throughput.clone(),
        |daemon: &DaemonPerformance| daemon.handler_time.clone(),
    ] {
        let of = |daemon: &Option<DaemonPerformance>| daemon.as_ref().map(list).unwrap_or_default();
        found.closed(&of(&before), &of(&after));
    }
    found.heap(old.results("memory_profiling")?, new.results("memory_profiling")?);
    found.answers(old, new);
    let files: Vec<_> = old.files.iter().chain(&new.files).cloned().collect();
    found.circumstances = StoredRun { files }.mixture();
    for file in &old.files {
        if new.file(file.target).is_none() {
            found.unmatched.push(format!("{}: only in the old run", file.target));
        }
    }
    for file in &new.files {
        if old.file(file.target).is_none() {
            found.unmatched.push(format!("{}: only in the new run", file.target));
        }
    }
    Ok(found)
}

impl Difference {
    fn closed(&mut self, old: &[ClosedFigure], new: &[ClosedFigure]) {
        for figure in new {
            let Some(before) = old.iter().find(|before| before.name == figure.name) else {
                self.unmatched.push(format!("{}: only in the new run", figure.name));
                continue;
            };
            for system in &figure.systems {
                let Some(earlier) = before.systems.iter().find(|earlier| earlier.system == system.system)
                else {
                    continue;
                };
                let name = format!("{}, {}, events/s", figure.name, system.system);
                let values = (earlier.events_per_second, system.events_per_second);
                self.interval(
                    name,
                    values,
                    median_interval(&earlier.rounds, CONFIDENCE),
                    median_interval(&system.rounds, CONFIDENCE),
                    rate,
                );
            }
            for ratio in &figure.ratios {
                let same = before
                    .ratios
                    .iter()
                    .find(|earlier| (&earlier.system, &earlier.over) == (&ratio.system, &ratio.over));
                let Some(earlier) = same else { continue };
                let name = format!("{}, {} / {}", figure.name, ratio.system, ratio.over);
                let values = (earlier.estimate.ratio, ratio.estimate.ratio);
                self.interval(name, values, earlier.estimate.interval, ratio.estimate.interval, three_digits);
            }
        }
        let gone = old.iter().filter(|before| !new.iter().any(|figure| figure.name == before.name));
        self.unmatched.extend(gone.map(|figure| format!("{}: only in the old run", figure.name)));
    }

    fn interval(
        &mut self,
        figure: String,
        (before, after): (f64, f64),
        old: Option<Interval>,
        new: Option<Interval>,
        show: fn(f64) -> String,
    ) {
        let told = |value, interval: Option<Interval>| match interval {
            Some(Interval { low, high, .. }) => format!("{} [{}, {}]", show(value), show(low), show(high)),
            None => show(value),
        };
        let moved = match (old, new) {
            (Some(old), Some(new)) => moved((before, old), (after, new)),
            _ => Moved::NoInterval,
        };
        self.changes.push(Change { figure, old: told(before, old), new: told(after, new), moved });
    }

    /// Counted exactly: any difference is one.
    fn heap(&mut self, old: Option<MemoryProfiling>, new: Option<MemoryProfiling>) {
        let (Some(old), Some(new)) = (old, new) else { return };
        for figure in &new.usage {
            let Some(before) = old.usage.iter().find(|before| before.name == figure.name) else { continue };
            for system in &figure.systems {
                let Some(earlier) = before.systems.iter().find(|earlier| earlier.system == system.system)
                else {
                    continue;
                };
                let name = format!("{}, {}", figure.name, system.system);
                if earlier.run.events == system.run.events {
                    self.exact(
                        format!("{name}, allocated in all"),
                        earlier.run.spent().bytes.allocated,
                        system.run.spent().bytes.allocated,
                    );
                }
                self.exact(
                    format!("{name}, heap at the peak"),
                    earlier.run.after.bytes.peak,
                    system.run.after.bytes.peak,
                );
            }
        }
    }

    fn exact(&mut self, figure: String, before: u64, after: u64) {
        let moved = match after.cmp(&before) {
            std::cmp::Ordering::Greater => Moved::Up,
            std::cmp::Ordering::Less => Moved::Down,
            std::cmp::Ordering::Equal => Moved::NotShown,
        };
        self.changes.push(Change { figure, old: bytes(before), new: bytes(after), moved });
    }

    fn answers(&mut self, old: &StoredRun, new: &StoredRun) {
        let [old, new] = [old, new].map(|run| Findings::of(run, &ProductionLoad::default()).criteria);
        let word = |answer: &Answer| match answer {
            Answer::Yes => "yes",
            Answer::No => "no",
            Answer::NotMeasured(_) => "not measured",
        };
        for criterion in &new {
            let same = old
                .iter()
                .find(|before| (before.name, &before.system) == (criterion.name, &criterion.system));
            let Some(before) = same else { continue };
            let (before, after) = (word(&before.answer).to_owned(), word(&criterion.answer).to_owned());
            let moved = if before == after { Moved::NotShown } else { Moved::Otherwise };
            let figure = format!("{}: {}?", criterion.system, criterion.asks);
            self.changes.push(Change { figure, old: before, new: after, moved });
        }
    }

    /// For a terminal: what changed, or with `all` everything.
    pub fn text(&self, all: bool) -> String {
        let mut out: String = self.circumstances.iter().map(|what| format!("{what}\n")).collect();
        let shown: Vec<&Change> =
            self.changes.iter().filter(|change| all || change.moved.is_shown()).collect();
        if !shown.is_empty() {
            let head = ["figure", "old", "new", ""].map(str::to_owned).to_vec();
            let line = |change: &&Change| {
                vec![
                    change.figure.clone(),
                    change.old.clone(),
                    change.new.clone(),
                    change.moved.word().to_owned(),
                ]
            };
            let lines: Vec<Vec<String>> = [head].into_iter().chain(shown.iter().map(line)).collect();
            out += &aligned(&[Side::Left, Side::Right, Side::Right, Side::Left], &lines);
        }
        let count = |moved: Moved| self.changes.iter().filter(|change| change.moved == moved).count();
        out += &format!(
            "{} figures compared: {} changed, {} without a difference shown, {} with too few rounds to tell\n",
            self.changes.len(),
            self.changes.iter().filter(|change| change.moved.is_shown()).count(),
            count(Moved::NotShown),
            count(Moved::NoInterval),
        );
        out += &self.unmatched.iter().map(|what| format!("not compared: {what}\n")).collect::<String>();
        out
    }
}

impl Moved {
    const fn is_shown(self) -> bool {
        matches!(self, Self::Up | Self::Down | Self::Otherwise)
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Up => "more",
            Self::Down => "less",
            Self::Otherwise => "changed",
            Self::NotShown => "no difference shown",
            Self::NoInterval => "too few rounds to tell",
        }
    }
}

fn moved((before, old): (f64, Interval), (after, new): (f64, Interval)) -> Moved {
    let matters = (after / before).max(before / after) >= 1.0 + RELEVANT;
    match () {
        () if matters && new.low > old.high => Moved::Up,
        () if matters && new.high < old.low => Moved::Down,
        () => Moved::NotShown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_that_meet_show_nothing() {
        let around =
            |value: f64, by: f64| (value, Interval { low: value - by, high: value + by, confidence: 0.99 });
        assert_eq!(moved(around(100.0, 5.0), around(120.0, 5.0)), Moved::Up);
        assert_eq!(moved(around(120.0, 5.0), around(100.0, 5.0)), Moved::Down);
        assert_eq!(moved(around(100.0, 15.0), around(120.0, 15.0)), Moved::NotShown);
        assert_eq!(moved(around(100.0, 0.1), around(100.5, 0.1)), Moved::NotShown, "what does not matter");
    }
}
