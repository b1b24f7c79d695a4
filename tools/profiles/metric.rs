use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What is counted of a kernel. Names are stable: baselines, settings and reports use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Instructions executed: callgrind's `Ir`.
    Instructions,
    /// Atomic read-modify-writes, which cost far more time than other instructions: callgrind's `Ge`.
    BusEvents,
    /// Heap blocks allocated: DHAT's total.
    Blocks,
    /// Heap bytes allocated: DHAT's total.
    Bytes,
    /// Reads, writes and fetches that the simulated first-level caches (32 KiB each) do not have: callgrind's `I1mr`,
    /// `D1mr` and `D1mw`. Depends on where things lie in memory, so it informs and does not judge.
    L1Misses,
    /// Those that the simulated last-level cache (8 MiB) does not have: `ILmr`, `DLmr` and `DLmw`. Informs.
    LlMisses,
}

/// What one run of a kernel costs. A metric that was not measured is not there.
pub type Counts = BTreeMap<Metric, u64>;

impl Metric {
    /// All of them, in the order in which reports show them.
    pub const ALL: [Self; 6] =
        [Self::Instructions, Self::BusEvents, Self::Blocks, Self::Bytes, Self::L1Misses, Self::LlMisses];

    /// As in files and flags, e.g. `bus_events`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::BusEvents => "bus_events",
            Self::Blocks => "blocks",
            Self::Bytes => "bytes",
            Self::L1Misses => "l1_misses",
            Self::LlMisses => "ll_misses",
        }
    }

    /// For people, e.g. `bus events`.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::BusEvents => "bus events",
            Self::Blocks => "blocks",
            Self::Bytes => "bytes",
            Self::L1Misses => "L1 misses",
            Self::LlMisses => "LL misses",
        }
    }

    /// Whether it repeats exactly, so that a change means a change of the program.
    pub const fn is_exact(self) -> bool {
        !matches!(self, Self::L1Misses | Self::LlMisses)
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.title())
    }
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|metric| metric.name() == name).ok_or_else(|| {
            format!("unknown metric `{name}`; there are: {}", Self::ALL.map(Self::name).join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_in_files_and_flags() {
        for metric in Metric::ALL {
            assert_eq!(serde_json::to_string(&metric).expect("a name"), format!("\"{}\"", metric.name()));
            assert_eq!(metric.name().parse(), Ok(metric));
        }
        assert!("bus events".parse::<Metric>().expect_err("the title").contains("bus_events"));
    }
}
