use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::trace::{Trace, TraceError};
use super::{Scenario, UnfitTrace, Workload};

/// How a workload is made, again in each process that needs it: generated for a scenario, or recorded in a trace and
/// replayed to a scenario's services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    scenario: Scenario,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace: Option<PathBuf>,
}

/// Why there is no workload.
#[derive(Debug, thiserror::Error)]
pub enum NoWorkload {
    /// The trace cannot be read.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// It can, but not be replayed.
    #[error(transparent)]
    Unfit(#[from] UnfitTrace),
}

impl Recipe {
    /// The events of the trace in this file, for the services and rules of a scenario. The file is read by
    /// [`Recipe::make`].
    pub fn recorded(trace: impl Into<PathBuf>, scenario: Scenario) -> Self {
        Self { scenario, trace: Some(trace.into()) }
    }

    /// What the workload will be called.
    pub fn name(&self) -> Cow<'_, str> {
        match &self.trace {
            Some(trace) => format!("trace:{}", Trace::name_of(trace)).into(),
            None => self.scenario.name().into(),
        }
    }

    /// Whose services and rules it has.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Where its events are recorded, if they are.
    pub fn trace(&self) -> Option<&Path> {
        self.trace.as_deref()
    }

    /// Makes it. The seed means nothing to recorded events.
    ///
    /// # Errors
    /// If there is a trace, and it cannot be read or replayed.
    pub fn make(&self, seed: u64) -> Result<Workload, NoWorkload> {
        match &self.trace {
            Some(trace) => Ok(Workload::of_trace(Trace::read(trace)?, &self.scenario)?),
            None => Ok(Workload::generate(&self.scenario, seed)),
        }
    }
}

impl From<Scenario> for Recipe {
    fn from(scenario: Scenario) -> Self {
        Self { scenario, trace: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_travels_and_makes_the_same_workload_elsewhere() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("made.jsonl");
        let line = r#"{"at_ns":0,"event":{"id":"00000000000000000000000000000001","kind":"system.metrics","source":"s","created_at":"2026-01-01T00:00:00Z","payload":{"text":""}}}"#;
        let header = r#"{"format":"crucible-trace","version":1,"recorded_at":"2026-01-01T00:00:00Z","how":"by a test"}"#;
        std::fs::write(&path, format!("{header}\n{line}\n")).expect("writable");
        for recipe in [Recipe::from(Scenario::LIGHT), Recipe::recorded(&path, Scenario::MEDIUM)] {
            let json = serde_json::to_string(&recipe).expect("plain data");
            let arrived: Recipe = serde_json::from_str(&json).expect("own JSON");
            let (here, there) = (recipe.make(7).expect("a trace"), arrived.make(7).expect("a trace"));
            assert_eq!(
                (&here.events, &here.rules, &here.arrivals),
                (&there.events, &there.rules, &there.arrivals)
            );
            assert_eq!(here.scenario.name(), recipe.name());
        }
    }

    #[test]
    fn a_trace_that_is_not_there_is_named() {
        let why = Recipe::recorded("absent.jsonl", Scenario::LIGHT).make(0).map(drop).expect_err("no file");
        assert!(why.to_string().starts_with("absent.jsonl: cannot be read: "), "{why}");
    }
}
