use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::mpsc::UnboundedSender;

use super::condition::{Condition, Subject};
use super::coordination::Job;
use super::service::Service;
use crate::event::{Event, Name, Target};
use crate::routing::{
    Capability, Gauge, GroupSpec, InvalidRule, Ledger, Refusal, Rule, ServiceStatistics, Strategy,
    SystemError,
};

/// Services, groups and rules, by name, and the way into the loop.
#[derive(Debug)]
pub(super) struct Registry {
    services: FxHashMap<Name, Arc<Service>>,
    groups: FxHashMap<Name, Group>,
    rule_ids: FxHashSet<Name>,
    /// In the order in which they are looked at.
    rules: Vec<RuleEntry>,
    /// Unregistered, and not yet done with what they had accepted.
    leaving: Vec<Arc<Service>>,
    /// What those did that have left for good.
    left: Ledger,
    /// `None` once nothing new is taken.
    jobs: Option<UnboundedSender<Job>>,
}

#[derive(Debug)]
struct Group {
    members: Vec<Name>,
    /// Those of them that are registered, in the same order.
    present: Vec<Arc<Service>>,
    /// Events that it got so far.
    turn: AtomicU64,
}

#[derive(Debug)]
struct RuleEntry {
    id: Name,
    priority: i32,
    condition: Condition,
    targets: Vec<Target>,
    last: bool,
}

impl Group {
    fn refresh(&mut self, services: &FxHashMap<Name, Arc<Service>>) {
        let registered = self.members.iter().filter_map(|member| services.get(member));
        self.present = registered.cloned().collect();
    }

    /// Whose turn it is; nobody's turn passes when nobody is there.
    fn next(&self) -> Option<&Arc<Service>> {
        if self.present.is_empty() {
            return None;
        }
        let turn = self.turn.fetch_add(1, Relaxed) % self.present.len() as u64;
        self.present.get(usize::try_from(turn).ok()?)
    }
}

impl Registry {
    pub(super) fn new(jobs: UnboundedSender<Job>) -> Self {
        Self {
            services: FxHashMap::default(),
            groups: FxHashMap::default(),
            rule_ids: FxHashSet::default(),
            rules: Vec::new(),
            leaving: Vec::new(),
            left: Ledger::default(),
            jobs: Some(jobs),
        }
    }

    /// The way into the loop, or that the system is closed.
    pub(super) fn open(&self) -> Result<&UnboundedSender<Job>, SystemError> {
        self.jobs.as_ref().ok_or(SystemError::Closed)
    }

    /// Takes nothing new. The loop ends when it has served what is in the channel.
    pub(super) fn close(&mut self) {
        self.jobs = None;
    }

    pub(super) fn register(&mut self, name: &Name, service: Service) -> Result<(), SystemError> {
        let vacant = !self.services.contains_key(name);
        expect_new(vacant, "service", name)?;
        self.services.insert(name.clone(), Arc::new(service));
        self.refresh_groups();
        Ok(())
    }

    /// Returns services that nothing needs any more, to be dropped when the lock is released: a
    /// handler's destructor may call the system.
    pub(super) fn unregister(&mut self, name: &Name) -> Result<Vec<Arc<Service>>, SystemError> {
        let service = self.services.remove(name);
        self.leaving.push(service.ok_or_else(|| unknown("service", name))?);
        self.refresh_groups();
        let (settled, leaving) = self.leaving.drain(..).partition(|service| service.is_settled());
        self.leaving = leaving;
        for service in &settled {
            service.add_to(&mut self.left);
        }
        Ok(settled)
    }

    pub(super) fn define_group(&mut self, spec: GroupSpec) -> Result<(), SystemError> {
        if spec.strategy != Strategy::RoundRobin {
            return Err(SystemError::NotOffered(Capability::Balancing));
        }
        let mut members = spec.members.into_iter().map(|member| member.name);
        if let Some(stranger) = members.clone().find(|member| !self.services.contains_key(member)) {
            return Err(unknown("service", &stranger));
        }
        expect_new(!self.groups.contains_key(&spec.name), "group", &spec.name)?;
        let mut group =
            Group { members: members.by_ref().collect(), present: Vec::new(), turn: AtomicU64::new(0) };
        group.refresh(&self.services);
        self.groups.insert(spec.name, group);
        Ok(())
    }

    pub(super) fn remove_group(&mut self, name: &Name) -> Result<(), SystemError> {
        let group = self.groups.remove(name);
        group.map(drop).ok_or_else(|| unknown("group", name))
    }

    /// Puts a rule that was checked behind those of the same priority.
    pub(super) fn add_rule(&mut self, rule: Rule) -> Result<(), SystemError> {
        expect_new(!self.rule_ids.contains(&rule.id), "rule", &rule.id)?;
        if let Some(target) = rule.targets.iter().find(|target| !self.knows(target)) {
            let (rule, target) = (rule.id.clone(), target.clone());
            return Err(InvalidRule::UnknownTarget { rule, target }.into());
        }
        let position = self.rules.partition_point(|earlier| earlier.priority >= rule.priority);
        let entry = RuleEntry {
            id: rule.id.clone(),
            priority: rule.priority,
            condition: Condition::from(&rule.filter),
            targets: rule.targets,
            last: rule.last,
        };
        self.rules.insert(position, entry);
        self.rule_ids.insert(rule.id);
        Ok(())
    }

    pub(super) fn remove_rule(&mut self, id: &Name) -> Result<(), SystemError> {
        if !self.rule_ids.remove(id) {
            return Err(unknown("rule", id));
        }
        self.rules.retain(|rule| rule.id != *id);
        Ok(())
    }

    /// Known targets, sorted, each once; no turn passes.
    pub(super) fn preview(&self, event: &Event) -> Vec<Target> {
        let mut targets = BTreeSet::new();
        self.each_target(event, |target| {
            if self.knows(target) {
                targets.insert(target.clone());
            }
        });
        targets.into_iter().collect()
    }

    /// Who gets the event, each once.
    pub(super) fn route(&self, event: &Event) -> Result<Vec<Arc<Service>>, Refusal> {
        if let Some(target) = event.targets.iter().find(|target| !self.knows(target)) {
            return Err(Refusal::UnknownTarget(target.clone()));
        }
        let mut receivers = Vec::new();
        let mut asked: Vec<&Name> = Vec::new();
        self.each_target(event, |target| {
            let receiver = match target {
                Target::Service(name) => self.services.get(name),
                Target::Group(name) => self.ask_once(name, &mut asked),
            };
            if let Some(receiver) = receiver {
                add_once(&mut receivers, receiver);
            }
        });
        Ok(receivers)
    }

    /// A group that several rules name gets the event once.
    fn ask_once<'a>(&'a self, name: &Name, asked: &mut Vec<&'a Name>) -> Option<&'a Arc<Service>> {
        let (name, group) = self.groups.get_key_value(name)?;
        if asked.contains(&name) {
            return None;
        }
        asked.push(name);
        group.next()
    }

    fn each_target(&self, event: &Event, mut visit: impl FnMut(&Target)) {
        if !event.targets.is_empty() {
            return event.targets.iter().for_each(visit);
        }
        let subject = Subject::new(event);
        for rule in self.rules.iter().filter(|rule| rule.condition.holds(&subject)) {
            rule.targets.iter().for_each(&mut visit);
            if rule.last {
                break;
            }
        }
    }

    fn knows(&self, target: &Target) -> bool {
        match target {
            Target::Service(name) => self.services.contains_key(name),
            Target::Group(name) => self.groups.contains_key(name),
        }
    }

    fn refresh_groups(&mut self) {
        for group in self.groups.values_mut() {
            group.refresh(&self.services);
        }
    }

    pub(super) fn rules(&self) -> usize {
        self.rules.len()
    }

    /// The entries of each structure.
    pub(super) fn gauges(&self) -> Vec<Gauge> {
        let groups = || self.groups.values();
        let mut gauges = vec![
            Gauge::registered("services", self.services.len()),
            Gauge::registered("groups", self.groups.len()),
            Gauge::registered("members of groups", groups().map(|group| group.members.len()).sum()),
            Gauge::registered("members that are there", groups().map(|group| group.present.len()).sum()),
            Gauge::registered("ids of rules", self.rule_ids.len()),
            Gauge::registered("rules", self.rules.len()),
            Gauge::registered("services that leave", self.leaving.len()),
        ];
        // One that left may have a successor of its name.
        let mut queued: BTreeMap<&Name, u64> = BTreeMap::new();
        for service in self.services.values().chain(&self.leaving) {
            *queued.entry(service.name()).or_default() += service.queued();
        }
        let of_service = |(name, len)| Gauge { len, ..Gauge::passing(format!("deliveries for `{name}`"), 0) };
        gauges.extend(queued.into_iter().map(of_service));
        gauges
    }

    /// Services that left and are not done yet, as far as was looked.
    #[cfg(test)]
    pub(super) fn leaving(&self) -> usize {
        self.leaving.len()
    }

    /// What became of all accepted deliveries; how many those were is not known here.
    pub(super) fn outcomes(&self) -> Ledger {
        let mut ledger = self.left;
        for service in self.services.values().chain(&self.leaving) {
            service.add_to(&mut ledger);
        }
        ledger
    }

    pub(super) fn service_statistics(&self) -> Vec<ServiceStatistics> {
        let mut services: Vec<_> = self.services.values().map(|service| service.statistics()).collect();
        services.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        services
    }
}

/// Fan-outs are small: looking through those that are there is cheaper than hashing.
fn add_once(receivers: &mut Vec<Arc<Service>>, receiver: &Arc<Service>) {
    if !receivers.iter().any(|known| Arc::ptr_eq(known, receiver)) {
        receivers.push(receiver.clone());
    }
}

fn expect_new(vacant: bool, what: &'static str, name: &Name) -> Result<(), SystemError> {
    let exists = || SystemError::Exists { what, name: name.clone() };
    vacant.then_some(()).ok_or_else(exists)
}

fn unknown(what: &'static str, name: &Name) -> SystemError {
    SystemError::Unknown { what, name: name.clone() }
}
