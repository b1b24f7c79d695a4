use crate::experiment::{ClosedRound, Contender};
use crate::measure::Reading;
use crate::results::daemon_performance::SystemThroughput;
use crate::stats::median;

/// What the rounds of a system come to.
pub(super) fn summary(contender: &Contender) -> SystemThroughput {
    let rounds = &contender.rounds;
    let events_per_second: Vec<f64> = rounds.iter().map(ClosedRound::events_per_second).collect();
    let deliveries: Vec<f64> = rounds.iter().map(ClosedRound::deliveries_per_second).collect();
    let cpu: Vec<f64> = rounds.iter().filter_map(|round| round.cpu_percent().value().copied()).collect();
    let failed: u64 = rounds.iter().map(|round| round.failed).sum();
    let acknowledged: u64 = rounds.iter().map(|round| round.deliveries).sum();
    #[allow(clippy::cast_precision_loss)] // far below 2⁵³
    let percent = |part: u64| 100.0 * part as f64 / (acknowledged + failed).max(1) as f64;
    let peaks: Vec<&Reading<u64>> = rounds.iter().map(|round| &round.peak_memory).collect();
    SystemThroughput {
        system: contender.name.clone(),
        role: contender.role,
        events_per_second: median(&events_per_second).unwrap_or_default(),
        deliveries_per_second: median(&deliveries).unwrap_or_default(),
        rounds: events_per_second,
        success_percent: percent(acknowledged),
        error_percent: percent(failed),
        cpu_percent: median(&cpu).map_or_else(|| Reading::absent("no round has it"), Reading::Value),
        peak_memory: largest(&peaks),
    }
}

/// The largest; absent if any is.
fn largest(peaks: &[&Reading<u64>]) -> Reading<u64> {
    let absent = peaks.iter().find_map(|peak| peak.why());
    let largest = peaks.iter().filter_map(|peak| peak.value()).max();
    match (absent, largest) {
        (None, Some(&largest)) => Reading::Value(largest),
        (why, _) => Reading::absent(why.unwrap_or("no rounds")),
    }
}
