//! One test for each rule: what it says of a real run, and what it says instead once a figure is another.

use serde_json::{Value, json};

use super::{found, plain};
use crate::analysis::findings::fixture::documents;
use crate::analysis::findings::rules;

/// A figure of the run, and what it becomes.
struct Change {
    target: &'static str,
    pointer: &'static str,
    to: Value,
}

fn sentences(rule: &str, documents: &[Value]) -> Vec<String> {
    let found = found(documents);
    found.findings.iter().filter(|f| f.rule == rule).map(|f| plain(&f.sentence)).collect()
}

fn says(rule: &str, before: &str, change: Change, after: &str) {
    let mut documents = documents();
    let told =
        |documents: &[Value], words: &str| sentences(rule, documents).iter().any(|s| s.contains(words));
    let say = |documents: &[Value]| sentences(rule, documents).join("\n");
    assert!(told(&documents, before), "{rule}: `{before}` is not in\n{}", say(&documents));
    let of_target = |document: &&mut Value| {
        document.get("target").and_then(Value::as_str).unwrap_or("instructions") == change.target
    };
    let document = documents.iter_mut().find(of_target).expect("a file of each target");
    *document.pointer_mut(change.pointer).expect(change.pointer) = change.to;
    assert!(told(&documents, after), "{rule}: `{after}` is not in\n{}", say(&documents));
    assert!(!told(&documents, before), "{rule}: `{before}` is still in\n{}", say(&documents));
}

macro_rules! rules {
    ($($test:ident: $rule:literal says $before:literal; $target:literal $pointer:literal becomes $to:expr; then $after:literal)*) => {
        $(
            #[test]
            fn $test() {
                let change = Change { target: $target, pointer: $pointer, to: $to };
                says($rule, $before, change, $after);
            }
        )*

        const TESTED: &[&str] = &[$($rule),*];
    };
}

fn estimate(ratio: f64, low: f64, high: f64) -> Value {
    let interval = json!({"low": low, "high": high, "confidence": 0.99});
    json!({"ratio": ratio, "interval": interval, "rounds": 15, "p": 0.001})
}

rules! {
    comparison: "comparison"
        says "CrucibleCore is faster than DataCoordinator in 2 of 3 comparisons side by side";
        "comparison_analysis" "/results/comparisons/0/verdict" becomes json!("slower");
        then "DataCoordinator is faster than CrucibleCore in 1 of 3 comparisons side by side"
    noise: "comparison/noise"
        says "No system was shown to differ from itself; how far that goes: ±7.00e-1";
        "comparison_analysis" "/results/reliability/reliable" becomes json!(false);
        then "A system came out different from itself"
    bottlenecks: "bottlenecks"
        says "DataCoordinator is held back by serial stage (";
        "scalability_testing" "/results/limits/1/systems/0/bottleneck/verdict/bottleneck" becomes json!("outside");
        then "DataCoordinator has no bottleneck inside; "
    idle_handlers: "throughput/idle"
        says "CrucibleCore is faster than DataCoordinator in 7 of 8 comparisons with handlers that do nothing";
        "daemon_performance" "/results/throughput/4/ratios/0/estimate" becomes estimate(0.55, 0.5, 0.6);
        then "DataCoordinator is faster than CrucibleCore in 1 of 8 comparisons with handlers that do nothing"
    handler_time: "throughput/handler_time"
        says "CrucibleCore is faster than DataCoordinator in 5 of 10 comparisons when each";
        "daemon_performance" "/results/handler_time/4/ratios/0/estimate" becomes estimate(1.0, 0.995, 1.004);
        then "the same within 1 %: 1.00e0"
    threads: "throughput/threads"
        says "CrucibleCore does less on several threads than on one, in every round of 2 of 4 cases";
        "daemon_performance" "/results/throughput/6/systems/1/rounds/0" becomes json!(9_000_000.0);
        then "CrucibleCore does less on several threads than on one, in every round of 1 of 4 cases"
    sooner: "latency/sooner"
        says "The P99 of DataCoordinator under equal load is higher than that of CrucibleCore in 2 of 3 cases: 4.00e0 (";
        "daemon_performance" "/results/latency/5/ratios/0/p99" becomes estimate(0.9, 0.7, 1.2);
        then "The P99 of DataCoordinator under equal load is higher than that of CrucibleCore in 1 of 3 cases: 4.00e0 ("
    sooner_by_half: "latency/sooner"
        says "The P50 of DataCoordinator under equal load is higher than that of CrucibleCore in 1 of 3 cases: 3.12e2 (";
        "daemon_performance" "/results/latency/5/ratios/0/p50" becomes estimate(0.9, 0.7, 1.2);
        then "P50 of CrucibleCore over that of DataCoordinator under equal load: no difference shown in 1 of 3 cases: 9.00e-1 ("
    latency: "latency/graded"
        says "DataCoordinator P50 7.92e4, P99 2.39e6";
        "daemon_performance" "/results/latency/0/systems/0/run/latency/p99" becomes json!(5_000_000);
        then "DataCoordinator P50 7.92e4, P99 5.00e6"
    near_limit: "latency/near_limit"
        says "CrucibleCore P99 5.74e6";
        "daemon_performance" "/results/latency/5/systems/1/run/latency/p99" becomes json!(9_000_000);
        then "CrucibleCore P99 9.00e6"
    grades: "grades"
        says "DataCoordinator has good grades: throughput good (";
        "daemon_performance" "/results/throughput/4/systems/0/events_per_second" becomes json!(100.0);
        then "DataCoordinator has poor grades: throughput poor (1.00e2)"
    burst: "load/burst"
        says "8.89e2 deliveries behind when looked at";
        "load_testing" "/results/figures/1/systems/1/run/backlog/most" becomes json!(7);
        then "7.00e0 deliveries behind when looked at"
    lost_in_failures: "failures/lost"
        says "CrucibleCore loses fewer deliveries than DataCoordinator when services fail";
        "load_testing" "/results/figures/2/systems/1/run/turned_away" becomes json!(5_000);
        then "DataCoordinator loses fewer deliveries than CrucibleCore when services fail"
    recovery: "failures/recovery"
        says "as before again: not within the test";
        "load_testing" "/results/figures/2/systems/1/run/failures/recovery/latency_ns" becomes json!(5_000_000);
        then "as before 5.00e6 after their end"
    heap_per_event: "heap/per_event"
        says "CrucibleCore asks the heap for less than DataCoordinator an event";
        "memory_profiling" "/results/usage/2/systems/1/run/after/bytes/allocated" becomes json!(1_000_000_000_000_u64);
        then "DataCoordinator asks the heap for less than CrucibleCore an event"
    heap_peak: "heap/peak"
        says "DataCoordinator holds less heap at its peak than CrucibleCore";
        "memory_profiling" "/results/usage/2/systems/1/run/after/bytes/peak" becomes json!(1_000);
        then "CrucibleCore holds less heap at its peak than DataCoordinator"
    leaks: "leaks"
        says "DataCoordinator does not leak: in 2 of 2 tests";
        "memory_profiling" "/results/leaks/0/verdict" becomes json!("leaking");
        then "DataCoordinator holds more and more in 1 of 2 leak tests: leaking."
    pressure: "memory/pressure"
        says "DataCoordinator runs out of memory when services stand still: it died in 2 of 2 tests";
        "memory_profiling" "/results/pressure/0/died" becomes Value::Null;
        then "DataCoordinator runs out of memory when services stand still: it died in 1 of 2 tests"
    limits: "limits"
        says "DataCoordinator at least 1.51e5 (the load generator gave up first)";
        "scalability_testing" "/results/limits/1/systems/0/pacer_gave_up" becomes json!(false);
        then "DataCoordinator 1.51e5 confirmed"
    overload: "overload"
        says "its backlog is gone 3.00e7 after it";
        "scalability_testing" "/results/limits/1/systems/0/overload/backlog_gone_ns" becomes json!(90_000_000);
        then "its backlog is gone 9.00e7 after it"
    growth: "growth"
        says "CrucibleCore keeps up better than DataCoordinator with more rules";
        "scalability_testing" "/results/dimensions/3/points/3/systems/1/rounds/0" becomes json!(1.0);
        then "With more rules, no difference is shown between CrucibleCore and DataCoordinator"
    counts: "counts"
        says "1 of 2 kernels unchanged";
        "instructions" "/judgement/kernels/1/verdict" becomes json!("unchanged");
        then "2 of 2 kernels unchanged"
}

#[test]
fn every_rule_has_its_test() {
    let names: Vec<&str> = rules().map(|rule| rule.name).collect();
    let mut tested = TESTED.to_vec();
    tested.dedup();
    assert_eq!(tested, names);
}
