//! A generated life of a system, lived by the coordinator and by the oracle, and compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::steps::{Step, life};
use super::{Journal, Service, accepted};
use crate::data_coordinator::DataCoordinator;
use crate::event::{Event, EventId, Limits, Name, Target};
use crate::routing::{EventSystem, OnFull, Oracle, Publication, Rule, ServiceSpec, SystemError};

/// The coordinator and what it is compared with: the oracle for events, and the names in force for
/// what may be added and removed.
struct Pair {
    system: DataCoordinator,
    journal: Journal,
    oracle: Oracle,
    services: BTreeSet<Name>,
    groups: BTreeSet<Name>,
    rules: BTreeSet<Name>,
    published: u128,
    expected: BTreeMap<Name, Vec<u128>>,
    told: Told,
}

/// What statistics must say.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Told {
    accepted: u64,
    unmatched: u64,
    refused: u64,
}

impl Pair {
    fn new() -> Self {
        Self {
            system: DataCoordinator::default(),
            journal: Journal::default(),
            oracle: Oracle::default(),
            services: BTreeSet::new(),
            groups: BTreeSet::new(),
            rules: BTreeSet::new(),
            published: 0,
            expected: BTreeMap::new(),
            told: Told::default(),
        }
    }

    async fn live(&mut self, step: Step) {
        match step {
            Step::Register(name) => {
                let handler = Service(name.clone(), self.journal.clone());
                let done = self.system.register(ServiceSpec::new(&name), handler).await;
                assert_eq!(took_place(&done), self.services.insert(name.clone()));
                self.oracle.register(&name);
            }
            Step::Unregister(name) => {
                let done = self.system.unregister(&name).await;
                assert_eq!(took_place(&done), self.services.remove(&name));
                self.oracle.unregister(&name);
            }
            Step::DefineGroup(group) => {
                let done = self.system.define_group(group.clone()).await;
                let members: BTreeSet<_> = group.members.iter().map(|member| member.name.clone()).collect();
                let sound = members.len() == group.members.len() && !members.is_empty();
                let fits = sound && members.is_subset(&self.services);
                assert_eq!(took_place(&done), fits && self.groups.insert(group.name.clone()));
                if done.is_ok() {
                    self.oracle.define_group(group);
                }
            }
            Step::RemoveGroup(name) => {
                let done = self.system.remove_group(&name).await;
                assert_eq!(took_place(&done), self.groups.remove(&name));
                self.oracle.remove_group(&name);
            }
            Step::AddRule(rule) => self.add_rule(rule).await,
            Step::RemoveRule(id) => {
                let done = self.system.remove_rule(&id).await;
                assert_eq!(took_place(&done), self.rules.remove(&id));
                self.oracle.remove_rule(&id);
            }
            Step::Publish(event) => self.publish(event).await,
            Step::LetTheLoopRun => tokio::task::yield_now().await,
        }
    }

    async fn add_rule(&mut self, rule: Rule) {
        let done = self.system.add_rule(rule.clone()).await;
        let known = |target: &Target| match target {
            Target::Service(name) => self.services.contains(name),
            Target::Group(name) => self.groups.contains(name),
        };
        let sound = rule.check(&Limits::default()).is_ok() && rule.targets.iter().all(known);
        assert_eq!(took_place(&done), sound && self.rules.insert(rule.id.clone()));
        if done.is_ok() {
            self.oracle.add_rule(rule);
        }
    }

    async fn publish(&mut self, event: Event) {
        self.published += 1;
        let event = Event { id: EventId(self.published), ..event };
        let preview = self.system.preview(&event).await.expect("open");
        assert_eq!(preview, self.oracle.preview(&event));
        let expected = match self.oracle.publish(&event) {
            Ok(receivers) => {
                self.told.accepted += 1;
                self.told.unmatched += u64::from(receivers.is_empty());
                let deliveries = receivers.len() as u32;
                for receiver in receivers {
                    self.expected.entry(receiver).or_default().push(self.published);
                }
                accepted(deliveries)
            }
            Err(refusal) => {
                self.told.refused += 1;
                Publication::refused(refusal)
            }
        };
        let told = self.system.publish(Arc::new(event), OnFull::Wait).await.expect("open");
        assert_eq!(told, expected);
    }

    /// Every service got what it was to get, in the order of publishing.
    async fn compare(&self) {
        self.system.quiesce().await.expect("quiet");
        let mut got: BTreeMap<Name, Vec<u128>> = BTreeMap::new();
        for (service, id) in self.journal.entries() {
            got.entry(service).or_default().push(id);
        }
        assert_eq!(got, self.expected);
        let ledger = super::ledger(&self.system).await;
        let deliveries = self.expected.values().map(Vec::len).sum::<usize>() as u64;
        assert_eq!((ledger.accepted, ledger.acknowledged), (deliveries, deliveries));
        let counted = self.system.statistics().await.expect("there");
        let told = Told {
            accepted: counted.accepted_events,
            unmatched: counted.unmatched_events,
            refused: counted.refused_events,
        };
        assert_eq!((told, counted.rules), (self.told, self.rules.len()));
    }
}

fn took_place(done: &Result<(), SystemError>) -> bool {
    done.is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_024) })]

    #[test]
    fn the_coordinator_lives_every_life_as_the_oracle_says(steps in life()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("needs nothing");
        runtime.block_on(async {
            let mut pair = Pair::new();
            for step in steps {
                pair.live(step).await;
            }
            pair.compare().await;
        });
    }
}
