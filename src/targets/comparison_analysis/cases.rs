use std::time::Duration;

use crate::experiment::{Lineup, Role, Threads};
use crate::results::comparison_analysis::Aspect;
use crate::sut::{HandlerWork, Publishing};
use crate::workload::Scenario;

/// Something to compare.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// As in `--list`.
    pub name: String,
    /// What it is about.
    pub aspect: Aspect,
    /// What arrives.
    pub scenario: Scenario,
    /// Threads for all.
    pub threads: Threads,
    /// One by one or in batches.
    pub publishing: Publishing,
    /// What each delivery costs its service.
    pub work: HandlerWork,
    /// Above the line: a name in the lineup.
    pub system: String,
    /// Below it.
    pub over: String,
}

/// Events of a scenario that blocks take turns through, at most: more would take longer to make than to measure, and 2,000
/// of heavy (8 MB) are beyond the nearer caches already.
const MOST_EVENTS: usize = 2_000;

/// What is said of a scenario apart from the systems.
#[derive(Clone)]
struct Scene {
    name: String,
    aspect: Aspect,
    scenario: Scenario,
    threads: Threads,
    publishing: Publishing,
    work: HandlerWork,
}

/// All that is compared between the baseline and each candidate, then between the candidates and the references. `scenarios`
/// are those of the first aspect, on one thread and on `threads`.
pub fn cases(lineup: &Lineup, scenarios: &[Scenario], threads: Threads) -> Vec<Case> {
    let named = |role: fn(Role) -> bool| lineup.entries().iter().filter(move |entry| role(entry.role));
    let scenes = scenes(scenarios, threads);
    let mut cases = Vec::new();
    let candidates: Vec<&str> = named(|r| r == Role::Candidate).map(|entry| &*entry.name).collect();
    for baseline in named(|r| r == Role::Baseline) {
        for system in &candidates {
            cases.extend(scenes.iter().map(|scene| scene.between(system, &baseline.name, candidates.len())));
        }
    }
    for reference in named(|r| matches!(r, Role::Reference(_))) {
        let with = scenes.iter().filter(|scene| {
            reference.role == Role::Reference(scene.publishing)
                && scene.aspect == Aspect::Scenario
                && scene.threads == Threads(1)
        });
        for scene in with {
            for system in &candidates {
                let case = scene.between(system, &reference.name, candidates.len());
                cases.push(Case { name: format!("{}/over_reference", case.name), ..case });
            }
        }
    }
    cases
}

/// A system against itself: the medium scenario in batches, on one thread, for each system that is compared.
pub fn controls(lineup: &Lineup) -> Vec<Case> {
    let scene = Scene::of(Scenario::MEDIUM, Threads(1), Publishing::Batch);
    let systems = lineup.entries().iter().filter(|entry| !matches!(entry.role, Role::Reference(_)));
    systems
        .map(|entry| Case {
            name: format!("control/{}", entry.name),
            aspect: Aspect::Control,
            ..scene.between(&entry.name, &entry.name, 1)
        })
        .collect()
}

/// One system against itself at another revision.
pub fn of_revision(system: &str, scenarios: &[Scenario], threads: Threads) -> Vec<Case> {
    scenes(scenarios, threads).iter().map(|scene| scene.between(system, system, 1)).collect()
}

fn scenes(scenarios: &[Scenario], threads: Threads) -> Vec<Scene> {
    let mut scenes = Vec::new();
    for scenario in scenarios {
        for threads in [Threads(1), threads] {
            for publishing in [Publishing::Batch, Publishing::Single] {
                scenes.push(Scene::of(scenario.clone(), threads, publishing));
            }
        }
    }
    if scenarios.contains(&Scenario::MEDIUM) {
        scenes.extend(along_sizes());
        scenes.extend(along_handler_time(threads));
    }
    scenes
}

const POSSIBLE: &str = "sizes that the medium scenario can have";

/// The medium scenario with one size changed, in batches, on one thread.
fn along_sizes() -> Vec<Scene> {
    let medium = || Scenario::MEDIUM;
    let batch = |scenario| Scene::of(scenario, Threads(1), Publishing::Batch);
    let fan_outs = [1, 10, 50].map(|services| {
        let scenario = medium().with_routing(services, 1, 1).expect(POSSIBLE).broadcast();
        batch(scenario).along(Aspect::FanOut, format!("fan_out/{services}"))
    });
    let rules = [10, 100, 1_000]
        .map(|rules| batch(medium().with_rule_table(rules)).along(Aspect::Rules, format!("rules/{rules}")));
    let payloads = [64, 16 << 10].map(|bytes| {
        let scenario = medium().with_payload_bytes(bytes).expect(POSSIBLE);
        batch(scenario).along(Aspect::Payload, format!("payload/{bytes}_bytes"))
    });
    fan_outs.into_iter().chain(rules).chain(payloads).collect()
}

fn along_handler_time(threads: Threads) -> Vec<Scene> {
    let spin = |micros| (format!("spin_{micros}us"), HandlerWork::Spin(Duration::from_micros(micros)));
    let awaited = ("await_1ms".to_owned(), HandlerWork::Await(Duration::from_millis(1)));
    let mut scenes = Vec::new();
    for threads in [Threads(1), threads] {
        for (name, work) in [spin(1), spin(10), spin(100), awaited.clone()] {
            let name = format!("handler_time/{name}/{}", threads_name(threads));
            let scene = Scene::of(Scenario::MEDIUM, threads, Publishing::Batch);
            scenes.push(Scene { work, ..scene.along(Aspect::HandlerTime, name) });
        }
    }
    scenes
}

fn threads_name(threads: Threads) -> String {
    threads.to_string().replace(' ', "_")
}

impl Scene {
    fn of(scenario: Scenario, threads: Threads, publishing: Publishing) -> Self {
        let name = format!("scenario/{}/{publishing}/{}", scenario.name(), threads_name(threads));
        let events = scenario.events().min(MOST_EVENTS);
        let scenario = scenario.with_events(events).expect("no fewer than one");
        Self { name, aspect: Aspect::Scenario, scenario, threads, publishing, work: HandlerWork::None }
    }

    fn along(self, aspect: Aspect, name: String) -> Self {
        Self { aspect, name, ..self }
    }

    fn between(&self, system: &str, over: &str, candidates: usize) -> Case {
        let name = match candidates {
            0 | 1 => self.name.clone(),
            _ => format!("{}/{system}", self.name),
        };
        let Self { aspect, scenario, threads, publishing, work, .. } = self.clone();
        Case { name, aspect, scenario, threads, publishing, work, system: system.into(), over: over.into() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::workload::Workload;

    fn usual() -> Vec<Case> {
        let scenarios = [Scenario::LIGHT, Scenario::MEDIUM, Scenario::HEAVY];
        cases(&Lineup::standard(), &scenarios, Threads(2))
    }

    #[test]
    fn every_case_has_a_name_of_its_own() {
        let all: Vec<Case> = usual().into_iter().chain(controls(&Lineup::standard())).collect();
        let names: BTreeSet<&str> = all.iter().map(|case| &*case.name).collect();
        assert_eq!(names.len(), all.len());
        for aspect in [
            Aspect::Scenario,
            Aspect::FanOut,
            Aspect::Rules,
            Aspect::Payload,
            Aspect::HandlerTime,
            Aspect::Control,
        ] {
            assert!(all.iter().any(|case| case.aspect == aspect), "{aspect:?}");
        }
        assert!(names.contains("scenario/heavy/single/1_thread/over_reference"), "{names:?}");
    }

    #[test]
    fn a_fan_out_is_what_its_name_says() {
        for case in usual().iter().filter(|case| case.aspect == Aspect::FanOut) {
            let fan_out = Workload::generate(&case.scenario, 42).fan_out().per_event();
            assert_eq!(case.name, format!("fan_out/{fan_out}"));
        }
    }

    #[test]
    fn another_candidate_is_compared_too_and_names_tell_them_apart() {
        let lineup = Lineup::standard().with("Mine", Role::Candidate, crate::sut::crucible_core);
        let all = cases(&lineup, &[Scenario::LIGHT], Threads(2));
        let names: Vec<&str> = all.iter().map(|case| &*case.name).collect();
        assert!(names.contains(&"scenario/light/batch/1_thread/Mine"), "{names:?}");
        assert!(names.contains(&"scenario/light/batch/1_thread/CrucibleCore"), "{names:?}");
    }
}
