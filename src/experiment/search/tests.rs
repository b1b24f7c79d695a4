//! One server with a fixed service time D, first come first served, under Poisson arrivals, on paper and to the
//! nanosecond: it sustains 1/D, and at a part ρ of that the mean wait is ρD / 2(1−ρ) (Pollaczek and Khinchine).

use std::time::Duration;

use super::{LongRun, Offer, Overload, Steps, Stood, Walk, confirm, overload, saturated, walk};
use crate::experiment::offered::nanoseconds;
use crate::experiment::{EndedEarly, LoadSample, ProcessError, Trial, TrialRun, Window};
use crate::load::{Arrivals, Course, InvalidLoad, Pacing};
use crate::measure::{Latency, LatencySummary, Reading};

/// A server for which nothing is done but arithmetic.
struct Paper {
    service: Duration,
    arrivals: Arrivals,
    /// Beyond this rate its pacer is late, events/s.
    pacer_limit: u64,
    trials: usize,
}

const D: Duration = Duration::from_micros(100);

impl Paper {
    fn new(service: Duration) -> Self {
        Self { service, arrivals: Arrivals::Poisson, pacer_limit: u64::MAX, trials: 0 }
    }
}

/// When events are due and when they are done, in nanoseconds from the beginning.
fn served(trial: &Trial, arrivals: Arrivals, service: Duration) -> Vec<(u64, u64)> {
    let course = trial
        .parts
        .iter()
        .try_fold(Course::default(), |course, &(rate, lasting)| course.then(rate, rate, lasting));
    let mut free_ns = 0;
    let due = course.expect("a course").schedule(arrivals, trial.seed);
    due.map(|due_ns| {
        free_ns = free_ns.max(due_ns) + nanoseconds(service);
        (due_ns, free_ns)
    })
    .collect()
}

impl Offer for Paper {
    fn offer(&mut self, trial: &Trial) -> Result<TrialRun, ProcessError> {
        self.trials += 1;
        let served = served(trial, self.arrivals, self.service);
        let offered_ns = nanoseconds(trial.lasting());
        let every_ns = (offered_ns / 100).max(1_000_000);
        let sample = |at_ns: u64| {
            let due = served.partition_point(|&(due_ns, _)| due_ns <= at_ns) as u64;
            let done = served.partition_point(|&(_, done_ns)| done_ns <= at_ns) as u64;
            LoadSample { at_ns, due, taken: due, done, resident: Some(1_000 * (due - done)) }
        };
        let fastest = trial.parts.iter().map(|part| part.0).max().unwrap_or_default();
        let lag_ns = if fastest > self.pacer_limit { 200_000 } else { 10_000 };
        let lag = LatencySummary {
            count: 1_000,
            mean: 0.0,
            p50: Some(lag_ns),
            p95: None,
            p99: Some(lag_ns),
            p999: None,
            max: lag_ns,
        };
        let mut latency = Latency::new();
        let judged = served.iter().filter(|&&(due_ns, _)| due_ns as f64 >= 0.3 * offered_ns as f64);
        judged.for_each(|&(due_ns, done_ns)| latency.record_ns(done_ns - due_ns));
        let slow = latency.summary().and_then(|all| all.p99).zip(trial.p99);
        let slow = slow.is_some_and(|(p99, bound)| p99 > nanoseconds(bound));
        let offered = served.len() as u64;
        let invalid = match () {
            () if slow => Some(InvalidLoad::Stopped { offered }),
            () if fastest > self.pacer_limit => Some(InvalidLoad::Lag { p50_ns: lag_ns }),
            () => None,
        };
        let windows = (1..=offered_ns / 100_000_000).map(|number| {
            let end_ns = number * 100_000_000;
            let within =
                served.iter().filter(|&&(due_ns, _)| (end_ns - 100_000_000..end_ns).contains(&due_ns));
            Window { end_ns, p99_ns: within.map(|&(due_ns, done_ns)| done_ns - due_ns).max() }
        });
        Ok(TrialRun {
            pacing: Pacing { offered, intended_rate: None, achieved_rate: None, lag: Some(lag), invalid },
            ended_early: slow.then_some(EndedEarly::Slow),
            offered_ns,
            events: offered,
            deliveries: offered,
            drained_ns: served.last().map_or(0, |&(_, done_ns)| done_ns.saturating_sub(offered_ns)),
            samples: (0..=offered_ns / every_ns).map(|number| sample(number * every_ns)).collect(),
            latency: latency.summary(),
            windows: windows.collect(),
            cpu_percent: Reading::absent("on paper"),
        })
    }
}

const WALK: Walk =
    Walk { lasting: Duration::from_millis(100), steps: Steps { coarse: 0.08, fine: 0.03, trials: 30 } };

fn long(lasting: Duration) -> LongRun {
    LongRun { lasting, p99: Duration::from_millis(10), attempts: 8, next: 0.95 }
}

#[test]
fn the_mean_wait_is_that_of_the_theory() {
    let trial = Trial::steady(8_000, Duration::from_secs(400), 7);
    let served = served(&trial, Arrivals::Poisson, D);
    let waits = served.iter().map(|&(due_ns, done_ns)| (done_ns - due_ns - nanoseconds(D)) as f64);
    let mean = waits.sum::<f64>() / served.len() as f64;
    assert!((mean / 200_000.0 - 1.0).abs() < 0.02, "{mean} ns instead of 200 µs");
}

#[test]
fn a_server_sustains_one_over_its_service_time() {
    for (service, seed) in [(D, 1), (D, 2), (D, 3), (D / 10, 4), (D * 3, 5)] {
        let truth = 1.0 / service.as_secs_f64();
        let mut paper = Paper::new(service);
        let start = saturated(&mut paper, 1.5 * truth, WALK.lasting, seed).expect("arithmetic");
        assert!((start / truth - 1.0).abs() < 0.03, "saturated at {start}");
        let landings = walk(&mut [&mut paper], &[start], &WALK, seed, &|| false).expect("arithmetic");
        let found = landings[0].rate;
        assert!((found / truth - 1.0).abs() < 0.05, "seed {seed}: {found} instead of {truth}");
        assert!(!landings[0].pacer_gave_up);
    }
}

/// What the staircase finds is a little more than can be sustained: 2 % of growth are let through.
#[test]
fn what_is_confirmed_is_within_five_per_cent_of_the_truth_and_not_above() {
    for (seconds, seed) in [(5, 1), (5, 2), (30, 3), (30, 4)] {
        let mut paper = Paper::new(D);
        let found = confirm(&mut paper, 10_150.0, &long(Duration::from_secs(seconds)), seed, &|| false)
            .expect("arithmetic");
        let rate = found.rate.expect("confirmed");
        assert!((9_500..=10_000).contains(&rate), "{found:?}");
        assert_eq!(found.attempts[0].stood, Stood::Grows, "{found:?}");
        assert!(
            found.attempts.last().and_then(|last| last.p99_ns).is_some_and(|p99| p99 <= 10_000_000),
            "{found:?}"
        );
    }
}

#[test]
fn what_was_not_offered_is_tried_once_more_before_less_is() {
    let mut paper = Paper { pacer_limit: 9_000, ..Paper::new(D) };
    let found =
        confirm(&mut paper, 9_900.0, &long(Duration::from_secs(5)), 1, &|| false).expect("arithmetic");
    let tried: Vec<(u64, Stood)> =
        found.attempts.iter().map(|attempt| (attempt.rate, attempt.stood)).collect();
    let late = Stood::NotOffered;
    assert_eq!(
        tried,
        [(9_900, late), (9_900, late), (9_405, late), (9_405, late), (8_935, Stood::Confirmed)]
    );
}

#[test]
fn even_arrivals_are_sustained_to_the_last_per_cent() {
    let mut paper = Paper { arrivals: Arrivals::Even, ..Paper::new(D) };
    let found =
        confirm(&mut paper, 9_990.0, &long(Duration::from_secs(5)), 1, &|| false).expect("arithmetic");
    assert_eq!((found.rate, found.attempts.len()), (Some(9_990), 1));
}

#[test]
fn a_backlog_that_does_not_grow_but_takes_too_long_is_told_apart() {
    // A batch of 200 waits 20 ms for its last.
    let mut paper = Paper { arrivals: Arrivals::Even, ..Paper::new(Duration::from_millis(20)) };
    let slow = LongRun { p99: Duration::from_millis(15), ..long(Duration::from_secs(30)) };
    let found = confirm(&mut paper, 40.0, &slow, 1, &|| false).expect("arithmetic");
    assert_eq!((found.rate, found.attempts.len()), (None, 8));
    assert!(found.attempts.iter().all(|attempt| attempt.stood == Stood::Slow), "{found:?}");
    // Of twice as many the P99 is known, and ends the offer.
    let longer = LongRun { lasting: Duration::from_secs(60), ..slow };
    let found = confirm(&mut paper, 40.0, &longer, 1, &|| false).expect("arithmetic");
    assert!(found.attempts[0].p99_ns.is_some_and(|p99| p99 > 15_000_000), "{found:?}");
    assert_eq!(found.attempts[0].stood, Stood::Slow, "{found:?}");
    // Where the pacer was late, latency tells nothing.
    paper.pacer_limit = 30;
    let found = confirm(&mut paper, 40.0, &longer, 1, &|| false).expect("arithmetic");
    assert_eq!(found.attempts[0].stood, Stood::NotOffered, "{found:?}");
}

#[test]
fn a_pacer_that_ends_before_the_system_gives_a_bound_and_not_a_limit() {
    let mut paper = Paper { pacer_limit: 4_000, ..Paper::new(D) };
    let landings = walk(&mut [&mut paper], &[3_000.0], &WALK, 1, &|| false).expect("arithmetic");
    assert!(landings[0].pacer_gave_up && (3_700.0..4_100.0).contains(&landings[0].rate), "{landings:?}");
}

/// Twice as fast, found twice as high, by trials in turns.
#[test]
fn staircases_of_several_systems_take_turns() {
    let (mut one, mut other) = (Paper::new(D), Paper::new(D / 2));
    let landings =
        walk(&mut [&mut one, &mut other], &[9_000.0, 9_000.0], &WALK, 3, &|| false).expect("arithmetic");
    assert!((landings[1].rate / landings[0].rate / 2.0 - 1.0).abs() < 0.06, "{landings:?}");
    assert!(one.trials >= 32 && other.trials >= 36, "{} and {}", one.trials, other.trials);
}

#[test]
fn ctrl_c_ends_a_search() {
    let mut paper = Paper::new(D);
    let ended = walk(&mut [&mut paper], &[9_000.0], &WALK, 1, &|| true);
    assert!(matches!(ended, Err(crate::experiment::Halted::Interrupted)) && paper.trials == 0);
}

#[test]
fn overload_and_recovery_are_those_of_a_fluid() {
    let mut paper = Paper { arrivals: Arrivals::Even, ..Paper::new(D) };
    let seconds = Duration::from_secs;
    let plan = Overload { factor: 1.5, before: seconds(1), during: seconds(1), after: seconds(3) };
    let run = overload(&mut paper, 10_000.0, &plan, 1).expect("arithmetic");
    // 15,000 a second come and 10,000 are done; then 5,000 come: half a second's work is left, and takes one second.
    assert_eq!((run.rate, run.not_offered.clone()), (15_000, None));
    assert!((run.events_per_second / 10_000.0 - 1.0).abs() < 0.01, "{run:?}");
    assert!(run.backlog.abs_diff(5_000) < 20 && run.inside == run.backlog, "{}", run.backlog);
    assert!(
        run.memory_growth.value().is_some_and(|bytes| (bytes - 5_000_000).abs() < 20_000),
        "{:?}",
        run.memory_growth
    );
    for back in [&run.backlog_gone_ns, &run.p99_back_ns] {
        let back = *back.value().expect("within three seconds") as f64 / 1e9;
        assert!((back - 1.0).abs() < 0.11, "{back} s");
    }
    let short = Overload { after: Duration::from_millis(500), ..plan };
    let run = overload(&mut paper, 10_000.0, &short, 1).expect("arithmetic");
    assert!(run.backlog_gone_ns.why().is_some_and(|why| why == "not within the trial"), "{run:?}");
}
