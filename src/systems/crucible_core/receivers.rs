use std::sync::Arc;

use smallvec::SmallVec;

use super::balance::Load;
use super::directory::{Choice, Directory};
use super::table::{self, Table};
use crate::event::{Event, Limits, Name, Target};
use crate::routing::Refusal;

/// Everything that routing an event looks at, as it is at one moment. Replaced as a whole.
#[derive(Debug, Clone, Default)]
pub(super) struct Snapshot {
    pub(super) table: Table,
    pub(super) directory: Arc<Directory>,
}

/// Room for receivers that no table cell holds as they are.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    table: table::Scratch,
    receivers: SmallVec<[u32; 32]>,
}

/// Who gets an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Receivers<'s> {
    /// Numbers of services, each once; some may have left.
    pub(super) services: &'s [u32],
    /// Groups of which no member was available.
    pub(super) unavailable: u32,
}

impl Snapshot {
    /// Whether the event can be accepted at all.
    ///
    /// # Errors
    /// Why nobody gets it.
    pub(super) fn check(&self, event: &Event, limits: &Limits) -> Result<(), Refusal> {
        limits.check(event)?;
        match event.targets.iter().find(|target| !self.directory.knows(target)) {
            Some(target) => Err(Refusal::UnknownTarget(target.clone())),
            None => Ok(()),
        }
    }

    /// Who gets an event that was checked. Advances the rounds of its groups.
    #[inline]
    pub(super) fn receivers<'s>(
        &'s self,
        event: &Event,
        load: &impl Load,
        scratch: &'s mut Scratch,
    ) -> Receivers<'s> {
        let Scratch { table, receivers } = scratch;
        if !event.targets.is_empty() {
            return self.explicit(event, load, receivers);
        }
        let route = self.table.route(event, table);
        if route.groups.is_empty() {
            return Receivers { services: route.services, unavailable: 0 };
        }
        receivers.clear();
        receivers.extend_from_slice(route.services);
        self.with_members(route.groups, load, receivers)
    }

    fn explicit<'s>(
        &self,
        event: &Event,
        load: &impl Load,
        receivers: &'s mut SmallVec<[u32; 32]>,
    ) -> Receivers<'s> {
        receivers.clear();
        let mut groups = SmallVec::<[u32; 8]>::new();
        for target in event.targets.iter() {
            match target {
                Target::Service(name) => {
                    receivers.extend(self.directory.service_named(name).map(|(number, _)| number));
                }
                Target::Group(name) => groups.extend(self.directory.group_named(name)),
            }
        }
        receivers.sort_unstable();
        receivers.dedup();
        groups.sort_unstable();
        groups.dedup();
        self.with_members(&groups, load, receivers)
    }

    fn with_members<'s>(
        &self,
        groups: &[u32],
        load: &impl Load,
        receivers: &'s mut SmallVec<[u32; 32]>,
    ) -> Receivers<'s> {
        let mut unavailable = 0;
        for &group in groups {
            match self.directory.next_member(group, load) {
                Choice::Member(member) if !receivers.contains(&member) => receivers.push(member),
                Choice::Unavailable => unavailable += 1,
                Choice::Member(_) | Choice::Nobody => {}
            }
        }
        Receivers { services: receivers, unavailable }
    }

    /// The targets of an event that are there, sorted, each once. Advances nothing.
    pub(super) fn preview(&self, event: &Event) -> Vec<Target> {
        let directory = &self.directory;
        let mut targets: Vec<Target> = if event.targets.is_empty() {
            let mut scratch = table::Scratch::default();
            let route = self.table.route(event, &mut scratch);
            let service = |&number: &u32| directory.service(number).map(|s| Target::Service(s.name.clone()));
            let group =
                |&number: &u32| directory.group_name(number).map(|name: &Name| Target::Group(name.clone()));
            route.services.iter().filter_map(service).chain(route.groups.iter().filter_map(group)).collect()
        } else {
            event.targets.iter().filter(|target| directory.knows(target)).cloned().collect()
        };
        targets.sort_unstable();
        targets.dedup();
        targets
    }
}
