//! Pacer, queue and recording held against queueing theory, to the nanosecond: the clock is ours, and the server is one
//! that takes the same time for each event.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::experiment::load_test::log::{Served, Shard, nanoseconds};
use crate::load::{Arrivals, Clock, Course, Pacing, pace_from};
use crate::stats::quantile;

const SERVICE: Duration = Duration::from_micros(100);

/// While the pacer sleeps the server serves: a queue in order of arrival, one event after the other. It logs as handlers do.
struct Server {
    begin: Instant,
    now: Cell<Instant>,
    free_at: Cell<Instant>,
    /// When each that waits was due, and when it came.
    queue: RefCell<VecDeque<(Instant, Instant)>>,
    /// It stands still from one moment to another.
    stall: Option<[Instant; 2]>,
    log: RefCell<Shard>,
}

impl Server {
    fn new(stall: Option<[Duration; 2]>) -> Self {
        let begin = Instant::now();
        Self {
            begin,
            now: Cell::new(begin),
            free_at: Cell::new(begin),
            queue: RefCell::default(),
            stall: stall.map(|times| times.map(|time| begin + time)),
            log: RefCell::default(),
        }
    }

    fn since_begin(&self, at: Instant) -> u64 {
        nanoseconds(at - self.begin)
    }

    /// All that can be begun before `deadline` is served.
    fn serve_until(&self, deadline: Option<Instant>) {
        let next = || self.queue.borrow().front().copied();
        while let Some((due, came)) = next() {
            let mut start = self.free_at.get().max(came);
            if let Some([from, until]) = self.stall
                && start >= from
            {
                start = start.max(until);
            }
            if deadline.is_some_and(|deadline| start > deadline) {
                return;
            }
            let end = start + SERVICE;
            self.free_at.set(end);
            self.log.borrow_mut().note(self.since_begin(due), self.since_begin(start), self.since_begin(end));
            self.queue.borrow_mut().pop_front();
        }
    }

    fn test(&self, offsets_ns: impl IntoIterator<Item = u64>) -> (Pacing, Served) {
        let pacing = pace_from(self, self.begin, offsets_ns, &AtomicBool::new(false), |_, due| {
            self.queue.borrow_mut().push_back((due, self.now.get()));
        });
        self.serve_until(None);
        (pacing, self.log.borrow().served().clone())
    }
}

impl Clock for Server {
    fn now(&self) -> Instant {
        self.now.get()
    }

    fn sleep_until(&self, deadline: Instant) {
        self.serve_until(Some(deadline));
        self.now.set(self.now.get().max(deadline));
    }
}

/// Lindley's recursion: what each waits, from the distances of arrivals alone.
fn lindley(arrivals_ns: &[u64]) -> Vec<u64> {
    let service_ns = nanoseconds(SERVICE);
    let mut waits = vec![0_u64];
    for pair in arrivals_ns.windows(2) {
        let before = waits[waits.len() - 1];
        waits.push((before + service_ns).saturating_sub(pair[1] - pair[0]));
    }
    waits
}

fn poisson(rate: u64, lasting: Duration) -> Vec<u64> {
    Course::steady(rate, lasting).expect("a course").schedule(Arrivals::Poisson, 42).collect()
}

#[test]
fn what_is_reported_is_lindley_s_recursion_exactly() {
    let arrivals = poisson(8_000, Duration::from_secs(10));
    let (pacing, served) = Server::new(None).test(arrivals.clone());
    assert_eq!(
        pacing.lag.map(|lag| lag.max),
        Some(0),
        "the pacer of a clock that stands still is never late"
    );
    let waits = lindley(&arrivals);
    let responses: Vec<u64> = waits.iter().map(|wait| wait + nanoseconds(SERVICE)).collect();
    let (response, service) =
        (served.response.summary().expect("some"), served.service.summary().expect("some"));
    assert_eq!(response.count as usize, arrivals.len());
    assert_eq!(response.max, *responses.iter().max().expect("some"));
    assert_eq!(response.mean, responses.iter().sum::<u64>() as f64 / responses.len() as f64);
    assert_eq!((service.mean, service.max), (1e5, 100_000));
    // Quantiles are right to the histogram's three digits.
    let sorted: Vec<f64> = responses.iter().map(|&ns| ns as f64).collect();
    for (q, found) in [(0.5, response.p50), (0.99, response.p99), (0.999, response.p999)] {
        let (found, exact) = (found.expect("80,000") as f64, quantile(&sorted, q).expect("some"));
        assert!((found / exact - 1.0).abs() < 0.001, "{q}: {found} and {exact}");
    }
}

/// M/D/1: the mean wait is ρ·D / 2(1 − ρ) (Pollaczek and Khinchine).
#[test]
fn the_mean_wait_is_that_of_theory() {
    for (rate, expected_us) in [(5_000, 50.0), (8_000, 200.0)] {
        let arrivals = poisson(rate, Duration::from_secs(400));
        let (_, served) = Server::new(None).test(arrivals);
        let mean = |latency: &crate::measure::Latency| latency.summary().expect("some").mean;
        let wait_us = (mean(&served.response) - mean(&served.service)) / 1e3;
        // 400 s of arrivals: some 0.8 % of standard error at ρ = 0.8.
        assert!(
            (wait_us / expected_us - 1.0).abs() < 0.03,
            "{rate}/s: {wait_us} µs, {expected_us} by theory"
        );
    }
}

#[test]
fn a_stall_is_in_the_time_from_the_intended_moment_and_not_in_that_of_service() {
    let secs = Duration::from_secs(10);
    let arrivals: Vec<u64> =
        Course::steady(5_000, secs).expect("a course").schedule(Arrivals::Even, 0).collect();
    let at = [Duration::from_secs(5), Duration::from_millis(5_500)];
    let [(_, calm), (pacing, stalled)] =
        [None, Some(at)].map(|stall| Server::new(stall).test(arrivals.clone()));
    assert_eq!(pacing.valid(), Ok(()), "the load was offered all the same");
    let p50 = |served: &Served| served.service.quantile_ns(0.5);
    assert_eq!((p50(&stalled), p50(&calm)), (Some(100_000), Some(100_000)));
    assert_eq!(calm.response.quantile_ns(0.99), Some(100_000));
    let p99 = stalled.response.quantile_ns(0.99).expect("50,000");
    // Who comes x after its beginning waits for the rest of the stall and for those before: 500 ms − x/2. Of 50,000
    // events 500 wait longest: those of the first 100 ms.
    let exact = 450_000_000 + 100_000_u64;
    assert!(p99 > 400_000_000 && p99.abs_diff(exact) <= exact / 1_000 + 200_000, "{p99}");
    assert_eq!(stalled.response.summary().expect("some").max, 500_100_000);
    assert_eq!(stalled.service.summary().expect("some").max, 100_000);
}
