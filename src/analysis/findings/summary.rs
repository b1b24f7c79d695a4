//! The few lines that a manager reads.

use super::recommendations::{CHOICE, COSTS};
use super::{Finding, Findings, Topic};

/// The rules whose first sentences make the summary, in this order: what to do, where it pays, what it
/// costs, what happens when services fail, and when memory runs out. What is not known is said beside them.
const LINES: [&str; 5] =
    [CHOICE, "recommendation/where_it_pays", COSTS, "failures/lost", "recommendation/variant"];

pub(super) fn lines(found: &Findings) -> Vec<Finding> {
    let first = |rule: &&'static str| {
        let of_rule = found.findings.iter().filter(|finding| finding.rule == *rule);
        // A weakness repeats what the strength of the other one says.
        of_rule.min_by_key(|finding| matches!(finding.topic, Topic::Weakness(_))).cloned()
    };
    LINES.iter().filter_map(first).collect()
}
