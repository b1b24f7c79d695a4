//! What the points along a dimension come to: curves, the most that was observed, and whether it is what was expected.

use super::Settings;
use crate::results::scalability_testing::{
    Dimension, Fit, Growth, Observed, Point, ScalabilityFactor, SystemPoint,
};
use crate::stats::{PowerLaw, UslFit};

/// Of each system, in the order of the first point.
pub(super) fn growth(settings: &Settings, dimension: Dimension, points: &[Point]) -> Vec<Growth> {
    let systems = points.first().map(|point| &point.systems[..]).unwrap_or_default();
    let names = systems.iter().map(|system| system.closed.system.clone());
    names.filter_map(|system| of_system(settings, dimension, points, system)).collect()
}

fn of_system(settings: &Settings, dimension: Dimension, points: &[Point], system: String) -> Option<Growth> {
    let series: Vec<(&Point, &SystemPoint)> = points
        .iter()
        .filter_map(|point| Some((point, point.systems.iter().find(|found| found.closed.system == system)?)))
        .collect();
    // Of a single size there is no growth.
    if series.len() < 2 {
        return None;
    }
    let observed = |&(point, found): &(&Point, &SystemPoint)| Observed {
        size: point.size,
        events_per_second: found.closed.events_per_second,
    };
    let most =
        series.iter().map(observed).max_by(|a, b| a.events_per_second.total_cmp(&b.events_per_second))?;
    // Beyond the cores it is the machine's scheduler that is measured.
    let within: Vec<_> = series.iter().filter(|(point, _)| !point.beyond_cores).copied().collect();
    let rounds: Vec<(f64, f64)> = within
        .iter()
        .flat_map(|(point, found)| found.closed.rounds.iter().map(|&rate| (point.size as f64, rate)))
        .collect();
    let memory: Vec<(f64, f64)> = within
        .iter()
        .filter_map(|(point, found)| Some((point.size as f64, *found.closed.peak_memory.value()? as f64)))
        .collect();
    let ends = within.first().map(observed).zip(within.last().map(observed));
    let last_two = within.iter().rev().nth(1).map(observed).zip(within.last().map(observed));
    Some(Growth {
        throughput: match dimension.is_concurrency() {
            true => UslFit::of(&rounds, settings.seed).map_or_else(Fit::None, Fit::Usl),
            false => PowerLaw::of(&rounds).map_or_else(Fit::None, Fit::PowerLaw),
        },
        memory: PowerLaw::of(&memory).map_or_else(Fit::None, Fit::PowerLaw),
        last_exponent: last_two.map(|(before, last)| {
            let sizes = last.size as f64 / before.size as f64;
            (last.events_per_second / before.events_per_second).ln() / sizes.ln()
        }),
        most,
        factor: ends.and_then(|(first, last)| factor(settings, dimension, first, last)),
        system,
    })
}

/// Nothing to be said of a single size.
fn factor(
    settings: &Settings,
    dimension: Dimension,
    first: Observed,
    last: Observed,
) -> Option<ScalabilityFactor> {
    if first.size == last.size {
        return None;
    }
    let actual = last.events_per_second / first.events_per_second;
    let ideal = ideal(settings, dimension, first.size, last.size);
    let expected = settings.expected.get(&dimension).copied().unwrap_or(ideal);
    Some(ScalabilityFactor { from: first.size, to: last.size, actual, expected, factor: actual / expected })
}

/// Twice the workers do twice as much, and so do twice the publishers as long as there are threads for them; more
/// services, rules or bytes do no harm.
fn ideal(settings: &Settings, dimension: Dimension, first: usize, last: usize) -> f64 {
    let threads = settings.threads.0.min(settings.cores.max(1));
    match dimension {
        Dimension::Workers => last as f64 / first as f64,
        Dimension::Publishers => last.min(threads) as f64 / first.min(threads) as f64,
        Dimension::Services | Dimension::Rules | Dimension::Payload => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Role, Threads};
    use crate::measure::Reading;
    use crate::results::daemon_performance::{ScenarioFacts, SystemThroughput};
    use crate::stats::NoFit;

    fn point(size: usize, beyond_cores: bool, rate: f64) -> Point {
        let rounds = vec![rate * 0.99, rate, rate * 1.01];
        let closed = SystemThroughput {
            system: "S".to_owned(),
            role: Role::Candidate,
            rounds,
            events_per_second: rate,
            deliveries_per_second: rate,
            success_percent: 100.0,
            error_percent: 0.0,
            cpu_percent: Reading::absent("a test"),
            peak_memory: Reading::Value(1_000 * size as u64),
        };
        let scenario = ScenarioFacts {
            name: "medium".to_owned(),
            events: 1,
            services: 1,
            rules: 1,
            payload_bytes: 1,
            fan_out: 1.0,
        };
        let latency = Reading::absent("a test");
        let systems = vec![SystemPoint { closed, latency, floor_ns: None }];
        Point { size, beyond_cores, scenario, threads: Threads(size), offered: 1, systems }
    }

    fn grown(dimension: Dimension, sizes: &[(usize, bool, f64)]) -> Growth {
        let points: Vec<Point> =
            sizes.iter().map(|&(size, beyond, rate)| point(size, beyond, rate)).collect();
        growth(&Settings::quick(4), dimension, &points).remove(0)
    }

    #[test]
    fn points_beyond_the_cores_count_as_observed_and_no_more() {
        let sizes = [(1, false, 100.0), (2, false, 190.0), (4, false, 300.0), (8, true, 310.0)];
        let growth = grown(Dimension::Workers, &sizes);
        assert_eq!((growth.most.size, growth.most.events_per_second), (8, 310.0));
        let factor = growth.factor.expect("two ends");
        assert_eq!((factor.from, factor.to, factor.expected), (1, 4, 4.0));
        assert!((factor.factor - 0.75).abs() < 1e-9);
        assert_eq!(growth.throughput, Fit::None(NoFit::TooFewPoints { points: 3, needed: 6 }));
    }

    #[test]
    fn more_to_cope_with_should_cost_nothing_and_publishers_share_the_threads() {
        let sizes = [(1, false, 100.0), (10, false, 100.0), (100, false, 50.0), (1_000, false, 40.0)];
        let services = grown(Dimension::Services, &sizes);
        assert_eq!(services.factor.map(|factor| (factor.expected, factor.factor)), Some((1.0, 0.4)));
        assert!(matches!(&services.memory, Fit::PowerLaw(law) if (law.exponent - 1.0).abs() < 1e-9));
        let end = services.last_exponent.expect("four sizes");
        assert!((end - 0.8_f64.log10()).abs() < 1e-9, "{end}");
        let publishers = grown(Dimension::Publishers, &sizes);
        assert_eq!(publishers.factor.map(|factor| factor.expected), Some(4.0));
    }

    #[test]
    fn a_single_size_does_not_grow() {
        assert!(growth(&Settings::quick(4), Dimension::Rules, &[point(10, false, 1.0)]).is_empty());
    }

    #[test]
    fn what_is_expected_can_be_said() {
        let mut settings = Settings::quick(4);
        settings.expected.insert(Dimension::Workers, 2.0);
        let points = [point(1, false, 100.0), point(4, false, 300.0)];
        let factor = growth(&settings, Dimension::Workers, &points)[0].factor.expect("two ends");
        assert_eq!((factor.expected, factor.factor), (2.0, 1.5));
    }
}
