//! scratch
#![allow(missing_docs, clippy::unwrap_used)]
use crucible_perf::experiment::*;
use crucible_perf::load::Arrivals;
use crucible_perf::sut::HandlerWork;
use crucible_perf::workload::*;
use std::time::Duration;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let threads = Threads(a[2].parse().unwrap());
    let work = match a[3].as_str() {
        "idle" => HandlerWork::None,
        us => HandlerWork::Spin(Duration::from_micros(us.parse().unwrap())),
    };
    let scenario = match a[4].as_str() {
        "one" => Scenario::MEDIUM.with_routing(1, 1, 1).unwrap().broadcast(),
        s => s.parse().unwrap(),
    };
    let publishers = a[5].parse().unwrap();
    let arrivals = if a[6] == "p" { Arrivals::Poisson } else { Arrivals::Even };
    let ms: u64 = a[7].parse().unwrap();
    let rates: Vec<u64> = a[8..].iter().map(|r| r.parse().unwrap()).collect();
    let lineup = Lineup::standard();
    let entry = lineup.find(&a[1]).unwrap();
    let mut material = Material::new(Workload::generate(&scenario, 42));
    let mut rates = rates.into_iter();
    let mut last_rate = 0;
    entry.subject.trials(&mut material, &OfferedLoad { threads, publishers, work, arrivals }, &mut |last| {
        if let Some(run) = last {
            let lag = run.pacing.lag.unwrap();
            println!("{last_rate}/s {:?} completed {:.3} growth {:.4} deliveries/s {:.0} lag p50 {:?} p99 {:?} lat p50 {:?} p99 {:?} drained {:.1} ms offered {:.1} cpu {:?} {:?}", run.keeping(), run.completed(), run.growth(), run.deliveries_per_second(), lag.p50, lag.p99, run.latency.and_then(|l| l.p50), run.latency.and_then(|l| l.p99), run.drained_ns as f64/1e6, run.offered_ns as f64/1e6, run.cpu_percent.value(), run.pacing.invalid);
        }
        last_rate = rates.next()?;
        Some(Trial::steady(last_rate, Duration::from_millis(ms), 1))
    }).unwrap();
}
