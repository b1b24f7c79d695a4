use std::collections::BTreeMap;
use std::fmt;

use crucible_perf::report::columns;
use crucible_perf::results::bottleneck::Bottleneck;

use crate::injected::{Injected, Kind};

/// What was called what, how often.
pub(crate) struct Matrix {
    rows: Vec<(Injected, BTreeMap<Bottleneck, u32>)>,
}

impl Matrix {
    pub(crate) fn of(injected: &[Injected]) -> Self {
        Self { rows: injected.iter().map(|&injected| (injected, BTreeMap::new())).collect() }
    }

    pub(crate) fn count(&mut self, injected: Injected, called: Bottleneck) {
        for (_, row) in self.rows.iter_mut().filter(|(of, _)| *of == injected) {
            *row.entry(called).or_default() += 1;
        }
    }

    /// What is not as it has to be; empty if all is.
    pub(crate) fn objections(&self) -> Vec<String> {
        let mut objections = Vec::new();
        let (mut unclear, mut runs) = (0, 0);
        for (injected, row) in &self.rows {
            for (&called, &times) in row {
                let (kind, expected) = (injected.kind(), injected.expected());
                if kind == Kind::Bottleneck {
                    runs += times;
                    unclear += if called == Bottleneck::Unclear { times } else { 0 };
                }
                let may_be = match kind {
                    Kind::Bottleneck => called == expected || called == Bottleneck::Unclear,
                    Kind::Control => called == expected,
                    // It is there to be seen.
                    Kind::BlindSpot => true,
                };
                if !may_be {
                    objections.push(format!(
                        "✗ {}: {} where it is {}, {times} times",
                        injected.as_str(),
                        called.as_str(),
                        expected.as_str()
                    ));
                }
            }
        }
        if 10 * unclear > runs {
            objections.push(format!("✗ unclear: {unclear} of {runs}, more than a tenth"));
        }
        objections
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let called = Bottleneck::ALL;
        let called: Vec<_> = called
            .into_iter()
            .filter(|called| self.rows.iter().any(|(_, row)| row.contains_key(called)))
            .collect();
        let mut lines = vec![vec!["injected".to_owned(), "is".to_owned()]];
        lines[0].extend(called.iter().map(|called| called.as_str().to_owned()));
        for (injected, row) in &self.rows {
            let mut line = vec![injected.as_str().to_owned(), injected.expected().as_str().to_owned()];
            line.extend(called.iter().map(|called| row.get(called).map_or(String::new(), u32::to_string)));
            lines.push(line);
        }
        f.write_str(&columns(&lines))
    }
}
