use serde::{Deserialize, Serialize};

use super::filter::{Filter, InvalidFilter};
use crate::event::{Invalid, Limits, Name, Target};

/// Which events go where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Unique among the rules of a system.
    pub id: Name,
    /// Higher ones are looked at first.
    #[serde(default)]
    pub priority: i32,
    /// Which events.
    pub filter: Filter,
    /// Where they go; at least one.
    pub targets: Vec<Target>,
    /// Whether rules after this one are passed over when this one matches.
    #[serde(default)]
    pub last: bool,
}

/// Why a rule is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum InvalidRule {
    #[error("rule `{rule}`: targets: none, so it would lead nowhere")]
    NoTargets { rule: Name },
    #[error("rule `{rule}`: targets: {target} is not known; register it first")]
    UnknownTarget { rule: Name, target: Target },
    #[error("rule `{rule}`: {source}")]
    Invalid { rule: Name, source: Invalid },
    #[error("rule `{rule}`: filter: {source}")]
    Filter { rule: Name, source: InvalidFilter },
}

impl Rule {
    /// A rule of priority 0 that leaves the search open.
    pub fn new(id: impl Into<Name>, filter: Filter, targets: impl IntoIterator<Item = Target>) -> Self {
        Self { id: id.into(), priority: 0, filter, targets: targets.into_iter().collect(), last: false }
    }

    /// Checks all but whether its targets are known.
    ///
    /// # Errors
    /// The first thing found wrong.
    pub fn check(&self, limits: &Limits) -> Result<(), InvalidRule> {
        let rule = || self.id.clone();
        if self.targets.is_empty() {
            return Err(InvalidRule::NoTargets { rule: rule() });
        }
        let count = self.targets.len();
        if count > limits.targets {
            let source = Invalid::TooManyTargets { count, limit: limits.targets };
            return Err(InvalidRule::Invalid { rule: rule(), source });
        }
        limits.check_name("id", &self.id).map_err(|source| InvalidRule::Invalid { rule: rule(), source })?;
        self.filter.check(limits).map_err(|source| InvalidRule::Filter { rule: rule(), source })
    }
}
