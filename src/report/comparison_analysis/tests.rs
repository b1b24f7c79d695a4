use std::time::Duration;

use super::*;
use crate::analysis::comparison::{combined, judged, reliability};
use crate::experiment::{Role, Threads};
use crate::results::comparison_analysis::{Method, Pilot, Remark};
use crate::results::daemon_performance::ScenarioFacts;
use crate::stats::Interval;
use crate::sut::Publishing;

fn side(system: &str, ns: f64) -> Side {
    Side {
        system: system.to_owned(),
        role: Role::Candidate,
        revision: None,
        quartile_ns_per_event: ns,
        total_ns_per_event: 1.1 * ns,
        cpu_ns_per_event: Reading::Value(ns),
        peak_memory: Reading::absent("no /proc here"),
        deliveries: 1_000,
        failed: 0,
    }
}

fn comparison(name: &str, aspect: Aspect, [quartile, total]: [[f64; 3]; 2]) -> Comparison {
    let judge = |[low, ratio, high]: [f64; 3]| {
        let interval = Some(Interval { low, high, confidence: 0.999 });
        judged(RatioEstimate { ratio, interval, rounds: 60, p: 0.5 }, 1.0)
    };
    let pilot = Pilot { rounds: 13, quartile_sd: 0.031, total_sd: 0.2, effect: 0.01, rounds_needed: 236 };
    let (quartile, total) = (judge(quartile), judge(total));
    let (verdict, why, disagreement) = combined(&quartile, &total, &pilot, 60);
    let over = if aspect == Aspect::Control { "CrucibleCore" } else { "DataCoordinator" };
    Comparison {
        name: name.to_owned(),
        aspect,
        scenario: ScenarioFacts {
            name: "medium".to_owned(),
            events: 1_000,
            services: 10,
            rules: 5,
            payload_bytes: 1_024,
            fan_out: 2.294,
        },
        threads: Threads(2),
        core: Reading::absent("2 threads"),
        publishing: Publishing::Single,
        work: HandlerWork::Spin(Duration::from_micros(100)),
        block_events: 250,
        pass_events: Reading::Value(125),
        pairs: 40,
        system: side("CrucibleCore", 12_345.0),
        over: side(over, 123_456.0),
        pilot,
        quartile,
        total,
        verdict,
        why,
        disagreement,
    }
}

fn taken() -> ComparisonAnalysis {
    let wide = [0.3, 1.0, 3.0];
    let comparisons = vec![
        comparison("scenario/medium/single/2_threads", Aspect::Scenario, [[9.75, 10.0, 10.3], wide]),
        comparison("handler_time/spin_100us", Aspect::HandlerTime, [[1.102, 1.115, 1.124], [0.7, 0.8, 0.9]]),
        comparison("rules/10", Aspect::Rules, [[0.95, 1.0, 1.05], wide]),
    ];
    let controls = vec![comparison("control/CrucibleCore", Aspect::Control, [[0.992, 1.0, 1.008], wide])];
    let reliability = reliability(&controls);
    ComparisonAnalysis {
        method: Method {
            relevant_percent: 1.0,
            comparisons: 4,
            confidence: 0.999,
            power: 0.9,
            pilot_rounds: 13,
            least_rounds: 13,
            most_rounds: 60,
            warm_up_pairs: 15,
            round_seconds: 0.025,
            block_seconds: 0.0005,
            rounds_per_process: 13,
        },
        machine: vec![Remark {
            state: "the governor is powersave".to_owned(),
            advice: "set it to performance".to_owned(),
        }],
        comparisons,
        controls,
        reliability,
    }
}

#[test]
fn all_that_there_is_to_say() {
    insta::assert_snapshot!(text(&taken()));
}

#[test]
fn the_last_table_fits_eighty_columns() {
    let text = text(&taken());
    let table = &text[text.find("  time  ").expect("its head")..];
    let widest = table.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{widest:?}\n{table}");
}

#[test]
fn a_system_that_differs_from_itself_voids_the_run() {
    let mut taken = taken();
    assert!(!text(&taken).contains("UNRELIABLE"));
    taken.controls[0] = comparison("control/CrucibleCore", Aspect::Control, [[1.02, 1.03, 1.04]; 2]);
    taken.reliability = reliability(&taken.controls);
    assert!(text(&taken).contains("UNRELIABLE"));
}

#[test]
fn without_comparisons_there_is_nothing_to_say() {
    let nothing = ComparisonAnalysis { comparisons: Vec::new(), controls: Vec::new(), ..taken() };
    assert_eq!(text(&nothing), "");
}
