//! What the bench targets measure, in which order: each target's plan. Their files in `benches/` only
//! read arguments, start the plan, and print and store what it brings.

pub mod comparison_analysis;
pub mod daemon_performance;
mod error;
pub mod load_testing;
pub mod memory_profiling;
mod rounds;
pub mod scalability_testing;

pub use error::{Failure, PlanError};

use error::check_interrupt;
use rounds::summary;

use crate::results::daemon_performance::ScenarioFacts;
use crate::workload::{MIN_PAYLOAD_BYTES, Scenario, Workload};

/// What the oracle counts for a scenario. Payloads may be as small as they get for that: who gets what is the same.
pub(crate) fn scenario_facts(scenario: &Scenario, seed: u64) -> ScenarioFacts {
    let small = scenario.clone().with_payload_bytes(MIN_PAYLOAD_BYTES).expect("the smallest size");
    let facts = workload_facts(&Workload::generate(&small, seed));
    ScenarioFacts { payload_bytes: scenario.payload_bytes(), ..facts }
}

/// What the oracle counts for a workload.
pub(crate) fn workload_facts(workload: &Workload) -> ScenarioFacts {
    let scenario = &workload.scenario;
    ScenarioFacts {
        name: scenario.name().to_owned(),
        events: workload.events.len(),
        services: scenario.services(),
        rules: scenario.rules(),
        payload_bytes: scenario.payload_bytes(),
        fan_out: workload.fan_out().per_event(),
    }
}
