use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const MS: u64 = 1_000_000;

fn steady(events_per_second: u64, duration_secs: u64) -> EventPattern {
    EventPattern::Steady { events_per_second, duration_secs }
}

fn burst(rates: [u64; 2], [burst_ms, every_ms]: [u64; 2], duration_secs: u64) -> EventPattern {
    let [base_events_per_second, burst_events_per_second] = rates;
    EventPattern::Burst { base_events_per_second, burst_events_per_second, burst_ms, every_ms, duration_secs }
}

fn spike(rates: [u64; 2], [spike_from_ms, spike_ms]: [u64; 2], duration_secs: u64) -> EventPattern {
    let [base_events_per_second, spike_events_per_second] = rates;
    EventPattern::Spike {
        base_events_per_second,
        spike_events_per_second,
        spike_from_ms,
        spike_ms,
        duration_secs,
    }
}

fn ramp(from_events_per_second: u64, to_events_per_second: u64, duration_secs: u64) -> EventPattern {
    EventPattern::RampUp { from_events_per_second, to_events_per_second, duration_secs }
}

fn times(pattern: &EventPattern, arrivals: Arrivals, seed: u64) -> Vec<u64> {
    pattern.schedule(arrivals, seed).expect("a pattern that makes sense").collect()
}

fn even(pattern: &EventPattern) -> Vec<u64> {
    times(pattern, Arrivals::Even, 0)
}

#[test]
fn steady_events_are_equally_far_apart() {
    let quarters = [0, 250, 500, 750, 1_000, 1_250, 1_500, 1_750].map(|ms| ms * MS);
    assert_eq!(even(&steady(4, 2)), quarters);
}

#[test]
fn rounding_does_not_add_up() {
    // A third of a second is no whole number of nanoseconds; after an hour the event is on its second all the same.
    let schedule = steady(3, 3_601).schedule(Arrivals::Even, 0).expect("an hour");
    let offsets: Vec<u64> = schedule.skip(3 * 3_600).take(2).collect();
    assert_eq!(offsets, [3_600_000_000_000, 3_600_333_333_333]);
}

#[test]
fn a_burst_begins_each_period_and_the_last_one_is_cut_off() {
    let pattern = burst([2, 10], [300, 800], 1);
    // 3 events in 300 ms; one at the base rate in 500 ms; two more in the 200 ms that are left.
    assert_eq!(even(&pattern), [0, 100, 200, 300, 800, 900].map(|ms| ms * MS));
    assert_eq!(even(&burst([0, 10], [300, 800], 1)), [0, 100, 200, 800, 900].map(|ms| ms * MS));
}

#[test]
fn a_spike_stands_out_for_its_time() {
    assert_eq!(even(&spike([2, 10], [500, 200], 2)), [0, 500, 600, 700, 1_200, 1_700].map(|ms| ms * MS));
}

#[test]
fn parts_follow_one_another() {
    let pattern = EventPattern::Mixed { parts: vec![steady(2, 1), ramp(0, 2, 1), steady(1, 2)] };
    assert_eq!(even(&pattern), [0, 500, 1_000, 2_000, 3_000].map(|ms| ms * MS));
    let nested =
        EventPattern::Mixed { parts: vec![pattern.clone(), EventPattern::Mixed { parts: vec![pattern] }] };
    assert_eq!(nested.course().expect("parts of parts").events(), 10);
}

#[test]
fn what_makes_no_sense_is_refused_with_its_name() {
    let refused = |pattern: EventPattern| pattern.course().expect_err("refused").to_string();
    for (pattern, message) in [
        (steady(10, 0), "duration_secs is 0; it has to last some time"),
        (steady(0, 10), "no rate is above 0, so no event would be sent"),
        (steady(1_000_000_001, 1), "1000000001 events/s; at most 1000000000 are possible"),
        (steady(1, u64::MAX), "it lasts more than 584 years"),
        (burst([1, 2], [0, 5], 1), "burst_ms is 0; it has to last some time"),
        (burst([1, 2], [10, 5], 1), "burst_ms is 10 ms, but every_ms is only 5 ms"),
        (spike([1, 2], [600, 500], 1), "the end of the spike is 1100 ms, but duration_secs is only 1000 ms"),
        (spike([1, 2], [600, 0], 1), "spike_ms is 0; it has to last some time"),
        (ramp(0, 0, 1), "no rate is above 0, so no event would be sent"),
        (EventPattern::Mixed { parts: vec![] }, "mixed: parts is empty; name one or more patterns"),
        (
            EventPattern::Mixed { parts: vec![steady(1, 1), steady(1, 0)] },
            "duration_secs is 0; it has to last some time",
        ),
    ] {
        assert_eq!(refused(pattern), message);
    }
}

#[test]
fn a_pattern_survives_json_and_refuses_what_it_does_not_know() {
    let json = r#"{"steady":{"events_per_second":2000,"duration_secs":60}}"#;
    assert_eq!(serde_json::from_str::<EventPattern>(json).expect("a pattern"), steady(2_000, 60));
    assert_eq!(serde_json::to_string(&steady(2_000, 60)).expect("plain data"), json);
    for (known, unknown) in [("secs", "mins"), ("steady", "stead")] {
        assert!(serde_json::from_str::<EventPattern>(&json.replace(known, unknown)).is_err(), "{unknown}");
    }
}

/// Any pattern, of up to some ten thousand events.
fn any_pattern() -> impl Strategy<Value = EventPattern> {
    let rate = || select(vec![0, 1, 3, 7, 100, 999, 2_000]);
    let rates = || [rate(), select(vec![1, 9, 250, 3_000])];
    let simple = prop_oneof![
        (select(vec![1, 3, 7, 999, 3_001]), 1..4_u64).prop_map(|(rate, secs)| steady(rate, secs)),
        (rates(), 1..900_u64, 0..900_u64, 1..4_u64).prop_map(|(rates, lasting, more, secs)| burst(
            rates,
            [lasting, lasting + more],
            secs
        )),
        (rate(), select(vec![1, 500, 4_000]), 1..4_u64, any::<bool>())
            .prop_map(|(a, b, secs, down)| if down { ramp(b, a, secs) } else { ramp(a, b, secs) }),
        (rates(), 0..700_u64, 1..300_u64, 1..4_u64).prop_map(|(rates, from, lasting, secs)| spike(
            rates,
            [from, lasting],
            secs
        )),
    ];
    simple.prop_recursive(2, 8, 3, |inner| {
        proptest::collection::vec(inner, 1..4).prop_map(|parts| EventPattern::Mixed { parts })
    })
}

/// Rate, and where it holds, in milliseconds: the meaning of a pattern, written down once more and plainly.
fn rates_by_ms(pattern: &EventPattern) -> Vec<f64> {
    let each = |secs: u64, rate: &dyn Fn(u64) -> f64| (0..secs * 1_000).map(rate).collect();
    match pattern {
        EventPattern::Steady { events_per_second, duration_secs } => {
            each(*duration_secs, &|_| *events_per_second as f64)
        }
        EventPattern::Burst {
            base_events_per_second: base,
            burst_events_per_second: burst,
            burst_ms,
            every_ms,
            duration_secs,
        } => each(*duration_secs, &|ms| if ms % every_ms < *burst_ms { *burst as f64 } else { *base as f64 }),
        EventPattern::RampUp { from_events_per_second: from, to_events_per_second: to, duration_secs } => {
            let (from, to) = (*from as f64, *to as f64);
            each(*duration_secs, &|ms| from + (to - from) * (ms as f64 + 0.5) / (*duration_secs as f64 * 1e3))
        }
        EventPattern::Spike {
            base_events_per_second: base,
            spike_events_per_second: spike,
            spike_from_ms: from,
            spike_ms,
            duration_secs,
        } => {
            let within = |ms: u64| (*from..from + spike_ms).contains(&ms);
            each(*duration_secs, &|ms| if within(ms) { *spike as f64 } else { *base as f64 })
        }
        EventPattern::Mixed { parts } => parts.iter().flat_map(rates_by_ms).collect(),
    }
}

fn in_millisecond(times: &[u64]) -> std::collections::BTreeMap<u64, u64> {
    let mut counts = std::collections::BTreeMap::new();
    times.iter().for_each(|ns| *counts.entry(ns / MS).or_default() += 1);
    counts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// At the end of every millisecond as many were sent as the rates until then add up to, within one event: nothing
    /// is lost to rounding, wherever one looks.
    #[test]
    fn until_every_moment_as_many_are_sent_as_the_rate_says(pattern in any_pattern()) {
        let (course, times) = (pattern.course().expect("valid"), even(&pattern));
        prop_assert_eq!(times.len() as u64, course.events());
        let schedule = pattern.schedule(Arrivals::Even, 0).expect("valid");
        prop_assert_eq!(schedule.size_hint(), (times.len(), Some(times.len())));
        let counts = in_millisecond(&times);
        let (mut sent, mut due) = (0, 0.0);
        for (ms, rate) in (0..).zip(rates_by_ms(&pattern)) {
            sent += counts.get(&ms).copied().unwrap_or(0);
            due += rate / 1e3;
            prop_assert!((sent as f64 - due).abs() <= 1.0 + 1e-6 * due, "{} ms: {} sent, {} due", ms, sent, due);
        }
        prop_assert!((times.len() as f64 - due).abs() <= 1.0 + 1e-6 * due);
    }

    #[test]
    fn times_ascend_within_the_duration(pattern in any_pattern(), seed: u64, poisson: bool) {
        let arrivals = if poisson { Arrivals::Poisson } else { Arrivals::Even };
        let times = times(&pattern, arrivals, seed);
        prop_assert!(times.is_sorted());
        let course = pattern.course().expect("valid");
        prop_assert_eq!(course.duration().as_millis() as usize, rates_by_ms(&pattern).len());
        prop_assert!(times.last().is_none_or(|&last| u128::from(last) < course.duration().as_nanos()));
    }

    #[test]
    fn the_same_seed_gives_the_same_times(pattern in any_pattern(), seed: u64) {
        let poisson = times(&pattern, Arrivals::Poisson, seed);
        prop_assert_eq!(&poisson, &times(&pattern, Arrivals::Poisson, seed));
        prop_assert_eq!(even(&pattern), times(&pattern, Arrivals::Even, seed));
        if poisson.len() > 3 {
            prop_assert_ne!(poisson, times(&pattern, Arrivals::Poisson, seed ^ 1));
        }
    }

    /// In each second the Poisson arrivals are as many as the rate says, within six standard deviations.
    #[test]
    fn poisson_arrivals_have_the_rate_of_each_part(pattern in any_pattern(), seed: u64) {
        let times = times(&pattern, Arrivals::Poisson, seed);
        let counts = in_millisecond(&times);
        for (second, rates) in (0..).zip(rates_by_ms(&pattern).chunks(1_000)) {
            let due: f64 = rates.iter().sum::<f64>() / 1e3;
            let sent: u64 = counts.range(second * 1_000..(second + 1) * 1_000).map(|(_, count)| count).sum();
            let allowed = 6.0 * due.sqrt() + 6.0;
            prop_assert!((sent as f64 - due).abs() <= allowed, "second {}: {} sent, {} due", second, sent, due);
        }
    }
}
