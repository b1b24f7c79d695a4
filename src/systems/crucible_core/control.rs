use std::collections::BTreeSet;
use std::sync::Arc;

use super::directory::Directory;
use super::receivers::Snapshot;
use super::service::Service;
use super::table::Rulebook;
use crate::event::{Limits, Name, Target};
use crate::routing::{GroupSpec, InvalidRule, Ledger, Rule, ServiceSpec, SystemError};

/// What changes are made to: behind a lock, away from the path of events.
#[derive(Debug, Default)]
pub(super) struct Control {
    rulebook: Rulebook,
    directory: Arc<Directory>,
    /// Unregistered, but still serving what they had accepted.
    leaving: Vec<Arc<Service>>,
    /// What became of the deliveries of those that are gone.
    gone: Ledger,
}

impl Control {
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot { table: self.rulebook.table(), directory: self.directory.clone() }
    }

    pub(super) fn rules(&self) -> usize {
        self.rulebook.len()
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// All services that may have something to do.
    pub(super) fn services(&self) -> Vec<Arc<Service>> {
        // Sized beforehand: one block, however many there are.
        let mut services = Vec::with_capacity(self.directory.slots() + self.leaving.len());
        services.extend(self.directory.services().chain(&self.leaving).cloned());
        services
    }

    pub(super) fn ledger(&mut self) -> Ledger {
        self.forget_the_gone();
        let services = self.directory.services().chain(&self.leaving);
        services.map(|service| service.mailbox.counts().ledger).chain([self.gone]).sum()
    }

    /// The entries of each structure, by what they are.
    pub(super) fn lengths(&self) -> Vec<(&'static str, usize)> {
        let mut lengths = vec![("services that leave", self.leaving.len())];
        lengths.extend(self.directory.lengths());
        lengths.extend(self.rulebook.lengths());
        lengths
    }

    pub(super) fn check_new_service(&self, spec: &ServiceSpec, limits: &Limits) -> Result<(), SystemError> {
        spec.check(limits)?;
        match self.directory.service_named(&spec.name) {
            Some(_) => Err(SystemError::Exists { what: "service", name: spec.name.clone() }),
            None => Ok(()),
        }
    }

    pub(super) fn service_named(&self, name: &Name) -> Result<Arc<Service>, SystemError> {
        let found = self.directory.service_named(name);
        found.map(|(_, service)| service.clone()).ok_or_else(|| unknown("service", name))
    }

    pub(super) fn insert_service(&mut self, service: Arc<Service>) {
        self.forget_the_gone();
        Arc::make_mut(&mut self.directory).insert_service(service);
    }

    pub(super) fn remove_service(&mut self, name: &Name) -> Result<(), SystemError> {
        let removed = Arc::make_mut(&mut self.directory).remove_service(name);
        let service = removed.ok_or_else(|| unknown("service", name))?;
        service.mailbox.close();
        self.leaving.push(service);
        self.forget_the_gone();
        Ok(())
    }

    pub(super) fn define_group(&mut self, group: GroupSpec, limits: &Limits) -> Result<(), SystemError> {
        group.check(limits)?;
        if self.directory.group_named(&group.name).is_some() {
            return Err(SystemError::Exists { what: "group", name: group.name });
        }
        let mut members = group.members.iter().map(|member| &member.name);
        if let Some(stranger) = members.find(|name| self.directory.service_named(name).is_none()) {
            return Err(unknown("service", stranger));
        }
        Arc::make_mut(&mut self.directory).insert_group(group);
        Ok(())
    }

    pub(super) fn remove_group(&mut self, name: &Name) -> Result<(), SystemError> {
        let number = self.directory.group_named(name).ok_or_else(|| unknown("group", name))?;
        Arc::make_mut(&mut self.directory).remove_group(number);
        Ok(())
    }

    pub(super) fn add_rule(&mut self, rule: &Rule, limits: &Limits) -> Result<(), SystemError> {
        rule.check(limits)?;
        if self.rulebook.contains(&rule.id) {
            return Err(SystemError::Exists { what: "rule", name: rule.id.clone() });
        }
        if let Some(target) = rule.targets.iter().find(|target| !self.directory.knows(target)) {
            return Err(InvalidRule::UnknownTarget { rule: rule.id.clone(), target: target.clone() }.into());
        }
        let (services, groups) = self.numbers(rule);
        self.rulebook.add(rule, services, groups);
        Ok(())
    }

    pub(super) fn remove_rule(&mut self, id: &Name) -> Result<(), SystemError> {
        let rule = self.rulebook.remove(id).ok_or_else(|| unknown("rule", id))?;
        let directory = Arc::make_mut(&mut self.directory);
        rule.services.iter().for_each(|&number| directory.service_numbers.release(number));
        rule.groups.iter().for_each(|&number| directory.group_numbers.release(number));
        Ok(())
    }

    /// The numbers of a rule's targets, each once and mentioned once more.
    fn numbers(&mut self, rule: &Rule) -> (Vec<u32>, Vec<u32>) {
        let directory = Arc::make_mut(&mut self.directory);
        let targets: BTreeSet<&Target> = rule.targets.iter().collect();
        let (mut services, mut groups) = (Vec::new(), Vec::new());
        for target in targets {
            match target {
                Target::Service(name) => services.push(directory.service_numbers.acquire(name)),
                Target::Group(name) => groups.push(directory.group_numbers.acquire(name)),
            }
        }
        (services, groups)
    }

    pub(super) fn forget_the_gone(&mut self) {
        let gone = &mut self.gone;
        self.leaving.retain(|service| {
            let ended = service.mailbox.has_ended();
            if ended {
                *gone += service.mailbox.counts().ledger;
            }
            !ended
        });
    }
}

fn unknown(what: &'static str, name: &Name) -> SystemError {
    SystemError::Unknown { what, name: name.clone() }
}
