//! What changed from one run to another.

mod targets;

use crate::analysis::findings::{Answer, Criterion, Findings, ProductionLoad, RELEVANT};
use crate::results::{StoreError, StoredRun};
use crate::stats::Interval;
use crucible_tables::{Side, aligned};

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

/// A value, with its interval if it has one.
type Estimate = (f64, Option<Interval>);

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
    targets::compare(&mut found, old, new)?;
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
    fn interval(
        &mut self,
        figure: String,
        [(before, old), (after, new)]: [Estimate; 2],
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
    fn exact(&mut self, figure: String, [before, after]: [u64; 2], show: fn(u64) -> String) {
        let moved = match after.cmp(&before) {
            std::cmp::Ordering::Greater => Moved::Up,
            std::cmp::Ordering::Less => Moved::Down,
            std::cmp::Ordering::Equal => Moved::NotShown,
        };
        self.changes.push(Change { figure, old: show(before), new: show(after), moved });
    }

    fn word(&mut self, figure: String, [old, new]: [String; 2]) {
        let moved = if old == new { Moved::NotShown } else { Moved::Otherwise };
        self.changes.push(Change { figure, old, new, moved });
    }

    /// Where one of the runs has no such figure, that is said.
    fn interval_of_both(&mut self, figure: String, values: [Option<Estimate>; 2], show: fn(f64) -> String) {
        match values {
            [Some(old), Some(new)] => self.interval(figure, [old, new], show),
            [None, None] => {}
            [None, _] => self.unmatched.push(format!("{figure}: not valid in the old run")),
            [_, None] => self.unmatched.push(format!("{figure}: not valid in the new run")),
        }
    }

    /// Those of `new` beside those of `old` with the same name; what is in one of them only is said.
    fn pairs<'f, T>(
        &mut self,
        old: &'f [T],
        new: &'f [T],
        name: impl Fn(&T) -> String,
    ) -> Vec<(&'f T, &'f T)> {
        let named = |all: &'f [T], wanted: &str| all.iter().find(|one| name(one) == wanted);
        let gone = old.iter().map(&name).filter(|old| named(new, old).is_none());
        self.unmatched.extend(gone.map(|name| format!("{name}: only in the old run")));
        let mut pairs = Vec::new();
        for after in new {
            match named(old, &name(after)) {
                Some(before) => pairs.push((before, after)),
                None => self.unmatched.push(format!("{}: only in the new run", name(after))),
            }
        }
        pairs
    }

    fn answers(&mut self, old: &StoredRun, new: &StoredRun) {
        let [old, new] = [old, new].map(|run| Findings::of(run, &ProductionLoad::default()).criteria);
        let word = |answer: &Answer| match answer {
            Answer::Yes => "yes",
            Answer::No => "no",
            Answer::NotMeasured(_) => "not measured",
        };
        let asked = |criterion: &Criterion| format!("{}: {}?", criterion.system, criterion.asks);
        for (before, criterion) in self.pairs(&old, &new, asked) {
            let words = [&before.answer, &criterion.answer].map(|answer| word(answer).to_owned());
            self.word(asked(criterion), words);
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
