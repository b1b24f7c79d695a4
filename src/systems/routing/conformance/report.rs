use std::fmt;

use super::Fault;
use crate::routing::Capability;

/// What became of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The promise was kept.
    Passed,
    /// It was broken, and how.
    Failed(Fault),
    /// It is about something that the system declares not to offer.
    NotOffered(Capability),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.pad("passed"),
            Self::Failed(_) => f.pad("FAILED"),
            Self::NotOffered(capability) => f.pad(&format!("no {capability}")),
        }
    }
}

/// One line of a [`Report`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseReport {
    /// The case.
    pub name: &'static str,
    /// What it holds a system to, in one sentence.
    pub promise: &'static str,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of all cases. Prints itself as a table, with the reasons of failures below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// In the order in which they ran.
    pub cases: Vec<CaseReport>,
}

impl Report {
    /// Whether no promise was broken. What is not offered breaks none.
    pub fn conforms(&self) -> bool {
        self.failures().next().is_none()
    }

    /// Broken promises, and how.
    pub fn failures(&self) -> impl Iterator<Item = (&CaseReport, &Fault)> {
        self.cases.iter().filter_map(|case| match &case.outcome {
            Outcome::Failed(fault) => Some((case, fault)),
            Outcome::Passed | Outcome::NotOffered(_) => None,
        })
    }

    fn summary(&self) -> String {
        let count = |wanted: fn(&Outcome) -> bool| {
            let outcomes = self.cases.iter().map(|case| &case.outcome);
            outcomes.filter(|outcome| wanted(outcome)).count()
        };
        format!(
            "{} passed, {} failed, {} not offered",
            count(|outcome| matches!(outcome, Outcome::Passed)),
            count(|outcome| matches!(outcome, Outcome::Failed(_))),
            count(|outcome| matches!(outcome, Outcome::NotOffered(_))),
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Table(&[("outcome", self)]).fmt(f)
    }
}

/// Several systems side by side, each with its name. They must have run the same cases.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a>(pub &'a [(&'a str, &'a Report)]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((_, first)) = self.0.first() else {
            return Ok(());
        };
        let names = first.cases.iter().map(|case| case.name.len());
        let name_width = names.max().unwrap_or(0).max("promise".len());
        let widths: Vec<usize> = self.0.iter().map(width_of).collect();

        let heading = self.0.iter().map(|(system, _)| (*system).to_owned());
        write_line(f, name_width, "promise", &widths, heading)?;
        for (row, case) in first.cases.iter().enumerate() {
            let outcomes = self.0.iter().map(|(_, report)| report.cases.get(row));
            let cells =
                outcomes.map(|case| case.map_or("not run".to_owned(), |case| case.outcome.to_string()));
            write_line(f, name_width, case.name, &widths, cells)?;
        }
        self.write_summaries(f)
    }
}

fn write_line(
    f: &mut fmt::Formatter<'_>,
    name_width: usize,
    name: &str,
    widths: &[usize],
    cells: impl Iterator<Item = String>,
) -> fmt::Result {
    let cells = cells.zip(widths).map(|(cell, width)| format!("  {cell:width$}"));
    let line = cells.fold(format!("{name:name_width$}"), |line, cell| line + &cell);
    writeln!(f, "{}", line.trim_end())
}

fn width_of((system, report): &(&str, &Report)) -> usize {
    let outcomes = report.cases.iter().map(|case| case.outcome.to_string().len());
    outcomes.max().unwrap_or(0).max(system.len())
}

impl Table<'_> {
    fn write_summaries(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        for (system, report) in self.0 {
            writeln!(f, "{system}: {}", report.summary())?;
            for (case, fault) in report.failures() {
                writeln!(f, "  {}: {fault}\n    promised: {}", case.name, case.promise)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcome: Outcome) -> Report {
        let case = |name, outcome| CaseReport { name, promise: "What it promises.", outcome };
        Report { cases: vec![case("a long name", Outcome::Passed), case("b", outcome)] }
    }

    #[test]
    fn systems_stand_side_by_side_with_reasons_below() {
        let lacking = report(Outcome::NotOffered(Capability::Groups));
        let broken = report(Outcome::Failed(Fault::new("expected 1, got 2")));
        let table = Table(&[("one", &lacking), ("two", &broken)]).to_string();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines,
            [
                "promise      one        two",
                "a long name  passed     passed",
                "b            no groups  FAILED",
                "",
                "one: 1 passed, 0 failed, 1 not offered",
                "two: 1 passed, 1 failed, 0 not offered",
                "  b: expected 1, got 2",
                "    promised: What it promises.",
            ]
        );
        assert!(lacking.conforms());
        assert!(!broken.conforms());
    }
}
