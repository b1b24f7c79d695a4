//! What is accepted where there is a budget.

use std::sync::Arc;

use super::CrucibleCore;
use super::clock::Moment;
use super::outbox::Lanes;
use super::publish::{NOTHING_YET, Numbers, add_once, may_wait};
use super::receivers::{Scratch, Snapshot};
use crate::event::Event;
use crate::routing::{Budget, Claim, OnFull, Publication, Refusal};

/// What a chunk is accepted by, and what tells who gets its events.
pub(super) struct Within<'a> {
    pub(super) core: &'a CrucibleCore,
    pub(super) budget: &'a Arc<Budget>,
    pub(super) snapshot: &'a Snapshot,
    pub(super) now: Moment,
    pub(super) on_full: OnFull,
}

impl Within<'_> {
    /// Those that are new claim their bytes. Only an event for which there is room enters the window, so one that is
    /// refused leaves it as it was. Once there is a shortage, an event that nobody gets claims nothing.
    #[cold]
    pub(super) fn accept(
        &self,
        chunk: &[Arc<Event>],
        claims: &mut Vec<Option<Claim>>,
        publications: &mut [Publication],
    ) -> Lanes {
        let (mut accepted, mut let_go, mut short) = (Lanes::default(), Vec::new(), false);
        let mut window = self.core.window();
        window.prune(self.now);
        for (position, (event, publication)) in chunk.iter().zip(publications).enumerate() {
            let claimed = match self.snapshot.check(event, &self.core.shared.config.limits) {
                Err(why) => Err(Publication::refused(why)),
                Ok(()) if window.contains(event.id) => Err(Publication::Duplicate),
                Ok(()) => self.admit(event, chunk.len() == 1, &mut short, &mut let_go),
            };
            if !matches!(claimed, Err(Publication::Refused(_) | Publication::Duplicate)) {
                window.insert(event.id);
            }
            claims.push(match claimed {
                Ok(claim) => {
                    accepted[event.priority.lane()] |= 1 << position;
                    Some(claim)
                }
                Err(told) => {
                    *publication = told;
                    None
                }
            });
        }
        drop(window);
        drop(let_go); // outside the lock: they may be the last to hold their events
        accepted
    }

    /// A new event's part of the budget, or what is told of it; `short`: whether there was too little room before.
    fn admit(
        &self,
        event: &Arc<Event>,
        alone: bool,
        short: &mut bool,
        let_go: &mut Vec<Arc<Event>>,
    ) -> Result<Claim, Publication> {
        if !*short && let Ok(claim) = self.budget.claim(event) {
            return Ok(claim);
        }
        *short = true;
        match self.goes_nowhere(event, alone) {
            Some(told) => Err(told),
            None => self.claim(event, let_go).map_err(Publication::refused),
        }
    }

    /// An event's part of the budget. Dead letters make room for it, since else those of one service could keep all
    /// others from getting anything.
    fn claim(&self, event: &Arc<Event>, let_go: &mut Vec<Arc<Event>>) -> Result<Claim, Refusal> {
        loop {
            let held = match self.budget.claim(event) {
                Ok(claim) => return Ok(claim),
                Err(held) => held,
            };
            let bytes = event.held_bytes();
            if !self.core.shared.letters.make_room(self.budget, bytes, let_go) {
                return Err(Refusal::OverBudget { bytes, held, limit: self.budget.limit() });
            }
        }
    }

    /// What is told of an event that nobody gets, if that is certain beforehand. Of a group a member is chosen only in
    /// turn, and whether full mailboxes turn it away is certain only of one that is published `alone`: others may take room
    /// before it, or let it go.
    fn goes_nowhere(&self, event: &Event, alone: bool) -> Option<Publication> {
        let directory = &self.snapshot.directory;
        let (mut scratch, mut receivers) = (Scratch::default(), Numbers::new());
        let groups = self.snapshot.visit(event, &mut scratch, |services| {
            services.iter().for_each(|&number| add_once(&mut receivers, number));
        });
        if groups.iter().any(|&group| directory.group_name(group).is_some()) {
            return None;
        }
        let displaces = self.on_full == OnFull::DropLowest && self.core.due(event, self.now).is_none();
        let displaces = displaces.then(|| event.priority.lane());
        let mut full = 0;
        for service in receivers.iter().filter_map(|&number| directory.service(number)) {
            if !alone || may_wait(self.on_full) || service.mailbox.takes_one(displaces) {
                return None;
            }
            full += 1;
        }
        Some(if full == 0 { NOTHING_YET } else { Publication::BackPressure { deliveries: 0, full } })
    }
}
