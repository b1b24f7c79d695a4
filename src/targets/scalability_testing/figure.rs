use std::time::Duration;

use crate::experiment::Threads;
use crate::load::Arrivals;
use crate::results::scalability_testing::Dimension;
use crate::sut::{HandlerWork, Publishing};
use crate::workload::Scenario;

/// Something to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// The limit of one service that takes 100 µs of CPU an event, which theory knows.
    KnownAnswer,
    /// The limit of the medium scenario when handlers take so long.
    Limit(HandlerWork),
    /// Along one size.
    Dimension(Dimension),
}

/// Service time of the known answer.
const SERVICE_TIME: Duration = Duration::from_micros(100);

/// All there are.
pub fn figures() -> Vec<Figure> {
    let limits = [HandlerWork::None, HandlerWork::Spin(Duration::from_micros(10))].map(Figure::Limit);
    let dimensions = Dimension::ALL.map(Figure::Dimension);
    [Figure::KnownAnswer].into_iter().chain(limits).chain(dimensions).collect()
}

impl Figure {
    /// Whether it is measured without being named: what takes minutes only in full, and what checks the instrument never.
    pub fn is_usual(&self, full: bool) -> bool {
        match self {
            Self::KnownAnswer => false,
            Self::Limit(HandlerWork::Spin(_)) => full,
            Self::Limit(_) | Self::Dimension(_) => true,
        }
    }

    /// As in `--list`.
    pub fn name(&self) -> String {
        match self {
            Self::KnownAnswer => "limit/known_answer".to_owned(),
            Self::Limit(HandlerWork::None) => "limit/idle".to_owned(),
            Self::Limit(HandlerWork::Spin(time)) => format!("limit/spin_{}us", time.as_micros()),
            Self::Limit(HandlerWork::Await(time)) => format!("limit/await_{}us", time.as_micros()),
            Self::Dimension(dimension) => format!("dimension/{}", dimension.as_str()),
        }
    }
}

/// What a limit is looked for with.
pub(super) struct LimitSpec {
    pub(super) scenario: Scenario,
    pub(super) work: HandlerWork,
    pub(super) arrivals: Arrivals,
    /// Events/s.
    pub(super) theory: Option<f64>,
}

/// One server with a fixed service time sustains its reciprocal, whatever the arrivals.
pub(super) fn known_answer() -> LimitSpec {
    let one = Scenario::MEDIUM.renamed("one service").with_routing(1, 1, 1);
    LimitSpec {
        scenario: one.expect("a service and its rule").broadcast(),
        work: HandlerWork::Spin(SERVICE_TIME),
        arrivals: Arrivals::Poisson,
        theory: Some(1.0 / SERVICE_TIME.as_secs_f64()),
    }
}

/// Independent sources that send by chance come to Poisson arrivals.
pub(super) fn limit(work: HandlerWork) -> LimitSpec {
    LimitSpec { scenario: Scenario::MEDIUM, work, arrivals: Arrivals::Poisson, theory: None }
}

/// One size along a dimension, all else the same.
#[derive(Debug, Clone)]
pub(super) struct Size {
    pub(super) size: usize,
    pub(super) scenario: Scenario,
    pub(super) threads: Threads,
    pub(super) publishers: usize,
    pub(super) publishing: Publishing,
    pub(super) work: HandlerWork,
}

/// From 64 publishers each has two batches in a pass of so many.
const EVENTS_FOR_PUBLISHERS: usize = 8_192;

/// The oracle, which matches rule by rule, is asked about each of them.
const EVENTS_FOR_RULES: usize = 300;

/// Bytes of payload in a pass at most: 32 events of a mebibyte.
const BYTES_OF_PAYLOAD: usize = 32 << 20;

const FEWEST_EVENTS: usize = 32;

impl Size {
    /// `threads`: of the figures in which they do not grow and publishers can use them.
    pub(super) fn of(dimension: Dimension, size: usize, threads: Threads) -> Self {
        let one = Self {
            size,
            scenario: Scenario::MEDIUM,
            threads: Threads(1),
            publishers: 1,
            publishing: Publishing::Batch,
            work: HandlerWork::None,
        };
        let possible = "the sizes below are possible";
        match dimension {
            Dimension::Publishers => Self {
                scenario: one.scenario.with_events(EVENTS_FOR_PUBLISHERS).expect(possible),
                threads,
                publishers: size,
                publishing: Publishing::Single,
                ..one
            },
            // Handlers that do nothing have nothing to share among threads.
            Dimension::Workers => {
                Self { threads: Threads(size), work: HandlerWork::Spin(Duration::from_micros(10)), ..one }
            }
            Dimension::Services => Self { scenario: one.scenario.spread_over(size).expect(possible), ..one },
            Dimension::Rules => {
                let few = one.scenario.with_events(EVENTS_FOR_RULES).expect(possible);
                Self { scenario: few.with_rule_table(size), ..one }
            }
            Dimension::Payload => {
                let events = (BYTES_OF_PAYLOAD / size).clamp(FEWEST_EVENTS, Scenario::MEDIUM.events());
                let few = one.scenario.with_events(events).and_then(|few| few.with_payload_bytes(size));
                Self { scenario: few.expect(possible), ..one }
            }
        }
    }
}

/// The sizes that are measured; more of them in full.
pub(super) fn sizes(dimension: Dimension, full: bool, cores: usize) -> Vec<usize> {
    match (dimension, full) {
        (Dimension::Publishers, _) => vec![1, 2, 4, 8, 16, 32, 64],
        (Dimension::Workers, _) => workers(cores),
        (Dimension::Services, false) => vec![1, 10, 100, 1_000],
        (Dimension::Services, true) => vec![1, 3, 10, 30, 100, 300, 1_000],
        (Dimension::Rules, false) => vec![10, 100, 1_000, 10_000],
        (Dimension::Rules, true) => vec![10, 30, 100, 300, 1_000, 3_000, 10_000],
        (Dimension::Payload, false) => vec![64, 1 << 10, 16 << 10, 256 << 10, 1 << 20],
        (Dimension::Payload, true) => (6..=20).step_by(2).map(|power| 1 << power).collect(),
    }
}

/// Up to the machine's cores, six of them where there are so many, and one beyond, which is marked.
fn workers(cores: usize) -> Vec<usize> {
    let within = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128].into_iter().filter(|&size| size < cores);
    within.chain([cores, 2 * cores]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_of_every_dimension_can_be_generated() {
        for dimension in Dimension::ALL {
            for full in [false, true] {
                let sizes = sizes(dimension, full, 8);
                assert!(sizes.windows(2).all(|pair| pair[0] < pair[1]), "{dimension:?}");
                for size in sizes {
                    let spec = Size::of(dimension, size, Threads(8));
                    assert!(spec.scenario.events() >= FEWEST_EVENTS && spec.size == size);
                }
            }
        }
    }

    #[test]
    fn workers_go_up_to_the_cores_and_once_beyond() {
        assert_eq!(workers(1), [1, 2]);
        assert_eq!(workers(2), [1, 2, 4]);
        assert_eq!(workers(8), [1, 2, 3, 4, 6, 8, 16]);
        assert_eq!(workers(10), [1, 2, 3, 4, 6, 8, 10, 20]);
    }

    #[test]
    fn names_are_different() {
        let mut names: Vec<String> = figures().iter().map(Figure::name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
