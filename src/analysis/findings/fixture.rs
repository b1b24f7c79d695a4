//! A real run, cut down: for the tests of findings and reports.

use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use crate::analysis::bottleneck::judge;
use crate::analysis::bottleneck::tests::{cpu_bound, serial};
use crate::experiment::bottleneck::Observation;
use crate::experiment::{Role, Threads};
use crate::measure::{NotMeasured, Reading};
use crate::results::bottleneck::BottleneckFigure;
use crate::results::comparison_analysis::{
    Aspect, Comparison, ComparisonAnalysis, Judged, Method, Pilot, Reliability, Side, Verdict,
};
use crate::results::daemon_performance::{LatencyRatio, ScenarioFacts};
use crate::results::{StoredFile, StoredRun};
use crate::stats::{Interval, RatioEstimate};
use crate::sut::{HandlerWork, Publishing};

const FILES: [&str; 5] = [
    include_str!("fixture/daemon_performance.json"),
    include_str!("fixture/load_testing.json"),
    include_str!("fixture/memory_profiling.json"),
    include_str!("fixture/scalability_testing.json"),
    include_str!("fixture/instructions.json"),
];

/// One document for each target: the files of the run, with what it did not have yet.
pub(crate) fn documents() -> Vec<Value> {
    let mut all: Vec<Value> =
        FILES.iter().map(|json| serde_json::from_str(json).expect("a real file")).collect();
    let systems = ["/results/limits/1/systems/0", "/results/limits/1/systems/1"];
    for (pointer, seen) in systems.into_iter().zip([serial(), cpu_bound()]) {
        all[3].pointer_mut(pointer).expect("the idle limit")["bottleneck"] = value(&bottleneck(seen));
    }
    all[0]["results"]["latency_rounds"] = json!(15);
    // Beyond what the load generator was late itself, and, at the first load, not.
    for (figure, (ratio, low, high)) in
        [(0, (0.5, 0.4, 0.6)), (4, (0.25, 0.2, 0.3)), (5, (0.004, 0.003, 0.005))]
    {
        let figure = all[0].pointer_mut(&format!("/results/latency/{figure}")).expect("six loads");
        let pacing = figure.pointer_mut("/systems/1/run/pacing").and_then(Value::as_object_mut);
        pacing.expect("of each run").remove("invalid");
        for system in 0..2 {
            let system = &mut figure["systems"][system];
            let (latency, lag) = (&system["run"]["latency"], &system["run"]["pacing"]["lag"]);
            system["rounds"] = json!([{"latency": latency, "lag": lag}]);
        }
        // By P50 and P95 a little less than by P99.
        let [p50, p95, p99] = [0.8, 0.9, 1.0].map(|part| estimate(part * ratio, part * low, part * high));
        let (system, over) = ("CrucibleCore".to_owned(), "DataCoordinator".to_owned());
        figure["ratios"] = value(&[LatencyRatio { system, over, p50, p95: Some(p95), p99 }]);
    }
    let mut compared = all[0].clone();
    compared["target"] = "comparison_analysis".into();
    compared["not_measured"] = value(&Vec::<NotMeasured>::new());
    compared["results"] = value(&comparison_analysis());
    all.push(compared);
    all
}

fn value<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("plain data with strings for keys has a form in JSON")
}

fn bottleneck(observation: Observation) -> BottleneckFigure {
    let verdict = judge(&observation);
    BottleneckFigure { observation, verdict }
}

fn comparison_analysis() -> ComparisonAnalysis {
    let method = Method {
        relevant_percent: 1.0,
        comparisons: 4,
        confidence: 0.99,
        power: 0.9,
        pilot_rounds: 10,
        least_rounds: 13,
        most_rounds: 30,
        warm_up_pairs: 15,
        round_seconds: 0.025,
        block_seconds: 0.001,
        rounds_per_process: 5,
    };
    let sides = ["CrucibleCore", "DataCoordinator"];
    ComparisonAnalysis {
        method,
        machine: Vec::new(),
        comparisons: vec![
            comparison("scenario/medium/batch/1_thread", sides, (6.0, 5.5, 6.5), Verdict::Faster),
            comparison("scenario/medium/single/1_thread", sides, (2.5, 2.4, 2.6), Verdict::Faster),
            comparison("handler_time/spin_100us/1_thread", sides, (1.002, 0.995, 1.008), Verdict::Equivalent),
        ],
        controls: vec![comparison("control/core", [sides[0]; 2], (1.001, 0.994, 1.007), Verdict::Equivalent)],
        reliability: Reliability { reliable: Reading::Value(true), noise_floor_percent: Reading::Value(0.7) },
    }
}

fn estimate(ratio: f64, low: f64, high: f64) -> RatioEstimate {
    let interval = Some(Interval { low, high, confidence: 0.99 });
    RatioEstimate { ratio, interval, rounds: 15, p: 0.001 }
}

fn comparison(
    name: &str,
    [system, over]: [&str; 2],
    (ratio, low, high): (f64, f64, f64),
    verdict: Verdict,
) -> Comparison {
    let side = |system: &str, quartile_ns_per_event| Side {
        system: system.to_owned(),
        role: if system == "DataCoordinator" { Role::Baseline } else { Role::Candidate },
        revision: None,
        quartile_ns_per_event,
        total_ns_per_event: quartile_ns_per_event + 10.0,
        cpu_ns_per_event: Reading::Value(150.0),
        peak_memory: Reading::Value(1 << 20),
        deliveries: 1_000_000,
        failed: 0,
    };
    let judged = Judged { estimate: estimate(ratio, low, high), verdict };
    Comparison {
        name: name.to_owned(),
        aspect: if name.starts_with("control") { Aspect::Control } else { Aspect::Scenario },
        scenario: ScenarioFacts {
            name: "medium".to_owned(),
            events: 1_000,
            services: 10,
            rules: 5,
            payload_bytes: 1_024,
            fan_out: 2.294,
        },
        threads: Threads(1),
        core: Reading::Value(1),
        publishing: Publishing::Batch,
        work: HandlerWork::None,
        block_events: 1_000,
        pass_events: Reading::Value(1_000),
        pairs: 20,
        system: side(system, 160.0),
        over: side(over, 160.0 * ratio),
        pilot: Pilot { rounds: 10, quartile_sd: 0.02, total_sd: 0.03, effect: 0.01, rounds_needed: 15 },
        quartile: judged,
        total: judged,
        verdict,
        why: None,
        disagreement: false,
    }
}

/// A run with these files.
pub(crate) fn run_of(documents: &[Value]) -> StoredRun {
    let file = |document: &Value| {
        StoredFile::of(Path::new("fixture.json"), document.clone()).expect("a results file")
    };
    StoredRun::of(documents.iter().map(file).collect()).expect("one of each target")
}
