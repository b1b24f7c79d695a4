use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Figure, Settings};
use crate::experiment::{Lineup, Role};
use crate::load::{
    Arrivals, ConfigError, EventPattern, InvalidShape, LoadTestConfig, Shape, Threshold, parse_sizes,
};
use crate::sut::HandlerWork;
use crate::workload::NoWorkload;
use crate::workload::trace::{Speed, Trace};

/// What a load test is made of, on the command line. Flags override the file.
#[derive(Debug, Clone, Default, Args)]
pub struct LoadArgs {
    /// Load test from a TOML file; examples are in benches/load/
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How events are spread: steady, burst, ramp-up, spike or mixed, all with the same mean rate
    #[arg(long, value_name = "NAME")]
    pub pattern: Option<Shape>,
    /// Mean rate, events/s [default: 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub rate: Option<u64>,
    /// How long, in whole seconds: 20s, 2m; a shorter trace comes again as a whole [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = whole_seconds)]
    pub duration: Option<u64>,
    /// even: at equal distances; poisson: each by chance
    #[arg(long, value_name = "NAME", value_parser = arrivals)]
    pub arrivals: Option<Arrivals>,
    /// Recorded events, at their own moments, instead of a pattern (`cargo record` makes traces)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pattern", "rate", "arrivals", "payload"])]
    pub trace: Option<PathBuf>,
    /// How many times as fast they are replayed, such as 10x or 0.5x
    #[arg(long, value_name = "TIMES")]
    pub speed: Option<Speed>,
    /// Services that take events [default: 10]
    #[arg(long, value_name = "N")]
    pub services: Option<usize>,
    /// Size of payloads, or a range: 1KiB, 2KiB..8KiB [default: 1KiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_sizes)]
    pub payload: Option<RangeInclusive<usize>>,
    /// What each delivery takes its service: none, 100us (of CPU) or "await 1ms" [default: none]
    #[arg(long, value_name = "WORK")]
    pub handler: Option<HandlerWork>,
    /// Part of deliveries that fails in the middle third of the test, from 0 to 1
    #[arg(long, value_name = "PART")]
    pub failure_rate: Option<f64>,
    /// Threads for system and publisher, beside the pacer's [default: 1]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Of events, arrivals and failures [default: 42]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Only this system; `both` for the two without references (may be given more than once) [default: both]
    #[arg(long, value_name = "NAME")]
    pub system: Vec<String>,
    /// What has to hold, such as 'p99<5ms' or 'error_rate<0.1%', or the exit status is 3 (may be given more than once)
    #[arg(long, value_name = "WHAT")]
    pub threshold: Vec<Threshold>,
}

fn whole_seconds(text: &str) -> Result<u64, String> {
    let seconds = humantime::parse_duration(text).ok().filter(|time| time.subsec_nanos() == 0);
    seconds
        .map(|time| time.as_secs())
        .filter(|&secs| secs > 0)
        .ok_or_else(|| "wants whole seconds, such as 20s or 2m".to_owned())
}

fn arrivals(name: &str) -> Result<Arrivals, String> {
    match name {
        "even" => Ok(Arrivals::Even),
        "poisson" => Ok(Arrivals::Poisson),
        _ => Err("try even or poisson".to_owned()),
    }
}

/// Why arguments are no load test.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum WrongArguments {
    #[error("{}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}: {}", path.display(), one_line(source))]
    Config { path: PathBuf, source: ConfigError },
    #[error("{0}")]
    Flags(ConfigError),
    #[error("--pattern: {0}")]
    Shape(#[from] InvalidShape),
    #[error("--rate and --duration change a steady pattern; say --pattern too, since {} has another", path.display())]
    OtherPattern { path: PathBuf },
    #[error(transparent)]
    Trace(#[from] NoWorkload),
    #[error("--speed: there is no trace; say --trace FILE too")]
    SpeedOfWhat,
    #[error("--system: {0}")]
    System(#[from] crate::experiment::UnknownSystem),
}

/// TOML's errors draw the line below the message.
fn one_line(error: &ConfigError) -> String {
    let ConfigError::Toml(toml) = error else { return error.to_string() };
    let (text, what) = (toml.to_string(), toml.message().replace('\n', " "));
    let place = text.lines().next().unwrap_or_default().trim_start_matches("TOML parse error ");
    format!("{place}: {what}")
}

impl LoadArgs {
    /// The figures: the one that is described by flags or a file, or all that are built in.
    ///
    /// # Errors
    /// The first argument that makes no sense.
    pub fn figures(&self, settings: Settings) -> Result<Vec<Figure>, WrongArguments> {
        let settings = Settings {
            threads: self.threads.unwrap_or(settings.threads),
            seed: self.seed.unwrap_or(settings.seed),
            ..settings
        };
        let (name, config) = match self.describes_one() {
            true => (self.name(), self.load_test()?),
            false => return Ok(super::figures(settings)),
        };
        Ok(vec![Figure::Described { name, config: Box::new(config) }])
    }

    /// Whether any flag says what the load is like, and not only who takes it or what has to hold.
    fn describes_one(&self) -> bool {
        [
            self.config.is_some(),
            self.pattern.is_some(),
            self.rate.is_some(),
            self.duration.is_some(),
            self.arrivals.is_some(),
            self.trace.is_some(),
            self.speed.is_some(),
            self.services.is_some(),
            self.payload.is_some(),
            self.handler.is_some(),
            self.failure_rate.is_some(),
        ]
        .contains(&true)
    }

    /// By the trace, by the file, or `custom`.
    fn name(&self) -> String {
        if let Some(trace) = &self.trace {
            return format!("trace/{}", Trace::name_of(trace));
        }
        let stem =
            self.config.as_deref().and_then(Path::file_stem).map(|stem| stem.to_string_lossy().into_owned());
        stem.unwrap_or_else(|| "custom".to_owned())
    }

    /// What is described.
    ///
    /// # Errors
    /// The first argument that makes no sense.
    pub fn load_test(&self) -> Result<LoadTestConfig, WrongArguments> {
        let mut config = match &self.config {
            Some(path) => read(path)?,
            None => LoadTestConfig::default(),
        };
        config.trace = self.trace.clone().or(config.trace);
        if config.trace.is_some() {
            set(&mut config.trace_secs, self.duration);
        } else if let Some(pattern) = self.pattern_over(&config.pattern)? {
            config.pattern = pattern;
        }
        set(&mut config.arrivals, self.arrivals);
        set(&mut config.speed, self.speed);
        set(&mut config.concurrent_services, self.services);
        set(&mut config.payload_size_range, self.payload.clone());
        set(&mut config.handler, self.handler);
        set(&mut config.threads, self.threads);
        set(&mut config.seed, self.seed);
        set(&mut config.failure_rate, self.failure_rate);
        config.enable_failures |= self.failure_rate.is_some();
        config.check().map_err(WrongArguments::Flags)?;
        match (&config.trace, self.speed) {
            // Read to its end before anything is measured.
            (Some(_), _) => drop(config.recipe().map_err(WrongArguments::Flags)?.make(config.seed)?),
            (None, Some(_)) => return Err(WrongArguments::SpeedOfWhat),
            (None, None) => {}
        }
        Ok(config)
    }

    fn pattern_over(&self, in_file: &EventPattern) -> Result<Option<EventPattern>, WrongArguments> {
        if self.pattern.is_none() && self.rate.is_none() && self.duration.is_none() {
            return Ok(None);
        }
        let (rate, duration) = match (in_file, self.pattern, &self.config) {
            (EventPattern::Steady { events_per_second, duration_secs }, _, _) => {
                (*events_per_second, *duration_secs)
            }
            (_, None, Some(path)) => return Err(WrongArguments::OtherPattern { path: path.clone() }),
            _ => (1_000, 10),
        };
        let shape = self.pattern.unwrap_or(Shape::Steady);
        Ok(Some(shape.pattern(self.rate.unwrap_or(rate), self.duration.unwrap_or(duration))?))
    }

    /// Systems by their names, from the command line or else from the file; without any all but the references.
    ///
    /// # Errors
    /// [`WrongArguments::System`].
    pub fn lineup(&self, lineup: Lineup, in_file: &[String]) -> Result<Lineup, WrongArguments> {
        let named: &[String] = if self.system.is_empty() { in_file } else { &self.system };
        let is_both = |name: &String| name.eq_ignore_ascii_case("both");
        for name in named.iter().filter(|name| !is_both(name)) {
            lineup.find(name)?;
        }
        let both = named.is_empty() || named.iter().any(is_both);
        let references = |entry: &&crate::experiment::Entry| matches!(entry.role, Role::Reference(_));
        let references: Vec<String> =
            lineup.entries().iter().filter(references).map(|entry| entry.name.clone()).collect();
        let is_named = |name: &str| named.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
        Ok(lineup
            .only(|name| is_named(name) || (both && !references.iter().any(|reference| reference == name))))
    }
}

fn set<T>(setting: &mut T, flag: Option<T>) {
    if let Some(value) = flag {
        *setting = value;
    }
}

fn read(path: &Path) -> Result<LoadTestConfig, WrongArguments> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|source| WrongArguments::Read { path: path.to_owned(), source })?;
    LoadTestConfig::from_toml(&text)
        .map_err(|source| WrongArguments::Config { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        load: LoadArgs,
    }

    fn args(line: &str) -> LoadArgs {
        Line::try_parse_from(std::iter::once("t").chain(line.split_whitespace())).expect(line).load
    }

    fn examples() -> Vec<PathBuf> {
        let folder =
            std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/load")).expect("examples");
        let paths = folder.map(|entry| entry.expect("an entry").path());
        let mut paths: Vec<PathBuf> =
            paths.filter(|path| path.extension().is_some_and(|ext| ext == "toml")).collect();
        paths.sort();
        paths
    }

    #[test]
    fn every_example_makes_sense_and_runs_what_its_name_says() {
        let paths = examples();
        assert!(paths.len() >= 6, "{paths:?}");
        for path in paths {
            let args = LoadArgs { config: Some(path.clone()), ..LoadArgs::default() };
            let config = args.load_test().unwrap_or_else(|wrong| panic!("{wrong}"));
            assert!(args.lineup(Lineup::standard(), &config.systems).is_ok(), "{}", path.display());
            let figures = args.figures(Settings::USUAL).expect("one");
            let stem = path.file_stem().expect("a name").to_string_lossy();
            assert_eq!(figures.iter().map(Figure::name).collect::<Vec<_>>(), [stem]);
        }
    }

    #[test]
    fn flags_describe_a_test_as_the_file_does() {
        let line = "--pattern burst --rate 5000 --duration 20s --services 20 --payload 2KiB..8KiB --failure-rate 0.05 \
                    --handler 100us --arrivals poisson --seed 7 --threads 2";
        let expected = LoadTestConfig {
            pattern: Shape::Burst.pattern(5_000, 20).expect("long enough"),
            arrivals: Arrivals::Poisson,
            seed: 7,
            payload_size_range: 2_048..=8_192,
            concurrent_services: 20,
            handler: HandlerWork::Spin(Duration::from_micros(100)),
            threads: 2,
            enable_failures: true,
            failure_rate: 0.05,
            ..LoadTestConfig::default()
        };
        assert_eq!(args(line).load_test().expect("flags"), expected);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("burst.toml");
        std::fs::write(&file, toml::to_string(&expected).expect("settings have a text")).expect("writable");
        let from_file = args(&format!("--config {}", file.display())).load_test().expect("a file");
        assert_eq!(from_file, expected);
        let over =
            args(&format!("--config {} --services 5 --seed 8", file.display())).load_test().expect("both");
        assert_eq!(over, LoadTestConfig { concurrent_services: 5, seed: 8, ..expected });
        let refused =
            args(&format!("--config {} --rate 10", file.display())).load_test().expect_err("a burst");
        assert!(refused.to_string().contains("say --pattern too"), "{refused}");
    }

    #[test]
    fn only_what_describes_a_load_makes_a_test_of_its_own() {
        for line in ["", "--threads 2", "--seed 1", "--system both", "--threshold p99<5ms"] {
            assert!(args(line).figures(Settings::USUAL).expect(line).len() > 5, "{line}");
        }
        for line in ["--rate 5", "--duration 5s", "--handler none", "--arrivals even", "--failure-rate 0.1"] {
            assert_eq!(args(line).figures(Settings::USUAL).expect(line).len(), 1, "{line}");
        }
    }

    #[test]
    fn a_trace_takes_the_place_of_a_pattern() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("made.jsonl");
        let header = r#"{"format":"crucible-trace","version":1,"recorded_at":"2026-01-01T00:00:00Z","how":"by a test"}"#;
        let event = r#"{"at_ns":7,"event":{"id":"00000000000000000000000000000001","kind":"system.metrics","source":"s","created_at":"2026-01-01T00:00:00Z","payload":{"text":""}}}"#;
        std::fs::write(&file, format!("{header}\n{event}\n")).expect("writable");
        let args = args(&format!("--trace {} --speed 10x --services 5 --duration 3s", file.display()));
        let figures = args.figures(Settings::USUAL).expect("a trace");
        assert_eq!(figures.iter().map(Figure::name).collect::<Vec<_>>(), ["trace/made"]);
        let config = figures[0].load_test();
        assert_eq!((&config.trace, config.speed.to_string()), (&Some(file.clone()), "10x".to_owned()));
        assert_eq!((config.trace_secs, &config.pattern), (3, &LoadTestConfig::default().pattern));
        let workload = config.recipe().expect("valid").make(config.seed).expect("readable");
        assert_eq!((workload.events.len(), workload.services.len()), (1, 5));
        std::fs::write(&file, header).expect("writable");
        let refused = args.figures(Settings::USUAL).expect_err("nothing to replay").to_string();
        assert!(refused.contains("made.jsonl"), "{refused}");
        let together = ["t", "--trace", "x.jsonl", "--rate", "5"];
        assert!(Line::try_parse_from(together).is_err());
    }

    #[test]
    fn what_makes_no_sense_is_said_in_one_line() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("load.toml");
        std::fs::write(&file, "seed = 1\nthreds = 2\n").expect("writable");
        let refused = |line: &str| args(line).load_test().expect_err(line).to_string();
        let unknown = refused(&format!("--config {}", file.display()));
        assert!(unknown.contains("load.toml: at line 2, column 1: unknown field `threds`"), "{unknown}");
        assert!(!unknown.contains('\n'), "{unknown}");
        assert!(refused("--config /nowhere/load.toml").starts_with("/nowhere/load.toml: "));
        assert!(refused("--trace /nowhere.jsonl").starts_with("/nowhere.jsonl: "));
        assert_eq!(refused("--speed 10x"), "--speed: there is no trace; say --trace FILE too");
        assert!(refused("--failure-rate 2").starts_with("failure_rate: 2 is not"));
        assert!(refused("--pattern mixed --duration 3s").starts_with("--pattern: a mixed pattern"));
        for line in [
            "--pattern brust",
            "--duration 1500ms",
            "--duration 0s",
            "--payload 8KiB..2KiB",
            "--threshold p98<1ms",
        ] {
            assert!(Line::try_parse_from(std::iter::once("t").chain(line.split(' '))).is_err(), "{line}");
        }
    }

    #[test]
    fn both_are_those_to_choose_from() {
        let names = |line: &str, in_file: &[&str]| -> Vec<String> {
            let in_file: Vec<String> = in_file.iter().map(|&name| name.to_owned()).collect();
            let lineup = args(line).lineup(Lineup::standard(), &in_file).expect(line);
            lineup.entries().iter().map(|entry| entry.name.clone()).collect()
        };
        assert_eq!(names("", &[]), ["DataCoordinator", "CrucibleCore"]);
        assert_eq!(names("--system both", &["reference-single"]), ["DataCoordinator", "CrucibleCore"]);
        assert_eq!(names("", &["cruciblecore"]), ["CrucibleCore"]);
        assert_eq!(names("--system both --system reference-single", &[]).len(), 3);
        let unknown = args("--system Crucible").lineup(Lineup::standard(), &[]);
        assert!(unknown.is_err());
    }
}
