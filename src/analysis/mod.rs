//! Figures become judgements. Only what is in the results is interpreted here, nothing is measured.

pub mod bottleneck;
pub mod comparison;
pub mod daemon_performance;
pub mod findings;
pub mod grades;
pub mod leaks;
pub mod machine;
pub mod thresholds;
