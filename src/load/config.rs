use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::faults::{Fault, FaultKind, FaultPlan, InvalidPlan};
use super::{Arrivals, Course, EventPattern, InvalidPattern, Threshold};
use crate::sut::HandlerWork;
use crate::workload::trace::Speed;
use crate::workload::{InvalidScenario, Recipe, Scenario, Workload};

/// A load test: what arrives when, who takes it, what goes wrong meanwhile, and what has to hold.
///
/// In TOML every setting may be left out; an unknown one is refused with its line.
///
/// ```
/// use crucible_perf::load::{EventPattern, LoadTestConfig};
///
/// let in_code = LoadTestConfig {
///     pattern: EventPattern::Steady { events_per_second: 2000, duration_secs: 60 },
///     payload_size_range: 2_048..=8_192,
///     concurrent_services: 20,
///     enable_failures: true,
///     failure_rate: 0.05,
///     ..LoadTestConfig::default()
/// };
/// let in_toml = LoadTestConfig::from_toml(r#"
///     pattern.steady = { events_per_second = 2000, duration_secs = 60 }
///     payload_size_range = "2KiB..8KiB"
///     concurrent_services = 20
///     enable_failures = true
///     failure_rate = 0.05
/// "#)?;
/// assert_eq!(in_toml, in_code);
/// # Ok::<(), crucible_perf::load::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoadTestConfig {
    /// When events are due.
    pub pattern: EventPattern,
    /// Whether they keep to the pattern at even distances or by chance.
    pub arrivals: Arrivals,
    /// Recorded events, sent at their own moments, instead of generated ones by a pattern.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<PathBuf>,
    /// How fast they are replayed. In TOML `"10x"`.
    pub speed: Speed,
    /// A trace that is shorter comes again, as a whole, until so many seconds have gone by: of a short run nobody can say
    /// whether it kept its rate.
    pub trace_secs: u64,
    /// Of events, arrivals and failures.
    pub seed: u64,
    /// Sizes of payloads in bytes, each as likely. In TOML `"1KiB"` or `"2KiB..8KiB"`, both ends included.
    #[serde(with = "super::sizes")]
    pub payload_size_range: RangeInclusive<usize>,
    /// Services that take events.
    pub concurrent_services: usize,
    /// Rules, with different filters; left out: one for two services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<usize>,
    /// Services that each rule names; left out: two, if there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets_per_rule: Option<usize>,
    /// One rule, by which every event goes to every service, instead of those.
    pub broadcast: bool,
    /// Different events; after the last one they come again, under other ids.
    pub events: usize,
    /// What each delivery costs its service. In TOML `"none"`, `"100us"` of CPU or `"await 1ms"`.
    #[serde(with = "super::text")]
    pub handler: HandlerWork,
    /// Threads for system and publisher; the pacer has one of its own.
    pub threads: usize,
    /// Nobody sleeps: the pacer spins and publishes itself, and a task keeps the system's thread awake. It takes two cores,
    /// and leaves out the time that it takes to wake a thread: theory knows none.
    pub awake: bool,
    /// Whether deliveries fail in the middle third of the test, so that before, during and after can be compared.
    pub enable_failures: bool,
    /// The part of deliveries that does, from 0 to 1; each try is drawn for anew.
    pub failure_rate: f64,
    /// Other faults, with times of their own: `kind`, `rate`, `services`, `from`, `until`.
    pub faults: Vec<Fault>,
    /// What has to hold, such as `"p99<5ms"`.
    pub thresholds: Vec<Threshold>,
    /// Systems that are tested, by name; none: all but the references.
    pub systems: Vec<String>,
}

impl Default for LoadTestConfig {
    /// The medium scenario at 1,000 events/s for 10 s, on one thread.
    fn default() -> Self {
        Self {
            pattern: EventPattern::Steady { events_per_second: 1_000, duration_secs: 10 },
            arrivals: Arrivals::Even,
            trace: None,
            speed: Speed::RECORDED,
            trace_secs: 10,
            seed: 42,
            payload_size_range: Scenario::MEDIUM.payload_sizes(),
            concurrent_services: Scenario::MEDIUM.services(),
            rules: None,
            targets_per_rule: None,
            broadcast: false,
            events: Scenario::MEDIUM.events(),
            handler: HandlerWork::None,
            threads: 1,
            awake: false,
            enable_failures: false,
            failure_rate: 0.05,
            faults: Vec::new(),
            thresholds: Vec::new(),
            systems: Vec::new(),
        }
    }
}

/// Settings that make no load test.
#[derive(Debug, Error)]
#[allow(missing_docs)] // the messages say it
pub enum ConfigError {
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    #[error("pattern: {0}")]
    Pattern(#[from] InvalidPattern),
    #[error(transparent)]
    Scenario(#[from] InvalidScenario),
    #[error(transparent)]
    Faults(#[from] InvalidPlan),
    #[error("failure_rate: {0} is not a part of deliveries; from 0 to 1 are possible")]
    FailureRate(f64),
    #[error("threads: 0; at least one is needed")]
    NoThreads,
}

impl LoadTestConfig {
    /// Settings from TOML text; what is left out is as by default.
    ///
    /// # Errors
    /// Malformed text or an unknown setting, with its line, or the first setting that makes no sense.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    /// Whether it can be run.
    ///
    /// # Errors
    /// The first setting that makes no sense.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.course()?;
        self.scenario()?;
        if !(0.0..=1.0).contains(&self.failure_rate) {
            return Err(ConfigError::FailureRate(self.failure_rate));
        }
        self.fault_plan(self.course()?.duration()).check()?;
        if self.threads == 0 { Err(ConfigError::NoThreads) } else { Ok(()) }
    }

    /// The rate over time.
    ///
    /// # Errors
    /// [`ConfigError::Pattern`].
    pub fn course(&self) -> Result<Course, ConfigError> {
        Ok(self.pattern.course()?)
    }

    /// What arrives, and whom it concerns.
    ///
    /// # Errors
    /// [`ConfigError::Scenario`].
    pub fn scenario(&self) -> Result<Scenario, ConfigError> {
        let services = self.concurrent_services;
        let rules = self.rules.unwrap_or(services.div_ceil(2));
        let targets = self.targets_per_rule.unwrap_or(services.min(2));
        let scenario = Scenario::MEDIUM.renamed("load").with_events(self.events)?;
        let scenario = scenario.with_payload_sizes(self.payload_size_range.clone())?;
        let scenario = scenario.with_routing(services, rules, targets)?;
        Ok(if self.broadcast { scenario.broadcast() } else { scenario })
    }

    /// How the workload is made: generated, or read from the trace.
    ///
    /// # Errors
    /// [`ConfigError::Scenario`].
    pub fn recipe(&self) -> Result<Recipe, ConfigError> {
        let scenario = self.scenario()?;
        Ok(match &self.trace {
            Some(trace) => Recipe::recorded(trace, scenario),
            None => scenario.into(),
        })
    }

    /// When the events of its workload are due, in nanoseconds from the beginning: as recorded, or else as the pattern
    /// has it.
    ///
    /// # Errors
    /// [`ConfigError::Pattern`].
    pub fn schedule(&self, workload: &Workload) -> Result<Box<dyn Iterator<Item = u64> + Send>, ConfigError> {
        Ok(match self.replays_ns(workload) {
            Some(recorded) => Box::new(recorded),
            None => Box::new(self.course()?.schedule(self.arrivals, self.seed)),
        })
    }

    /// How long the load lasts.
    ///
    /// # Errors
    /// [`ConfigError::Pattern`].
    pub fn lasting(&self, workload: &Workload) -> Result<Duration, ConfigError> {
        match self.replays_ns(workload) {
            Some(recorded) => Ok(Duration::from_nanos(recorded.last().unwrap_or(0))),
            None => Ok(self.course()?.duration()),
        }
    }

    fn replays_ns(&self, workload: &Workload) -> Option<impl Iterator<Item = u64> + Send + use<>> {
        workload.replays_ns(self.speed, Duration::from_secs(self.trace_secs))
    }

    /// What goes wrong in a load that lasts so long: the faults, then errors in the middle third.
    pub fn fault_plan(&self, lasting: Duration) -> FaultPlan {
        let mut faults = self.faults.clone();
        let third = lasting / 3;
        if self.enable_failures && !third.is_zero() {
            faults.push(Fault::new(FaultKind::Error, self.failure_rate).between(third, 2 * third));
        }
        FaultPlan { seed: self.seed, faults }
    }

    /// From the first moment at which anything may go wrong until the last, after the beginning; the last is absent if
    /// that goes on to the end. `None` if nothing goes wrong.
    pub fn failing(&self, lasting: Duration) -> Option<(Duration, Option<Duration>)> {
        let plan = self.fault_plan(lasting);
        let striking = || plan.faults.iter().filter(|fault| fault.rate > 0.0);
        let from = striking().map(|fault| fault.from).min()?;
        let until = striking().map(|fault| fault.until.unwrap_or(Duration::MAX)).max()?;
        Some((from, (until < Duration::MAX).then_some(until)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        LoadTestConfig::from_toml(text).expect_err(text).to_string()
    }

    #[test]
    fn what_was_written_is_read_again_and_what_is_left_out_is_as_by_default() {
        assert_eq!(LoadTestConfig::from_toml("").expect("nothing"), LoadTestConfig::default());
        let text = r#"
            pattern.mixed.parts = [
                { steady = { events_per_second = 100, duration_secs = 1 } },
                { ramp_up = { from_events_per_second = 100, to_events_per_second = 900, duration_secs = 2 } },
            ]
            arrivals = "poisson"
            seed = 7
            payload_size_range = "64..1KiB"
            concurrent_services = 5
            rules = 4
            targets_per_rule = 3
            handler = "await 2ms"
            threads = 2
            thresholds = ["p99<5ms", "error_rate<0.1%"]
            systems = ["CrucibleCore"]
            [[faults]]
            kind.stall.lasting = "500ms"
            rate = 1.0
            from = "1s"
            until = "1s 1ms"
        "#;
        let config = LoadTestConfig::from_toml(text).expect(text);
        assert_eq!(config.payload_size_range, 64..=1_024);
        assert_eq!(config.handler, HandlerWork::Await(Duration::from_millis(2)));
        assert_eq!(config.course().expect("a mixture").events(), 1_100);
        let scenario = config.scenario().expect("a scenario");
        assert_eq!((scenario.services(), scenario.rules(), scenario.targets_per_rule()), (5, 4, 3));
        assert_eq!(
            config.failing(Duration::MAX),
            Some((Duration::from_secs(1), Some(Duration::from_millis(1_001))))
        );
        let again = toml::to_string(&config).expect("every setting has a text");
        assert_eq!(LoadTestConfig::from_toml(&again).expect(&again), config);
        let json = serde_json::to_string(&config).expect("plain data");
        assert_eq!(serde_json::from_str::<LoadTestConfig>(&json).expect("own JSON"), config);
    }

    #[test]
    fn wrong_text_is_refused_with_its_line() {
        let unknown = refusal("seed = 1\nthreds = 2\n");
        assert!(
            unknown.contains("line 2, column 1") && unknown.contains("unknown field `threds`"),
            "{unknown}"
        );
        for (text, line, what) in [
            (
                "seed = 1\n[pattern.steady]\nevents_per_second = 5\nduration_mins = 1",
                "line 4",
                "duration_mins",
            ),
            ("seed = 1\n[pattern.stedy]\nduration_secs = 1", "line 2", "stedy"),
            ("\nhandler = \"soon\"", "line 2", "soon"),
            ("\n\nthresholds = [\"p99<5ms\", \"p98<5ms\"]", "line 3", "p98"),
            ("payload_size_range = \"8KiB..2KiB\"", "line 1", "smaller size first"),
            ("seed = 1\n[[faults]]\nkind = \"eror\"\nrate = 0.1", "line 3", "eror"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.contains(line) && refusal.contains(what), "{text}: {refusal}");
        }
    }

    #[test]
    fn settings_that_make_no_sense_are_refused_with_what_is_possible() {
        let refused = |change: fn(&mut LoadTestConfig)| {
            let mut config = LoadTestConfig::default();
            change(&mut config);
            config.check().expect_err("refused").to_string()
        };
        let steady = EventPattern::Steady { events_per_second: 0, duration_secs: 1 };
        assert_eq!(refused(|c| c.threads = 0), "threads: 0; at least one is needed");
        assert!(refused(|c| c.failure_rate = 1.5).starts_with("failure_rate: 1.5 is not"));
        assert!(refused(|c| c.failure_rate = f64::NAN).starts_with("failure_rate: NaN"));
        assert!(refused(|c| c.concurrent_services = 0).contains("targets per rule"));
        assert!(
            refused(|c| c.faults = vec![Fault::new(FaultKind::Error, 2.0)]).starts_with("faults[0].rate")
        );
        let config = LoadTestConfig { pattern: steady, ..LoadTestConfig::default() };
        assert_eq!(
            config.check().expect_err("nothing").to_string(),
            "pattern: no rate is above 0, so no event would be sent"
        );
    }

    #[test]
    fn failures_take_the_middle_third_unless_they_have_times_of_their_own() {
        let secs = Duration::from_secs;
        let mut config = LoadTestConfig { enable_failures: true, ..LoadTestConfig::default() };
        assert_eq!(config.failing(secs(9)), Some((secs(3), Some(secs(6)))));
        config.faults = vec![
            Fault::new(FaultKind::Hang, 0.1).between(secs(1), secs(2)),
            Fault::new(FaultKind::Panic, 0.0),
        ];
        assert_eq!(config.failing(secs(9)), Some((secs(1), Some(secs(6)))));
        config.faults[1].rate = 0.5;
        assert_eq!(config.failing(secs(9)), Some((secs(0), None)));
        config = LoadTestConfig { failure_rate: 0.0, enable_failures: true, ..LoadTestConfig::default() };
        assert_eq!(config.failing(secs(9)), None);
        config.enable_failures = false;
        assert_eq!(config.fault_plan(secs(9)), FaultPlan { seed: 42, faults: vec![] });
    }
}
