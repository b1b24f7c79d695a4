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

/// Room for what no table cell holds as it is.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    table: table::Scratch,
    groups: SmallVec<[u32; 8]>,
}

impl Scratch {
    pub(super) fn len(&self) -> usize {
        self.table.len() + self.groups.len()
    }
}

impl Snapshot {
    /// Whether the event can be accepted at all.
    ///
    /// # Errors
    /// Why nobody gets it.
    #[inline(always)]
    pub(super) fn check(&self, event: &Event, limits: &Limits) -> Result<(), Refusal> {
        if limits.is_plain_and_sound(event) { Ok(()) } else { self.check_thoroughly(event, limits) }
    }

    fn check_thoroughly(&self, event: &Event, limits: &Limits) -> Result<(), Refusal> {
        limits.check_each(event)?;
        self.check_targets(event)
    }

    fn check_targets(&self, event: &Event) -> Result<(), Refusal> {
        match event.targets.iter().find(|target| !self.directory.knows(target)) {
            Some(target) => Err(Refusal::UnknownTarget(target.clone())),
            None => Ok(()),
        }
    }

    /// Calls `services` with the numbers of those that an event is for: lists in which each is once, some in more
    /// than one list; some may have left. Returns the groups of which one member gets it, each once.
    #[inline]
    pub(super) fn visit<'s>(
        &'s self,
        event: &Event,
        scratch: &'s mut Scratch,
        services: impl FnMut(&[u32]),
    ) -> &'s [u32] {
        if event.targets.is_empty() {
            self.table.visit(event, &mut scratch.table, services)
        } else {
            self.visit_explicit(event, &mut scratch.groups, services)
        }
    }

    fn visit_explicit<'s>(
        &self,
        event: &Event,
        groups: &'s mut SmallVec<[u32; 8]>,
        mut services: impl FnMut(&[u32]),
    ) -> &'s [u32] {
        groups.clear();
        for target in event.targets.iter() {
            match target {
                Target::Service(name) => {
                    self.directory.service_named(name).iter().for_each(|(number, _)| services(&[*number]));
                }
                Target::Group(name) => groups.extend(self.directory.group_named(name)),
            }
        }
        groups.sort_unstable();
        groups.dedup();
        groups
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
