use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustc_hash::FxHashMap;

use super::balance::{Candidate, Load, choose};
use super::service::Service;
use crate::event::{Name, Target};
use crate::routing::{GroupSpec, Member};

/// Who gets an event that goes to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    Member(u32),
    /// No member is registered, or there is no such group: such an event is not the group's.
    Nobody,
    /// The strategy takes none of the registered members at this moment.
    Unavailable,
}

/// Names and numbers of services and groups as they are at one moment. Replaced as a whole.
///
/// A number stands for a name as long as anything mentions that name: a registration, a group or a
/// rule. So a service that leaves and returns has its number, and the rules needn't be touched.
#[derive(Debug, Clone, Default)]
pub(super) struct Directory {
    services: Vec<Option<Arc<Service>>>,
    groups: Vec<Option<Group>>,
    pub(super) service_numbers: Numbers,
    pub(super) group_numbers: Numbers,
}

#[derive(Debug, Clone)]
struct Group {
    spec: Arc<GroupSpec>,
    members: Box<[Candidate]>,
    /// The members that are registered, in the order of the round.
    present: Box<[Candidate]>,
    /// How many events it got while a member was present.
    turn: Arc<AtomicU64>,
}

impl Directory {
    pub(super) fn service(&self, number: u32) -> Option<&Arc<Service>> {
        self.services.get(number as usize)?.as_ref()
    }

    pub(super) fn service_named(&self, name: &str) -> Option<(u32, &Arc<Service>)> {
        let number = self.service_numbers.get(name)?;
        Some((number, self.service(number)?))
    }

    /// How many numbers were ever needed at once.
    pub(super) fn slots(&self) -> usize {
        self.services.len()
    }

    pub(super) fn group_slots(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn services(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.services.iter().flatten()
    }

    /// The entries of each structure, by what they are.
    pub(super) fn lengths(&self) -> [(&'static str, usize); 7] {
        let groups = || self.groups.iter().flatten();
        [
            ("services", self.services().count()),
            ("places for services", self.services.len()),
            ("groups", groups().count()),
            ("places for groups", self.groups.len()),
            ("members of groups", groups().map(|group| group.members.len() + group.present.len()).sum()),
            ("numbers of services", self.service_numbers.len()),
            ("numbers of groups", self.group_numbers.len()),
        ]
    }

    pub(super) fn has_group(&self, number: u32) -> bool {
        self.groups.get(number as usize).is_some_and(Option::is_some)
    }

    pub(super) fn group_named(&self, name: &str) -> Option<u32> {
        self.group_numbers.get(name).filter(|&number| self.has_group(number))
    }

    pub(super) fn group_name(&self, number: u32) -> Option<&Name> {
        Some(&self.groups.get(number as usize)?.as_ref()?.spec.name)
    }

    /// The member that gets the next event of a group.
    pub(super) fn next_member(&self, group: u32, load: &impl Load) -> Choice {
        let Some(group) = self.groups.get(group as usize).and_then(Option::as_ref) else {
            return Choice::Nobody;
        };
        if group.present.is_empty() {
            return Choice::Nobody;
        }
        let turn = group.turn.fetch_add(1, Ordering::Relaxed);
        choose(group.spec.strategy, &group.present, turn, load).map_or(Choice::Unavailable, Choice::Member)
    }

    pub(super) fn knows(&self, target: &Target) -> bool {
        match target {
            Target::Service(name) => self.service_named(name).is_some(),
            Target::Group(name) => self.group_named(name).is_some(),
        }
    }

    pub(super) fn insert_service(&mut self, service: Arc<Service>) {
        let number = self.service_numbers.acquire(&service.name);
        set(&mut self.services, number, Some(service));
        self.refresh_groups();
    }

    pub(super) fn remove_service(&mut self, name: &Name) -> Option<Arc<Service>> {
        let number = self.service_numbers.get(name)?;
        let service = self.services.get_mut(number as usize)?.take()?;
        self.service_numbers.release(number);
        self.refresh_groups();
        Some(service)
    }

    pub(super) fn insert_group(&mut self, spec: GroupSpec) {
        let candidate = |member: &Member| Candidate {
            number: self.service_numbers.acquire(&member.name),
            weight: member.weight,
            priority: member.priority,
        };
        let members = spec.members.iter().map(candidate).collect();
        let number = self.group_numbers.acquire(&spec.name);
        let group = Group { spec: spec.into(), members, present: Box::default(), turn: Arc::default() };
        set(&mut self.groups, number, Some(group));
        self.refresh_groups();
    }

    pub(super) fn remove_group(&mut self, number: u32) {
        let Some(group) = self.groups.get_mut(number as usize).and_then(Option::take) else {
            return;
        };
        group.members.iter().for_each(|member| self.service_numbers.release(member.number));
        self.group_numbers.release(number);
    }

    fn refresh_groups(&mut self) {
        let services = &self.services;
        let is_present =
            |member: &&Candidate| services.get(member.number as usize).is_some_and(Option::is_some);
        for group in self.groups.iter_mut().flatten() {
            group.present = group.members.iter().filter(is_present).copied().collect();
        }
    }
}

fn set<T>(slots: &mut Vec<Option<T>>, number: u32, value: Option<T>) {
    let position = number as usize;
    if slots.len() <= position {
        slots.resize_with(position + 1, || None);
    }
    slots[position] = value;
}

/// Numbers for names, given back when nothing mentions the name any more.
#[derive(Debug, Clone, Default)]
pub(super) struct Numbers {
    by_name: FxHashMap<Name, u32>,
    mentions: Vec<(Name, usize)>,
    free: Vec<u32>,
}

impl Numbers {
    /// Given out or free.
    fn len(&self) -> usize {
        self.by_name.len() + self.free.len()
    }

    fn get(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    /// The number of this name, mentioned once more.
    pub(super) fn acquire(&mut self, name: &Name) -> u32 {
        if let Some(number) = self.get(name) {
            self.mentions[number as usize].1 += 1;
            return number;
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.mentions.push((name.clone(), 0));
            u32::try_from(self.mentions.len() - 1).expect("fewer than 2³² names fit in memory")
        });
        self.mentions[number as usize] = (name.clone(), 1);
        self.by_name.insert(name.clone(), number);
        number
    }

    /// One mention less.
    pub(super) fn release(&mut self, number: u32) {
        let (name, mentions) = &mut self.mentions[number as usize];
        *mentions -= 1;
        if *mentions == 0 {
            self.by_name.remove(name);
            self.free.push(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_used_again_once_nobody_mentions_its_name() {
        let mut numbers = Numbers::default();
        let (a, b) = (numbers.acquire(&"a".into()), numbers.acquire(&"b".into()));
        assert_eq!(numbers.acquire(&"a".into()), a);
        numbers.release(a);
        assert_eq!(numbers.get("a"), Some(a));
        numbers.release(a);
        assert_eq!(numbers.get("a"), None);
        assert_eq!(numbers.acquire(&"c".into()), a);
        assert_eq!((numbers.get("b"), numbers.get("c")), (Some(b), Some(a)));
    }
}
