use std::time::Duration;

use super::known_answers::Known;
use crate::load::{EventPattern, LoadTestConfig, Shape};
use crate::sut::HandlerWork;
use crate::workload::Scenario;
use crate::workload::trace::Speed;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Mean rate of each pattern, events/s.
    pub rate: u64,
    /// How long each pattern is.
    pub duration_secs: u64,
    /// Threads for system and publisher.
    pub threads: usize,
    /// Of events, arrivals and failures.
    pub seed: u64,
}

impl Settings {
    /// 11,000 deliveries/s of 20 µs each keep a core busy for a quarter of the time, and in the spike for all of it.
    pub const USUAL: Self = Self { rate: 5_000, duration_secs: 5, threads: 1, seed: 42 };
    /// A second of everything, to see that it works.
    pub const TRIAL: Self = Self { rate: 200, duration_secs: 1, ..Self::USUAL };
}

/// Something to measure.
#[derive(Debug, Clone, PartialEq)]
pub enum Figure {
    /// One way to spread events over time.
    Pattern {
        /// Which.
        shape: Shape,
        /// Of it.
        settings: Settings,
    },
    /// Deliveries that fail for a third of the time.
    Failures(Settings),
    /// What production asks for (R5.4): a fifth of the usual rate for twice as long, 1,000 events/s for 10 s.
    Production(Settings),
    /// 100,000 events of 8 KiB to 100 services, faster than they can be handled.
    Stress(Settings),
    /// A case of which theory knows the answer.
    Known {
        /// Which.
        case: Known,
        /// Of it; rates and times are the case's own.
        settings: Settings,
    },
    /// What flags or a file describe.
    Described {
        /// What it is called.
        name: String,
        /// The test.
        config: Box<LoadTestConfig>,
    },
}

/// All that are built in.
pub fn figures(settings: Settings) -> Vec<Figure> {
    let pattern = |shape| Figure::Pattern { shape, settings };
    let known = |case| Figure::Known { case, settings };
    let patterns = Shape::ALL.into_iter().map(pattern);
    let others = [Figure::Failures(settings), Figure::Production(settings), Figure::Stress(settings)];
    patterns.chain(others).chain(Known::ALL.into_iter().map(known)).collect()
}

/// Of deliveries, in the middle third.
const FAILING: f64 = 0.05;

impl Figure {
    /// As in `--list`.
    pub fn name(&self) -> String {
        match self {
            Self::Pattern { shape, .. } => format!("pattern/{}", shape.as_str().replace('-', "_")),
            Self::Failures(_) => "failures".to_owned(),
            Self::Production(_) => "production".to_owned(),
            Self::Stress(_) => "stress".to_owned(),
            Self::Known { case, .. } => format!("known_answers/{}", case.name()),
            Self::Described { name, .. } => name.clone(),
        }
    }

    /// Whether it is only taken when it is named: it takes long, or wants the machine for itself.
    pub fn is_on_request(&self) -> bool {
        matches!(self, Self::Production(_) | Self::Stress(_) | Self::Known { .. })
    }

    /// Whether it is so short that it shows no more than that it works.
    pub fn is_trial(&self) -> bool {
        *self == self.trial()
    }

    /// The same in so little time that it shows no more than that it works.
    pub fn trial(&self) -> Self {
        let little = |settings: &Settings| Settings {
            seed: settings.seed,
            threads: settings.threads,
            ..Settings::TRIAL
        };
        match self {
            Self::Pattern { shape, settings } => Self::Pattern { shape: *shape, settings: little(settings) },
            Self::Failures(settings) => Self::Failures(little(settings)),
            Self::Production(settings) => Self::Production(little(settings)),
            Self::Stress(settings) => Self::Stress(little(settings)),
            Self::Known { case, settings } => Self::Known { case: *case, settings: little(settings) },
            Self::Described { name, config } => {
                let pattern =
                    EventPattern::Steady { events_per_second: Settings::TRIAL.rate, duration_secs: 1 };
                let speed: Speed = "10000x".parse().expect("a whole number is a speed");
                let thresholds = Vec::new();
                let config =
                    LoadTestConfig { pattern, speed, trace_secs: 0, thresholds, ..(**config).clone() };
                Self::Described { name: name.clone(), config: Box::new(config) }
            }
        }
    }

    /// The test of which it is made; of a known answer the one that is compared with theory.
    pub fn load_test(&self) -> LoadTestConfig {
        match self {
            Self::Pattern { shape, settings } => {
                let secs = if *shape == Shape::Mixed {
                    settings.duration_secs.max(4)
                } else {
                    settings.duration_secs
                };
                let pattern =
                    shape.pattern(settings.rate, secs).expect("four seconds are enough for four parts");
                LoadTestConfig { pattern, handler: work(20), ..usual(settings) }
            }
            Self::Failures(settings) => LoadTestConfig {
                pattern: EventPattern::Steady {
                    events_per_second: settings.rate / 2,
                    duration_secs: settings.duration_secs + settings.duration_secs / 4,
                },
                handler: work(20),
                enable_failures: true,
                failure_rate: FAILING,
                ..usual(settings)
            },
            Self::Production(settings) => LoadTestConfig {
                pattern: EventPattern::Steady {
                    events_per_second: settings.rate / 5,
                    duration_secs: 2 * settings.duration_secs,
                },
                handler: work(20),
                ..usual(settings)
            },
            Self::Stress(settings) => stress(settings),
            Self::Known { case, settings } => case.load_test(settings),
            Self::Described { config, .. } => (**config).clone(),
        }
    }
}

fn work(micros: u64) -> HandlerWork {
    HandlerWork::Spin(Duration::from_micros(micros))
}

pub(super) fn usual(settings: &Settings) -> LoadTestConfig {
    LoadTestConfig { threads: settings.threads, seed: settings.seed, ..LoadTestConfig::default() }
}

/// In the usual five seconds 20,000 events/s, of which each takes the services 150 µs of CPU: three times what they can do.
fn stress(settings: &Settings) -> LoadTestConfig {
    let scenario = Scenario::STRESS;
    let trial = settings.rate < Settings::USUAL.rate;
    let events_per_second =
        if trial { settings.rate } else { scenario.events() as u64 / settings.duration_secs };
    let pattern = EventPattern::Steady { events_per_second, duration_secs: settings.duration_secs };
    LoadTestConfig {
        pattern,
        payload_size_range: scenario.payload_sizes(),
        concurrent_services: scenario.services(),
        rules: Some(scenario.rules()),
        targets_per_rule: Some(scenario.targets_per_rule()),
        events: if trial { 200 } else { scenario.events() },
        handler: work(5),
        ..usual(settings)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::workload::Workload;

    #[test]
    fn every_figure_makes_sense_at_length_and_on_trial() {
        let figures = figures(Settings::USUAL);
        let names: BTreeSet<String> = figures.iter().map(Figure::name).collect();
        assert_eq!(names.len(), figures.len());
        for figure in &figures {
            let (config, trial) = (figure.load_test(), figure.trial().load_test());
            config.check().unwrap_or_else(|wrong| panic!("{}: {wrong}", figure.name()));
            trial.check().unwrap_or_else(|wrong| panic!("{}: {wrong}", figure.name()));
            let events = |config: &LoadTestConfig| config.course().expect("checked").events();
            assert!(events(&trial) <= 800 && events(&config) > events(&trial), "{}", figure.name());
        }
    }

    /// R4.1, R1.5: what is taken without being asked for fits into its part of `quick`.
    #[test]
    fn the_usual_figures_take_a_minute() {
        let usual = figures(Settings::USUAL);
        let secs = |figure: &Figure| figure.load_test().course().expect("checked").duration().as_secs();
        let of_both: u64 =
            usual.iter().filter(|figure| !figure.is_on_request()).map(|figure| 2 * secs(figure)).sum();
        assert!(of_both <= 65, "{of_both} s");
    }

    #[test]
    fn production_is_what_the_criterion_asks_for() {
        use crate::analysis::findings::ProductionLoad;
        let config = Figure::Production(Settings::USUAL).load_test();
        let load = ProductionLoad::default();
        let EventPattern::Steady { events_per_second, duration_secs } = config.pattern else {
            panic!("{:?}", config.pattern)
        };
        assert!(
            (events_per_second as f64, duration_secs as f64) >= (load.events_per_second, load.lasting_secs)
        );
        let scenario = config.scenario().expect("checked");
        let found = (scenario.services(), scenario.rules(), scenario.payload_bytes());
        assert_eq!(found, (load.services, load.rules, load.payload_bytes));
    }

    #[test]
    fn stress_is_the_scenario_of_that_name() {
        let config = Figure::Stress(Settings::USUAL).load_test();
        assert_eq!(config.course().expect("checked").events(), 100_000);
        let few = config.scenario().and_then(|scenario| Ok(scenario.with_events(300)?)).expect("some");
        let stress = Scenario::STRESS.with_events(300).expect("some");
        let [found, expected] = [few, stress].map(|scenario| Workload::generate(&scenario, 42));
        assert_eq!(
            (found.events, found.rules, found.services),
            (expected.events, expected.rules, expected.services)
        );
    }
}
