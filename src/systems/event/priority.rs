use serde::{Deserialize, Serialize};

/// Critical before High before Normal before Low.
///
/// The order of the enum is the order of service: `Critical < High`, so the smallest is served first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Served first.
    Critical,
    /// Served before the usual.
    High,
    /// The usual.
    #[default]
    Normal,
    /// Served when others leave room, but never starved.
    Low,
}

impl Priority {
    /// All, in the order in which they are served.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Normal, Self::Low];

    /// 0 for Critical … 3 for Low.
    pub const fn lane(self) -> usize {
        self as usize
    }

    /// Whether this is served no later than `floor`: the meaning of a minimum priority.
    pub fn at_least(self, floor: Self) -> bool {
        self <= floor
    }

    /// The name on the wire and in rules.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}
