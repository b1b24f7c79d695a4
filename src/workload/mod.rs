//! What arrives: scenarios, their mix of events, and the seeded generator of events and rules. Or what
//! did arrive, somewhere, once: a recorded [`trace`].
//!
//! A [`Workload`] is data: services, rules and events, built before anything is timed. The same
//! scenario and seed give the same bytes on every machine: all draws are ChaCha8's, in integers only.
//! Published again and again, its events get other ids each time ([`Editions`]): a system may refuse an
//! id that it has seen. What services are to receive of that is [`Owed`].
//!
//! ```
//! use crucible_perf::workload::{Scenario, Workload};
//!
//! let scenario: Scenario = "medium".parse()?;
//! let workload = Workload::generate(&scenario.with_events(500)?, 42);
//! println!("{}", workload.fan_out());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod draw;
mod edition;
mod fan_out;
mod generator;
mod mix;
mod owed;
mod own_sources;
mod payload;
mod recipe;
mod recorded;
mod rules;
mod scenario;
mod subscriptions;
mod vocabulary;

#[doc(inline)]
pub use crucible_traces as trace;

pub use edition::{Edition, Editions};
pub use fan_out::FanOut;
pub use generator::EPOCH;
pub use mix::{KIND_SHARES, PRIORITY_SHARES};
pub use owed::Owed;
pub use payload::MIN_PAYLOAD_BYTES;
pub use recipe::{NoWorkload, Recipe};
pub use recorded::UnfitTrace;
pub use rules::{CORE_RULES, core_first, match_probes, rule_table, table_services};
pub use scenario::{InvalidScenario, Routing, Scenario, UnknownScenario};

use std::collections::BTreeMap;
use std::sync::Arc;

use crucible_events::event::{Event, Limits, Name};
use crucible_events::reference::Plan;
use crucible_events::routing::{Expected, GroupSpec, Oracle, Rule, ServiceSpec};

use generator::Generator;

/// Services, rules and events of a scenario.
#[derive(Debug, Clone)]
pub struct Workload {
    /// What it was made for.
    pub scenario: Scenario,
    /// What its events were drawn with; 0 if they were recorded. Services and rules are the same for every seed.
    pub seed: u64,
    /// Who takes events, in the order of their names.
    pub services: Vec<ServiceSpec>,
    /// None in the scenarios that are built in, whose rules name services. Whoever sets up a system
    /// defines them after the services and before the rules.
    pub groups: Vec<GroupSpec>,
    /// Which events go where, in the order in which they are added.
    pub rules: Vec<Rule>,
    /// What arrives, in order. The n-th is the same however many there are.
    pub events: Vec<Arc<Event>>,
    /// When each event was recorded, in nanoseconds from the first; ascending. `None` if they were
    /// generated: then it is for a pattern to say when they are due. See [`Workload::offsets_ns`].
    pub arrivals: Option<Arc<[u64]>>,
}

/// Generated ones by construction, recorded ones by the checks of [`trace`] and [`Workload::of_trace`].
const NO_REFUSAL: &str = "events of a workload are within the limits and name no targets";

impl Workload {
    /// The same scenario and seed give the same bytes on every machine.
    pub fn generate(scenario: &Scenario, seed: u64) -> Self {
        let (services, rules) = subscriptions::of(scenario);
        let events = Generator::new(scenario.payload_sizes(), seed).take(scenario.events());
        let mut events: Vec<Event> = events.collect();
        if scenario.routing() == Routing::OwnSources {
            own_sources::assign(&mut events, services.len(), seed);
        }
        Self {
            scenario: scenario.clone(),
            seed,
            groups: Vec::new(),
            rules,
            events: events.into_iter().map(Arc::new).collect(),
            arrivals: None,
            services,
        }
    }

    /// The same with its first `events` events at most.
    #[must_use]
    pub fn beginning(&self, events: usize) -> Self {
        let events = events.min(self.events.len());
        let arrivals = self.arrivals.as_ref().map(|all| all[..events].into());
        Self { events: self.events[..events].to_vec(), arrivals, ..self.clone() }
    }

    /// The plain meaning of its services, groups and rules, before the first event.
    pub fn oracle(&self) -> Oracle {
        let mut oracle = Oracle::new(Limits::default());
        for service in &self.services {
            oracle.register(&service.name);
        }
        for group in &self.groups {
            oracle.define_group(group.clone());
        }
        for rule in &self.rules {
            oracle.add_rule(rule.clone());
        }
        oracle
    }

    /// The services that get each event, sorted by name, as the oracle says.
    pub fn receivers(&self) -> Vec<Vec<Name>> {
        let mut oracle = self.oracle();
        let receivers = |event: &Arc<Event>| oracle.publish(event);
        let receivers: Result<_, _> = self.events.iter().map(receivers).collect();
        receivers.expect(NO_REFUSAL)
    }

    /// For each event the numbers of the services that get it: their places among the services.
    pub fn plan(&self) -> Plan {
        let numbers: BTreeMap<&Name, u32> =
            self.services.iter().map(|service| &service.name).zip(0_u32..).collect();
        let number = |name: &Name| numbers[name];
        self.receivers().iter().map(|names| names.iter().map(number).collect()).collect()
    }

    /// What each service is to receive in one pass over its events, as the oracle says.
    pub fn expected(&self) -> Expected {
        let mut expected = Expected::default();
        for (event, receivers) in self.events.iter().zip(self.receivers()) {
            expected.note(event.id, &receivers);
        }
        expected
    }

    /// What its events come to; counted, event by event.
    pub fn fan_out(&self) -> FanOut {
        let mut oracle = self.oracle();
        let mut fan_out = FanOut::default();
        for event in &self.events {
            let receivers = oracle.publish(event);
            fan_out.count(receivers.expect(NO_REFUSAL).len());
        }
        fan_out
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crucible_events::event::{EventId, decode, encode};

    const SEED: u64 = 42;

    /// FNV-1a, 64 bits (Fowler, Noll, Vo), over the events as JSON.
    fn digest(events: &[Arc<Event>]) -> u64 {
        events.iter().flat_map(|event| encode(event)).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    }

    fn first(scenario: Scenario, events: usize) -> Workload {
        Workload::generate(&scenario.with_events(events).expect("some events"), SEED)
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_everywhere() {
        let found = [
            Workload::generate(&Scenario::LIGHT, SEED),
            Workload::generate(&Scenario::MEDIUM, SEED),
            Workload::generate(&Scenario::HEAVY, SEED),
            first(Scenario::STRESS, 500),
        ];
        let found = found.map(|workload| format!("{} {:016x}", workload.scenario, digest(&workload.events)));
        assert_eq!(
            found,
            [
                "light 274a0001b3377523",
                "medium 969186612cd78bd8",
                "heavy 6cfdf094a28cec7e",
                "stress 715a891fa6f84a47"
            ]
        );
    }

    #[test]
    fn another_seed_gives_other_events_for_the_same_rules() {
        let (one, other) = (first(Scenario::LIGHT, 100), Workload::generate(&Scenario::LIGHT, SEED + 1));
        assert_ne!(digest(&one.events), digest(&other.events));
        assert_eq!(one.rules, other.rules);
    }

    #[test]
    fn fewer_events_are_the_first_of_more() {
        let (few, many) = (first(Scenario::MEDIUM, 150), first(Scenario::MEDIUM, 400));
        assert_eq!(few.events, many.events[..150]);
    }

    #[test]
    fn every_event_is_valid_of_its_size_and_survives_the_wire() {
        let limits = Limits::default();
        for scenario in Scenario::ALL {
            let workload = first(scenario, 100);
            for event in &workload.events {
                assert_eq!(limits.check(event), Ok(()));
                assert_eq!(event.payload.len(), workload.scenario.payload_bytes(), "{}", event.kind);
                assert_eq!(decode(&encode(event), &limits).expect("decodes"), **event);
            }
        }
    }

    #[test]
    fn any_hundred_in_a_row_have_the_shares_of_the_mix() {
        let events = first(Scenario::LIGHT, 300).events;
        for hundred in events.chunks(100) {
            for (kind, share) in &KIND_SHARES {
                let found = hundred.iter().filter(|event| event.kind == *kind).count();
                assert_eq!(found, *share as usize, "{kind}");
            }
            for (priority, share) in &PRIORITY_SHARES {
                let found = hundred.iter().filter(|event| event.priority == *priority).count();
                assert_eq!(found, *share as usize, "{priority:?}");
            }
        }
    }

    #[test]
    fn ids_differ_and_references_lead_to_earlier_events() {
        let events =
            Workload::generate(&Scenario::HEAVY.with_payload_bytes(64).expect("enough"), SEED).events;
        let mut seen = BTreeSet::new();
        let (mut caused, mut correlated, mut annotated) = (0, 0, 0);
        for event in &events {
            let known = |id: Option<EventId>| id.is_none_or(|id| seen.contains(&id));
            assert!(known(event.causation_id) && known(event.correlation_id));
            assert!(seen.insert(event.id), "{} twice", event.id);
            caused += u32::from(event.causation_id.is_some());
            correlated += u32::from(event.correlation_id.is_some());
            annotated += u32::from(event.metadata.is_some());
        }
        for (count, expected) in [(caused, 2_500_u32), (correlated, 3_250), (annotated, 2_000)] {
            assert!(expected.abs_diff(count) < 150, "{count}, expected {expected} of 10,000");
        }
    }

    #[test]
    fn fan_outs_are_near_those_of_the_requirement() {
        let found = [
            Workload::generate(&Scenario::LIGHT, SEED),
            Workload::generate(&Scenario::MEDIUM, SEED),
            Workload::generate(&Scenario::HEAVY, SEED),
            first(Scenario::STRESS, 2_000),
        ];
        let found = found.map(|workload| format!("{}: {}", workload.scenario, workload.fan_out()));
        println!("{}", found.join("\n"));
        let expected = [
            "light: 1.46 deliveries per event (146 / 100, at most 3), 28.0 % unmatched",
            "medium: 2.29 deliveries per event (2294 / 1000, at most 8), 10.4 % unmatched",
            "heavy: 9.77 deliveries per event (97696 / 10000, at most 22), 1.6 % unmatched",
            "stress: 30.18 deliveries per event (60362 / 2000, at most 53), 0.0 % unmatched",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_size_of_payloads_does_not_change_who_gets_what() {
        for scenario in Scenario::ALL {
            let receivers = [64, 200, 4_096].map(|bytes| {
                let few = scenario.clone().with_events(500).and_then(|few| few.with_payload_bytes(bytes));
                let workload = Workload::generate(&few.expect("enough"), SEED);
                assert_eq!(workload.scenario.payload_bytes(), bytes);
                workload.receivers()
            });
            assert!(receivers.windows(2).all(|pair| pair[0] == pair[1]), "{scenario}");
        }
    }

    #[test]
    fn sizes_spread_over_their_range_and_change_nothing_else() {
        let sizes = 500..=1_500;
        let scenario = Scenario::MEDIUM.with_payload_sizes(sizes.clone()).expect("a range");
        let (ranged, fixed) = (Workload::generate(&scenario, SEED), first(Scenario::MEDIUM, 1_000));
        assert_eq!(ranged.receivers(), fixed.receivers());
        let found: Vec<usize> = ranged.events.iter().map(|event| event.payload.len()).collect();
        assert!(found.iter().all(|size| sizes.contains(size)));
        // 1,000 draws of 1,001 sizes: some 632 different ones, with a mean of 1,000 and a standard error of 9.
        let (different, mean) =
            (found.iter().collect::<BTreeSet<_>>().len(), found.iter().sum::<usize>() / 1_000);
        assert!((580..690).contains(&different) && mean.abs_diff(1_000) < 40, "{different}, mean {mean}");
        assert_eq!(digest(&ranged.events), digest(&Workload::generate(&scenario, SEED).events));
    }

    #[test]
    fn a_broadcast_goes_to_every_service() {
        let scenario = Scenario::LIGHT.broadcast();
        let fan_out = Workload::generate(&scenario, SEED).fan_out();
        assert_eq!((fan_out.deliveries, fan_out.unmatched, fan_out.most), (300, 0, 3));
    }

    #[test]
    fn events_spread_over_services_go_to_one_each_and_to_all_alike() {
        for (services, least, most) in [(1, 4_000, 4_000), (10, 340, 460), (1_000, 1, 14)] {
            let scenario = Scenario::MEDIUM.with_events(4_000).and_then(|s| s.spread_over(services));
            let workload = Workload::generate(&scenario.expect("some of both"), SEED);
            assert_eq!((workload.services.len(), workload.rules.len()), (services, services));
            let fan_out = workload.fan_out();
            assert_eq!((fan_out.deliveries, fan_out.most, fan_out.unmatched), (4_000, 1, 0));
            let expected = workload.expected();
            let served = workload.services.iter().map(|service| expected.of(&service.name).deliveries);
            // Of 1,000 services with four events in the mean some dozen and a half get none.
            let (mut counts, all): (Vec<u64>, usize) =
                (served.filter(|&count| count > 0).collect(), services);
            counts.sort_unstable();
            assert!(counts.len() * 100 >= all * 97, "{} of {all} services", counts.len());
            assert!(
                counts[0] >= least && counts[counts.len() - 1] <= most,
                "{:?}",
                [counts[0], counts[counts.len() - 1]]
            );
        }
    }

    #[test]
    fn a_table_of_rules_changes_who_gets_what_as_little_as_its_size() {
        let receivers = [10, 100, 2_000].map(|rules| {
            let scenario = Scenario::MEDIUM.with_events(300).expect("some").with_rule_table(rules);
            let workload = Workload::generate(&scenario, SEED);
            assert_eq!((workload.rules.len(), workload.services.len()), (rules, scenario.services()));
            workload.receivers()
        });
        assert!(receivers.windows(2).all(|pair| pair[0] == pair[1]));
        assert!(receivers[0].iter().filter(|of_one| !of_one.is_empty()).count() > 200);
    }

    #[test]
    fn every_service_of_every_scenario_gets_something() {
        for scenario in Scenario::ALL {
            let workload = first(scenario, 2_000);
            let served: BTreeSet<Name> = workload.receivers().into_iter().flatten().collect();
            assert_eq!(served.len(), workload.services.len(), "{}", workload.scenario);
        }
    }
}
