use std::sync::Arc;

use smallvec::SmallVec;

use super::directory::Directory;
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

impl Snapshot {
    /// Numbers of the services that get this event, each once; some may have left. Advances the
    /// rounds of its groups.
    ///
    /// # Errors
    /// Why nobody gets it.
    pub(super) fn receivers<'s>(
        &'s self,
        event: &Event,
        limits: &Limits,
        scratch: &'s mut Scratch,
    ) -> Result<&'s [u32], Refusal> {
        limits.check(event)?;
        if event.scheduled_at.is_some() {
            return Err(Refusal::Scheduled);
        }
        let Scratch { table, receivers } = scratch;
        if !event.targets.is_empty() {
            return self.explicit(event, receivers);
        }
        let route = self.table.route(event, table);
        if route.groups.is_empty() {
            return Ok(route.services);
        }
        receivers.clear();
        receivers.extend_from_slice(route.services);
        self.add_members(route.groups, receivers);
        Ok(receivers)
    }

    fn explicit<'s>(
        &self,
        event: &Event,
        receivers: &'s mut SmallVec<[u32; 32]>,
    ) -> Result<&'s [u32], Refusal> {
        if let Some(target) = event.targets.iter().find(|target| !self.directory.knows(target)) {
            return Err(Refusal::UnknownTarget(target.clone()));
        }
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
        self.add_members(&groups, receivers);
        Ok(receivers)
    }

    fn add_members(&self, groups: &[u32], receivers: &mut SmallVec<[u32; 32]>) {
        for member in groups.iter().filter_map(|&group| self.directory.next_member(group)) {
            if !receivers.contains(&member) {
                receivers.push(member);
            }
        }
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
