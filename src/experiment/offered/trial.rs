use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::experiment::Threads;
use crate::load::{Arrivals, LAG_P50_LIMIT, Pacing};
use crate::measure::{LatencySummary, Reading};
use crate::sut::HandlerWork;

/// What is the same for all trials of one instance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OfferedLoad {
    /// Threads for the system and its publishers; the pacer has one of its own.
    pub threads: Threads,
    /// Tasks that publish what is due, up to 64 events a call.
    pub publishers: usize,
    /// What each delivery costs its service.
    pub work: HandlerWork,
    /// Even, or by chance.
    pub arrivals: Arrivals,
}

/// One load. All is quiet before the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Rates in events/s, one after the other, each for so long.
    pub parts: Vec<(u64, Duration)>,
    /// Of arrivals by chance.
    pub seed: u64,
    /// Ended early when more waits than this load offers in so long; what waits is served all the same.
    pub hopeless: Duration,
    /// Of a trial of one rate: ended early, too, once it is certain that the P99 of the judged part will be beyond this.
    pub p99: Option<Duration>,
}

impl Trial {
    /// One rate.
    pub fn steady(rate: u64, lasting: Duration, seed: u64) -> Self {
        Self { parts: vec![(rate, lasting)], seed, hopeless: Duration::MAX, p99: None }
    }

    /// How long it is offered.
    pub fn lasting(&self) -> Duration {
        self.parts.iter().map(|&(_, lasting)| lasting).sum()
    }
}

/// Why a trial was ended before all of it was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedEarly {
    /// More waited than [`Trial::hopeless`] allows.
    Hopeless,
    /// The P99 would have been beyond [`Trial::p99`].
    Slow,
}

/// How it stood at one moment; deliveries from the beginning of the trial.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LoadSample {
    /// Since the beginning, ns.
    pub at_ns: u64,
    /// Of the events that were due.
    pub due: u64,
    /// Of the events that publishers had taken to hand them over; the rest waited outside the system.
    pub taken: u64,
    /// Acknowledged or failed.
    pub done: u64,
    /// Resident memory of the process, bytes; absent where it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident: Option<u64>,
}

impl LoadSample {
    /// Deliveries that are due and not done.
    pub fn backlog(&self) -> u64 {
        self.due.saturating_sub(self.done)
    }

    /// Those of them that the system holds.
    pub fn inside(&self) -> u64 {
        self.taken.saturating_sub(self.done)
    }
}

/// The slowest hundredth of a part of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Its end, ns since the beginning.
    pub end_ns: u64,
    /// P99 of the deliveries of the events that were due in it, from the intended moment; absent if too few were looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ns: Option<u64>,
}

/// What a trial came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialRun {
    /// Whether the load was offered. A load that was ended early, as hopeless or too slow, is `Stopped`.
    pub pacing: Pacing,
    /// Absent if all of it was offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_early: Option<EndedEarly>,
    /// How long it was offered, ns.
    pub offered_ns: u64,
    /// Events.
    pub events: u64,
    /// What they came to.
    pub deliveries: u64,
    /// From the end of the offer to quiet, ns.
    pub drained_ns: u64,
    /// A hundred of the offer; more if publishers were behind at its end.
    pub samples: Vec<LoadSample>,
    /// Per delivery, from the intended moment of its event, of events due in the judged part; of a sample of some
    /// 10,000 a second.
    pub latency: Option<LatencySummary>,
    /// Latency over time, by windows of 100 ms.
    pub windows: Vec<Window>,
    /// CPU time of the process without its pacer's thread, in per cent of one core, until all was quiet.
    pub cpu_percent: Reading<f64>,
}

/// Judged is what comes after this part of a trial: caches are warm, and the first queue has built up.
pub(super) const JUDGED_FROM: f64 = 0.3;

/// Of what was due in the judged part, as much must be done in it.
const COMPLETED: f64 = 0.98;

/// And the backlog may grow by so much of what was due.
const GROWTH: f64 = 0.02;

/// Of a trial, the P99 of the pacer's lag: half of what [`GROWTH`] notices.
const LATE: f64 = 0.01;

const HINT: &str = "offer less or make the machine quieter";

/// Whether a system keeps up with what is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keeping {
    /// It does.
    Up,
    /// It falls behind.
    Behind,
    /// The load was not offered as it should have been: nothing is known.
    NotOffered,
}

impl TrialRun {
    /// What the trial says.
    pub fn keeping(&self) -> Keeping {
        match () {
            () if self.ended_early == Some(EndedEarly::Hopeless) => Keeping::Behind,
            () if self.lateness().is_some() => Keeping::NotOffered,
            () if self.completed() >= COMPLETED && self.growth() <= GROWTH => Keeping::Up,
            () => Keeping::Behind,
        }
    }

    /// Why the load was not the one that was asked for, if it was not, and nothing can be said of the backlog. A rate over
    /// a tenth of a second cannot be held to a thousandth, as that of longer runs is.
    pub fn lateness(&self) -> Option<String> {
        let most = LATE * self.offered_ns as f64;
        self.median_lateness().or_else(|| {
            let p99 = self.pacing.lag.map(|lag| lag.p99.unwrap_or(lag.max))?;
            (p99 as f64 > most).then(|| format!("the pacer was {p99} ns late at P99; {HINT}"))
        })
    }

    /// Why latencies may not be used, if they may not. The lag is the floor under theirs, as everywhere.
    pub fn median_lateness(&self) -> Option<String> {
        let Some(lag) = self.pacing.lag else { return Some("nothing was sent".to_owned()) };
        let p50 = lag.p50.unwrap_or(lag.max);
        let late = u128::from(p50) > LAG_P50_LIMIT.as_nanos();
        late.then(|| format!("the pacer was {p50} ns late at P50; {HINT}"))
    }

    /// How long the judged part was.
    pub fn judged_for(&self) -> Duration {
        let judged = self.judged();
        let between = judged.last().zip(judged.first()).map_or(0, |(last, first)| last.at_ns - first.at_ns);
        Duration::from_nanos(between)
    }

    fn judged(&self) -> &[LoadSample] {
        let from = JUDGED_FROM * self.offered_ns as f64;
        // The pacer goes on beyond the end where publishers are behind.
        let end = self.samples.partition_point(|sample| sample.at_ns <= self.offered_ns);
        let offered = &self.samples[..end];
        &offered[offered.partition_point(|sample| (sample.at_ns as f64) < from)..]
    }

    /// Deliveries done in the judged part over those due in it.
    pub fn completed(&self) -> f64 {
        let [Some(first), Some(last)] = [self.judged().first(), self.judged().last()] else { return 0.0 };
        (last.done - first.done) as f64 / ((last.due - first.due) as f64).max(1.0)
    }

    /// By how much the backlog grows in the judged part, of what becomes due meanwhile: the slope of a straight line
    /// through it (least squares).
    pub fn growth(&self) -> f64 {
        let judged = self.judged();
        let [Some(first), Some(last)] = [judged.first(), judged.last()] else { return 1.0 };
        let count = judged.len() as f64;
        let mean = |of: fn(&LoadSample) -> f64| judged.iter().map(of).sum::<f64>() / count;
        let (at, backlog) =
            (|sample: &LoadSample| sample.at_ns as f64, |sample: &LoadSample| sample.backlog() as f64);
        let (mean_at, mean_backlog) = (mean(at), mean(backlog));
        let spread: f64 = judged.iter().map(|sample| (at(sample) - mean_at).powi(2)).sum();
        let common: f64 =
            judged.iter().map(|sample| (at(sample) - mean_at) * (backlog(sample) - mean_backlog)).sum();
        let offered = (last.due - first.due) as f64 / (at(last) - at(first));
        if spread > 0.0 && offered > 0.0 { common / spread / offered } else { 1.0 }
    }

    /// Deliveries per event.
    pub fn fan_out(&self) -> f64 {
        self.deliveries as f64 / self.events.max(1) as f64
    }

    /// Events per second, done in the judged part.
    pub fn events_per_second(&self) -> f64 {
        self.deliveries_per_second() / self.fan_out()
    }

    /// Deliveries per second, done in the judged part.
    pub fn deliveries_per_second(&self) -> f64 {
        let [Some(first), Some(last)] = [self.judged().first(), self.judged().last()] else { return 0.0 };
        (last.done - first.done) as f64 * 1e9 / ((last.at_ns - first.at_ns) as f64).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second at 1,000 deliveries/s, of which the system does so many by each moment.
    fn run(done: impl Fn(u64) -> u64) -> TrialRun {
        let sample = |ms: u64| LoadSample {
            at_ns: ms * 1_000_000,
            due: ms,
            taken: ms,
            done: done(ms),
            resident: None,
        };
        let lag = LatencySummary {
            count: 1_000,
            mean: 2e4,
            p50: Some(20_000),
            p95: None,
            p99: Some(90_000),
            p999: None,
            max: 100_000,
        };
        TrialRun {
            pacing: Pacing {
                offered: 1_000,
                intended_rate: None,
                achieved_rate: None,
                lag: Some(lag),
                invalid: None,
            },
            ended_early: None,
            offered_ns: 1_000_000_000,
            events: 1_000,
            deliveries: 1_000,
            drained_ns: 0,
            samples: (0..=100).map(|step| sample(10 * step)).collect(),
            latency: None,
            windows: Vec::new(),
            cpu_percent: Reading::absent("a test"),
        }
    }

    fn close(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 1e-9
    }

    #[test]
    fn a_constant_backlog_is_kept_up_with_and_a_growing_one_is_not() {
        let constant = run(|ms| ms.saturating_sub(50));
        assert!(close(constant.completed(), 1.0) && close(constant.growth(), 0.0), "{constant:?}");
        assert_eq!(constant.keeping(), Keeping::Up);
        assert!(close(constant.deliveries_per_second(), 1_000.0));
        for (percent, keeping) in [(99, Keeping::Up), (97, Keeping::Behind), (50, Keeping::Behind)] {
            let slow = run(|ms| ms * percent / 100);
            assert!((slow.growth() - (100 - percent) as f64 / 100.0).abs() < 1e-3, "{}", slow.growth());
            assert_eq!(slow.keeping(), keeping, "{percent} %");
        }
    }

    #[test]
    fn what_happens_at_the_beginning_is_not_judged() {
        // Nothing is done for 300 ms, then as much as becomes due.
        assert_eq!(run(|ms| ms.saturating_sub(300)).keeping(), Keeping::Up);
        assert_eq!(run(|ms| ms.saturating_sub(400)).keeping(), Keeping::Behind);
    }

    #[test]
    fn a_stall_at_the_end_is_falling_behind() {
        let stalled = run(|ms| ms.min(960));
        assert!(stalled.growth() < GROWTH, "the line does not show it: {}", stalled.growth());
        assert_eq!(stalled.keeping(), Keeping::Behind);
    }

    #[test]
    fn a_late_pacer_says_nothing_about_the_system() {
        let mut late = run(|ms| ms);
        let lag = late.pacing.lag.as_mut().expect("there is one");
        lag.p50 = Some(100_001);
        assert_eq!(late.keeping(), Keeping::NotOffered);
        let lag = late.pacing.lag.as_mut().expect("there is one");
        (lag.p50, lag.p99) = (Some(10), Some(10_000_001));
        assert_eq!(late.keeping(), Keeping::NotOffered);
        late.pacing.lag = None;
        assert_eq!(late.keeping(), Keeping::NotOffered);
    }

    #[test]
    fn a_hopeless_load_was_not_kept_up_with() {
        let mut stopped = run(|ms| ms);
        stopped.ended_early = Some(EndedEarly::Hopeless);
        assert_eq!(stopped.keeping(), Keeping::Behind);
    }
}
