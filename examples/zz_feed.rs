//! scratch
#![allow(missing_docs, clippy::unwrap_used)]
use crucible_events::event::*;
use crucible_perf::load::*;
use crucible_perf::measure::CpuTime;
use crucible_perf::workload::*;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
fn main() {
    let w = Arc::new(Workload::generate(&Scenario::MEDIUM, 42));
    for arrivals in [Arrivals::Even, Arrivals::Poisson] {
        for rate in [100_000u64, 1_000_000, 5_000_000, 20_000_000] {
            let feed: Arc<Feed<Arc<Event>>> = Arc::new(Feed::new(4096));
            let f2 = feed.clone();
            let consumer = std::thread::spawn(move || {
                let rt = tokio::runtime::Builder::new_current_thread().build().unwrap();
                rt.block_on(async {
                    let mut v = Vec::new();
                    let mut n = 0u64;
                    while f2.take(64, &mut v).await {
                        n += v.len() as u64;
                        v.clear();
                    }
                    n
                })
            });
            let w2 = w.clone();
            let feeder = std::thread::spawn(move || {
                let schedule =
                    Course::steady(rate, Duration::from_millis(500)).unwrap().schedule(arrivals, 1);
                let before = CpuTime::of_this_thread().unwrap();
                let len = w2.events.len() as u64;
                let p = feed_paced(
                    &SystemClock::for_this_thread(),
                    schedule,
                    &feed,
                    |i, _| {
                        let mut e = Edition(i / len).of(&w2.events[(i % len) as usize]);
                        e.created_at = Timestamp(i);
                        Arc::new(e)
                    },
                    |_, _| ControlFlow::Continue(()),
                );
                (p, CpuTime::of_this_thread().unwrap() - before)
            });
            let (p, cpu) = feeder.join().unwrap();
            let n = consumer.join().unwrap();
            println!(
                "{arrivals:?} {rate}: {n} events, feeder cpu {:.0} ns/event, lag p50 {:?} p99 {:?}",
                cpu.as_nanos() as f64 / n as f64,
                p.lag.unwrap().p50,
                p.lag.unwrap().p99
            );
        }
    }
}
