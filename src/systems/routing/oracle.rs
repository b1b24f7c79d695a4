use std::collections::{BTreeMap, BTreeSet};

use super::chance::splitmix64;
use super::{Filter, GroupSpec, Health, Lens, Member, Refusal, Rule, Strategy};
use crate::event::{Event, Limits, Name, Target};

/// The plain meaning of routing, written to be read: who gets an event.
///
/// It knows no queues and no time; where a choice depends on these, it is [told](Oracle::observe). Its methods mirror those of [`EventSystem`](super::EventSystem),
/// and they must be called in the same order as the system's for the rounds of groups to agree. It
/// takes what it is given: whether a system refuses, say, a rule twice is for conformance to ask.
#[derive(Debug, Clone, Default)]
pub struct Oracle {
    limits: Limits,
    /// Those that are registered, and what was last observed of each.
    services: BTreeMap<Name, State>,
    groups: BTreeMap<Name, Group>,
    /// In the order in which they are looked at.
    rules: Vec<Rule>,
}

/// What some strategies go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// Whether the service can be relied on.
    pub health: Health,
    /// Deliveries that it has not settled.
    pub unsettled: u64,
}

#[derive(Debug, Clone)]
struct Group {
    spec: GroupSpec,
    events: u64,
}

impl Oracle {
    /// No services, no groups, no rules.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// A service takes part.
    pub fn register(&mut self, service: &Name) {
        self.services.insert(service.clone(), State::default());
    }

    /// How a registered service is now. What is not told stays as it was; at first all are healthy and idle.
    pub fn observe(&mut self, service: &str, state: State) {
        if let Some(known) = self.services.get_mut(service) {
            *known = state;
        }
    }

    /// A service takes no part any more.
    pub fn unregister(&mut self, service: &Name) {
        self.services.remove(service);
    }

    /// A group begins its round.
    pub fn define_group(&mut self, group: GroupSpec) {
        self.groups.insert(group.name.clone(), Group { spec: group, events: 0 });
    }

    /// A group ends.
    pub fn remove_group(&mut self, group: &Name) {
        self.groups.remove(group);
    }

    /// A rule comes into force.
    pub fn add_rule(&mut self, rule: Rule) {
        let position = self.rules.partition_point(|earlier| earlier.priority >= rule.priority);
        self.rules.insert(position, rule);
    }

    /// A rule ends.
    pub fn remove_rule(&mut self, rule: &Name) {
        self.rules.retain(|kept| kept.id != *rule);
    }

    /// The targets of an event: registered services and defined groups, sorted, each once.
    pub fn preview(&self, event: &Event) -> Vec<Target> {
        let targets: BTreeSet<&Target> = if event.targets.is_empty() {
            self.matching(event).flat_map(|rule| &rule.targets).collect()
        } else {
            event.targets.iter().collect()
        };
        targets.into_iter().filter(|target| self.knows(target)).cloned().collect()
    }

    /// The services that get an event, sorted, each once; advances the rounds of its groups. A group of which
    /// no member is available adds nobody: [`Oracle::unavailable`] tells how many of these there are.
    ///
    /// # Errors
    /// Why nobody gets it.
    pub fn publish(&mut self, event: &Event) -> Result<Vec<Name>, Refusal> {
        self.limits.check(event)?;
        if let Some(target) = event.targets.iter().find(|target| !self.knows(target)) {
            return Err(Refusal::UnknownTarget(target.clone()));
        }
        let mut receivers = BTreeSet::new();
        for target in self.preview(event) {
            receivers.extend(match target {
                Target::Service(service) => Some(service),
                Target::Group(group) => self.next_member(&group),
            });
        }
        Ok(receivers.into_iter().collect())
    }

    fn knows(&self, target: &Target) -> bool {
        match target {
            Target::Service(name) => self.services.contains_key(name),
            Target::Group(name) => self.groups.contains_key(name),
        }
    }

    /// Matching rules in order, up to and including the first that is marked `last`.
    fn matching(&self, event: &Event) -> impl Iterator<Item = &Rule> {
        let lens = Lens::new(event);
        let mut open = true;
        self.rules.iter().filter(move |rule| {
            let matches = open && Filter::matches(&rule.filter, &lens);
            open &= !(matches && rule.last);
            matches
        })
    }

    /// How many of the event's groups have registered members, but none that is available now.
    pub fn unavailable(&self, event: &Event) -> usize {
        let groups = self.preview(event).into_iter().filter_map(|target| match target {
            Target::Group(name) => self.groups.get(&name),
            Target::Service(_) => None,
        });
        groups.filter(|group| !self.present(group).is_empty() && self.choose(group).is_none()).count()
    }

    fn next_member(&mut self, group: &Name) -> Option<Name> {
        let group = self.groups.get(group)?;
        let chosen = self.choose(group);
        let counts = !self.present(group).is_empty();
        let name = group.spec.name.clone();
        self.groups.get_mut(&name)?.events += u64::from(counts);
        chosen
    }

    fn present<'g>(&self, group: &'g Group) -> Vec<(&'g Member, State)> {
        let members = group.spec.members.iter();
        members.filter_map(|member| Some((member, *self.services.get(&member.name)?))).collect()
    }

    fn choose(&self, group: &Group) -> Option<Name> {
        let present = self.present(group);
        let member = match group.spec.strategy {
            Strategy::RoundRobin => nth(group.events, &present),
            // Of equals, the first.
            Strategy::LeastConnections => present.iter().min_by_key(|(_, state)| state.unsettled),
            Strategy::WeightedRandom { seed } => by_weight(splitmix64(seed, group.events), &present),
            Strategy::HealthBased => {
                let of = |health| -> Vec<_> {
                    present.iter().filter(|(_, state)| state.health == health).copied().collect()
                };
                let (healthy, degraded) = (of(Health::Healthy), of(Health::Degraded));
                let chosen = nth(group.events, if healthy.is_empty() { &degraded } else { &healthy });
                return chosen.map(|(member, _)| member.name.clone());
            }
            Strategy::PriorityBased => {
                let available = present.iter().filter(|(_, state)| state.health != Health::Unhealthy);
                // Of equals, the first: `max_by_key` takes the last.
                available.rev().max_by_key(|(member, _)| member.priority)
            }
        };
        member.map(|(member, _)| member.name.clone())
    }
}

fn nth<'p, 'g>(turn: u64, present: &'p [(&'g Member, State)]) -> Option<&'p (&'g Member, State)> {
    present.get(usize::try_from(turn.checked_rem(present.len() as u64)?).ok()?)
}

/// The member in whose share the draw lies.
fn by_weight<'p, 'g>(draw: u64, present: &'p [(&'g Member, State)]) -> Option<&'p (&'g Member, State)> {
    let sum = present.iter().map(|(member, _)| u64::from(member.weight)).sum();
    let at = draw.checked_rem(sum)?;
    let mut end = 0;
    present.iter().find(|(member, _)| {
        end += u64::from(member.weight);
        at < end
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventId, EventKind, Payload, Timestamp};

    fn event() -> Event {
        let payload = Payload::Text("x".to_owned().into());
        Event::new(EventId(1), EventKind::Metrics, "probe", Timestamp(0), payload)
    }

    fn service(name: &str) -> Target {
        Target::Service(name.into())
    }

    fn oracle(services: &[&str]) -> Oracle {
        let mut oracle = Oracle::default();
        for name in services {
            oracle.register(&(*name).into());
        }
        oracle
    }

    fn names(names: &[&str]) -> Vec<Name> {
        names.iter().map(|&name| name.into()).collect()
    }

    #[test]
    fn a_service_named_twice_gets_an_event_once() {
        let mut oracle = oracle(&["a", "b"]);
        oracle.add_rule(Rule::new("1", Filter::everything(), [service("a"), service("b")]));
        oracle.add_rule(Rule::new("2", Filter::everything(), [service("a")]));
        assert_eq!(oracle.publish(&event()), Ok(names(&["a", "b"])));
    }

    #[test]
    fn a_last_rule_ends_the_search_by_priority_then_by_age() {
        let mut oracle = oracle(&["a", "b", "c", "d"]);
        oracle.add_rule(Rule::new("low", Filter::everything(), [service("a")]));
        let last =
            Rule { priority: 5, last: true, ..Rule::new("last", Filter::everything(), [service("b")]) };
        oracle.add_rule(last);
        oracle.add_rule(Rule { priority: 5, ..Rule::new("younger", Filter::everything(), [service("c")]) });
        oracle.add_rule(Rule { priority: 9, ..Rule::new("high", Filter::everything(), [service("d")]) });
        assert_eq!(oracle.publish(&event()), Ok(names(&["b", "d"])));
    }

    #[test]
    fn explicit_targets_replace_rules_and_unknown_ones_are_refused() {
        let mut oracle = oracle(&["a", "b"]);
        oracle.add_rule(Rule::new("1", Filter::everything(), [service("a")]));
        let to_b = Event { targets: [service("b")].into(), ..event() };
        assert_eq!(oracle.publish(&to_b), Ok(names(&["b"])));
        let to_nobody = Event { targets: [service("b"), service("x")].into(), ..event() };
        assert_eq!(oracle.publish(&to_nobody), Err(Refusal::UnknownTarget(service("x"))));
    }

    #[test]
    fn a_round_passes_over_who_is_absent_and_counts_events_only() {
        let mut oracle = oracle(&["a", "b", "c"]);
        oracle.define_group(GroupSpec::round_robin("g", names(&["a", "b", "c"])));
        let to_group = Event { targets: [Target::Group("g".into())].into(), ..event() };
        let next = |oracle: &mut Oracle| oracle.publish(&to_group).expect("accepted").concat_names();
        assert_eq!(next(&mut oracle), "a");
        oracle.unregister(&"b".into());
        assert_eq!(next(&mut oracle), "c"); // 1 mod 2 of a, c
        assert_eq!(next(&mut oracle), "a"); // 2 mod 2
        oracle.register(&"b".into());
        assert_eq!(next(&mut oracle), "a"); // 3 mod 3 of a, b, c
        for name in ["a", "b", "c"] {
            oracle.unregister(&name.into());
        }
        assert_eq!(next(&mut oracle), "");
        oracle.register(&"c".into());
        assert_eq!(next(&mut oracle), "c");
    }

    trait ConcatNames {
        fn concat_names(&self) -> String;
    }

    impl ConcatNames for Vec<Name> {
        fn concat_names(&self) -> String {
            self.iter().map(Name::as_str).collect()
        }
    }
}
