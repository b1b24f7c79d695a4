//! Handing events in: what has to be answered, and what was.

use std::sync::Arc;

use super::coverage::Count;
use super::published::{Delivery, Expected, Fate, Published};
use super::script::Draft;
use super::violation::Promise;
use super::world::{MS, Model, Totals, World, nanos};
use crate::event::{Event, EventId, EventKind, Invalid, Payload, Target, Timestamp};
use crate::routing::{
    Capability, EventSystem, OnFull, Publication, Refusal, State, Statistics, Strategy, SystemError,
};

/// Who publishes, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    pub(super) publisher: usize,
    pub(super) batch: bool,
    pub(super) on_full: OnFull,
    pub(super) in_handler: bool,
}

/// Publishes drafts, each with the serial number of what led to it.
pub(super) async fn publish<S: EventSystem>(
    world: &World,
    system: &S,
    manner: Manner,
    drafts: &[(Option<usize>, Draft)],
) {
    let size = if manner.batch { drafts.len().max(1) } else { 1 };
    for drafts in drafts.chunks(size) {
        if world.lock().verdict().is_err() {
            return;
        }
        publish_at_once(world, system, manner, drafts).await;
    }
}

async fn publish_at_once<S: EventSystem>(
    world: &World,
    system: &S,
    manner: Manner,
    drafts: &[(Option<usize>, Draft)],
) {
    // Before the first await of the call: what the system goes by at this moment.
    let asks = {
        let model = world.lock();
        model.goes_by_state || model.offers(Capability::ByteBudget)
    };
    let statistics = if asks { system.statistics().await.ok() } else { None };
    let wall = system.now();
    let (first, events) = {
        let mut model = world.lock();
        if let Some(statistics) = &statistics {
            model.look(statistics);
        }
        model.publishing += 1;
        let mut room = model.room(statistics.as_ref());
        let first = model.published.len();
        let events: Vec<_> = drafts
            .iter()
            .map(|(cause, draft)| model.foretell(manner, draft, *cause, wall, drafts.len() > 1, &mut room))
            .collect();
        (first, events)
    };
    let answer = if manner.batch {
        system.publish_batch(&events, manner.on_full).await
    } else {
        let publication = system.publish(events[0].clone(), manner.on_full).await;
        publication.map(|publication| vec![publication])
    };
    // Before anything else happens: how full the queues are, and who was displaced.
    let turned_away =
        |answer: &Vec<_>| answer.iter().any(|told| matches!(told, Publication::BackPressure { .. }));
    let look = manner.batch || manner.on_full == OnFull::DropLowest || answer.as_ref().is_ok_and(turned_away);
    let statistics = if look { system.statistics().await.ok() } else { None };
    let letters = match manner.on_full {
        OnFull::DropLowest => system.dead_letters().await.ok(),
        _ => None,
    };
    let mut model = world.lock();
    model.publishing -= 1;
    model.answered(manner, first, events.len(), answer, statistics.as_ref());
    if let (Some(letters), Some(statistics)) = (letters, statistics) {
        model.reconcile(&letters);
        model.doubt(&statistics);
    }
}

/// Bytes that there is room for.
#[derive(Debug)]
struct Room {
    free: u64,
    /// That only dead letters hold.
    of_letters: u64,
    /// Whether there was too little room for an event of this batch: from then on what nobody gets needs none.
    short: bool,
}

/// What an event took of it.
#[derive(Debug, PartialEq, Eq)]
enum Took {
    Free,
    /// Some had to go.
    OfLetters,
    /// It is refused.
    Nothing,
}

impl Room {
    fn take(&mut self, bytes: u64, nobody: bool) -> Took {
        self.short |= bytes > self.free;
        if self.short && nobody {
            return Took::Free;
        }
        let more = bytes.saturating_sub(self.free);
        if more > self.of_letters {
            return Took::Nothing;
        }
        self.free = self.free.saturating_sub(bytes);
        self.of_letters -= more;
        if more > 0 { Took::OfLetters } else { Took::Free }
    }
}

impl Model {
    /// What the system has to do with an event that is about to be published.
    fn foretell(
        &mut self,
        manner: Manner,
        draft: &Draft,
        cause: Option<usize>,
        wall: Timestamp,
        among_others: bool,
        room: &mut Room,
    ) -> Arc<Event> {
        let now = self.now();
        let serial = self.published.len();
        let event = self.event(draft, serial, wall);
        let generation = cause.map_or(0, |cause| self.published[cause].generation + 1);
        let mut published = Published {
            id: event.id,
            publisher: manner.publisher,
            lane: event.priority.lane(),
            bytes: event.held_bytes(),
            retry_limit: event.retry_limit,
            generation,
            called_at: now,
            doubts: self.doubts,
            closed: self.closing,
            answered_at: None,
            due: event.scheduled_at.map(|at| now + at.0.saturating_sub(wall.0)).filter(|&due| due > now),
            expected: Expected::Duplicate,
            deliveries: Vec::new(),
            loose: Vec::new(),
            loose_groups: 0,
            told: 0,
        };
        published.expected = self.route(&event, &mut published, among_others, room);
        if self.tells() {
            let to: Vec<_> =
                published.deliveries.iter().map(|to| self.actors[to.actor].name.clone()).collect();
            let (id, publisher, on_full) = (event.id.0, manner.publisher, manner.on_full);
            let (priority, due) = (event.priority, published.due.map(|due| due / MS));
            let line = format!(
                "publisher {publisher}: #{serial}, id {id:x}, {priority:?}, {on_full:?}, due {due:?}, to {to:?}"
            );
            self.note(&[], || line);
        }
        self.note(&[serial as u64, published.deliveries.len() as u64], || "  foretold".to_owned());
        self.count(Count::Events, 1);
        self.count(Count::FollowUps, u64::from(generation > 0));
        self.published.push(published);
        event
    }

    fn event(&mut self, draft: &Draft, serial: usize, wall: Timestamp) -> Arc<Event> {
        let before = draft.again.and_then(|again| self.ids.len().checked_sub(again));
        let before = before.filter(|_| self.offers(Capability::Deduplication));
        let id = before.map_or(EventId(serial as u128 + 1), |at| self.ids[at]);
        self.ids.push(id);
        let kind = EventKind::BUILT_IN[draft.kind].clone();
        let source = if draft.malformed {
            self.names.nobody.clone()
        } else {
            self.names.sources[draft.source].clone()
        };
        let later = draft.later_ms.filter(|_| self.offers(Capability::Scheduling));
        let payload = Payload::Binary(bytes::Bytes::from_static(b"simulated"));
        Arc::new(Event {
            priority: draft.priority,
            targets: if draft.targets.is_empty() {
                self.names.targets.clone()
            } else {
                draft.targets.clone().into()
            },
            scheduled_at: later.map(|ms| Timestamp(wall.0 + ms * MS)),
            correlation_id: Some(EventId(serial as u128 + 1)),
            retry_limit: draft.retry_limit,
            ..Event::new(id, kind, source, Timestamp(1), payload)
        })
    }

    /// For how many bytes there is room as it is, and how much more dead letters could make.
    fn room(&self, statistics: Option<&Statistics>) -> Room {
        let told = statistics.and_then(|told| Some((told.held_bytes?, told.letter_bytes)));
        let limit = self.terms.byte_budget.filter(|_| self.offers(Capability::ByteBudget));
        match (limit, told) {
            (Some(limit), Some((held, of_letters))) => {
                Room { free: limit.saturating_sub(held), of_letters, short: false }
            }
            _ => Room { free: u64::MAX, of_letters: 0, short: false },
        }
    }

    fn route(
        &mut self,
        event: &Event,
        published: &mut Published,
        among_others: bool,
        room: &mut Room,
    ) -> Expected {
        let now = published.called_at;
        if event.source.is_empty() {
            return Expected::Refused(Refusal::Invalid(Invalid::EmptyName { field: "source" }));
        }
        if let Some(unknown) = event.targets.iter().find(|target| !self.knows(target)) {
            return Expected::Refused(Refusal::UnknownTarget(unknown.clone()));
        }
        if self.closing {
            return Expected::Duplicate; // it is not looked at
        }
        if self.window.as_mut().is_some_and(|window| window.contains(event.id, now)) {
            return Expected::Duplicate;
        }
        if self.offers(Capability::ByteBudget) {
            let targets = self.oracle.preview(event);
            let targets: Vec<&Target> = targets.iter().filter(|target| self.knows(target)).collect();
            match room.take(published.bytes, targets.is_empty()) {
                Took::Nothing => {
                    let to_services = targets.iter().all(|target| matches!(target, Target::Service(_)));
                    let all = if to_services { targets.len() } else { 0 };
                    return Expected::OverBudget { all: u32::try_from(all).expect("few services") };
                }
                Took::Free => {}
                Took::OfLetters => self.letters.may_go = true,
            }
        }
        if let Some(window) = &mut self.window {
            window.insert(event.id, now);
        }
        let mut unavailable = 0;
        if self.goes_by_state {
            unavailable = self.oracle.unavailable(event);
            if among_others {
                (published.loose, published.loose_groups) = self.loose(event);
            }
        }
        let receivers = self.oracle.publish(event).unwrap_or_default();
        let from = published.due.unwrap_or(now);
        for receiver in receivers {
            let Some(actor) = self.actor(&receiver) else { continue };
            published.deliveries.push(Delivery::new(actor, from));
        }
        Expected::Routed { unavailable: u32::try_from(unavailable).expect("few groups") }
    }

    fn knows(&self, target: &Target) -> bool {
        match target {
            Target::Service(name) => self.actor(name).is_some(),
            Target::Group(name) => self.groups.contains_key(name),
        }
    }

    /// Members of the event's groups that go by load, which changes while a batch is published, and how many
    /// groups these are.
    fn loose(&self, event: &Event) -> (Vec<usize>, usize) {
        let (mut loose, mut groups) = (Vec::new(), 0);
        for target in self.oracle.preview(event) {
            if let Target::Group(name) = target
                && let Some(group) = self.groups.get(&name)
                && group.strategy == Strategy::LeastConnections
            {
                groups += 1;
                loose.extend(group.members.iter().filter_map(|member| self.actor(&member.name)));
            }
        }
        (loose, groups)
    }

    /// What statistics say at any moment: bounds, and what balancing goes by.
    pub(super) fn look(&mut self, statistics: &Statistics) {
        let now = self.now();
        for service in &statistics.services {
            if self.goes_by_state {
                let state = State { health: service.health, unsettled: service.queued + service.waiting };
                self.oracle.observe(&service.name, state);
            }
        }
        self.check_bounds(statistics, now);
    }

    fn answered(
        &mut self,
        manner: Manner,
        first: usize,
        count: usize,
        answer: Result<Vec<Publication>, SystemError>,
        statistics: Option<&Statistics>,
    ) {
        let now = self.now();
        let publications = match answer {
            Ok(publications) => publications,
            Err(error) => {
                let closed = matches!(error, SystemError::Closed) && self.closing;
                self.hold(closed, Promise::Answers, || format!("publishing #{first}…: {error}"));
                for published in &mut self.published[first..first + count] {
                    published.deliveries.clear();
                    published.answered_at = Some(now);
                }
                return self.note(&[0], || "  answer: closed".to_owned());
            }
        };
        self.same(Promise::Answers, "answers to a batch", count as u64, publications.len() as u64);
        self.count(Count::Waits, u64::from(self.published[first].called_at < now));
        // Of a batch some may be left out of a service's queue only if it is full afterwards.
        let mut turned_away = false;
        for (serial, publication) in (first..first + count).zip(&publications) {
            turned_away |= self.answer(manner, serial, publication, now);
        }
        if let Some(statistics) = statistics {
            self.look(statistics);
            if let Some(capacity) = self.terms.mailbox_capacity.filter(|_| turned_away) {
                let full = |service: &&crate::routing::ServiceStatistics| {
                    service.queued + service.waiting >= capacity as u64
                };
                let full = statistics.services.iter().filter(full).count();
                self.hold(full > 0, Promise::Answers, || {
                    format!("#{first}…: turned away, but no queue is full")
                });
            }
        }
    }

    /// Returns whether a full queue turned it away.
    fn answer(&mut self, manner: Manner, serial: usize, publication: &Publication, now: u64) -> bool {
        self.note(&[serial as u64, u64::from(publication.deliveries().unwrap_or(0))], || {
            format!("  answer to #{serial}: {publication:?}")
        });
        let published = &mut self.published[serial];
        published.answered_at = Some(now);
        let (expected, id) = (published.expected.clone(), published.id);
        let closed = published.closed;
        self.hold(!closed, Promise::Answers, || {
            format!("#{serial}: {publication:?}, though it was shut down")
        });
        match (expected, publication) {
            (Expected::Refused(why), Publication::Refused(got)) if **got == why => {
                self.totals.refused_events += 1;
                self.count(Count::Refused, 1);
                false
            }
            (Expected::OverBudget { .. }, Publication::Refused(got)) => self.refused_for_bytes(serial, got),
            // Who published it alone is told that all were full: so no bytes are needed.
            (Expected::OverBudget { all }, Publication::BackPressure { deliveries: 0, full })
                if all > 0 && *full == all && (manner.on_full != OnFull::Wait || manner.in_handler) =>
            {
                let called_at = self.published[serial].called_at;
                if let Some(window) = &mut self.window {
                    // As of whatever is turned away: in the meantime it may have displaced the oldest id.
                    window.insert(id, called_at);
                    window.forget(id);
                    self.count(Count::ForgottenIds, 1);
                }
                self.totals.accepted_events += 1;
                self.totals.turned_away += u64::from(*full);
                self.count(Count::TurnedAway, 1);
                true
            }
            (Expected::Duplicate, Publication::Duplicate) => {
                self.totals.duplicate_events += 1;
                self.count(Count::Duplicates, 1);
                false
            }
            (Expected::Routed { unavailable }, Publication::Accepted { deliveries }) => {
                self.accepted(manner, serial, *deliveries, 0, unavailable, now)
            }
            (Expected::Routed { unavailable }, Publication::BackPressure { deliveries, full }) => {
                if *deliveries == 0
                    && let Some(window) = &mut self.window
                {
                    window.forget(id);
                    self.count(Count::ForgottenIds, 1);
                }
                self.accepted(manner, serial, Some(*deliveries), *full, unavailable, now)
            }
            (expected, got) => {
                let window = matches!(expected, Expected::Duplicate) || *got == Publication::Duplicate;
                let promise = if window { Promise::Window } else { Promise::Answers };
                self.violated(promise, format!("#{serial}: expected {expected:?}, got {got:?}"));
                false
            }
        }
    }

    fn refused_for_bytes(&mut self, serial: usize, got: &Refusal) -> bool {
        let (own, most) = (self.published[serial].bytes, self.terms.byte_budget.unwrap_or(u64::MAX));
        let fits = match *got {
            Refusal::OverBudget { bytes, held, limit } => {
                bytes == own && limit == most && held <= limit && held + bytes > limit
            }
            _ => false,
        };
        self.hold(fits, Promise::Answers, || format!("#{serial} takes {own} of {most} bytes, but {got:?}"));
        self.totals.refused_events += 1;
        self.count(Count::OverBudget, 1);
        false
    }

    fn accepted(
        &mut self,
        manner: Manner,
        serial: usize,
        deliveries: Option<u32>,
        full: u32,
        unavailable: u32,
        now: u64,
    ) -> bool {
        let published = &self.published[serial];
        // Some may be dead letters by now that were replayed.
        let fresh = || published.deliveries.iter().filter(|delivery| delivery.life == 0);
        let most = fresh().count();
        // Those that left, or were closed, while the call waited for room.
        let gone = fresh().filter(|to| self.closing || self.actors[to.actor].left).count();
        // Each of them may have chosen somebody who gets the event anyway.
        let loose = most.min(published.loose_groups);
        let deliveries = deliveries.map_or(most, |deliveries| deliveries as usize);
        let turned_away = full.saturating_sub(unavailable) as usize;
        let waited = manner.on_full == OnFull::Wait && !manner.in_handler;
        let least = most.saturating_sub(if waited { gone } else { 0 } + turned_away + loose);
        let most_told = most + published.loose.len();
        let fits = full >= unavailable
            && deliveries + turned_away <= most_told
            && deliveries >= least
            && (turned_away == 0 || (!waited && self.offers(Capability::BackPressure)));
        self.hold(fits, Promise::Answers, || {
            format!("#{serial}: {most} receivers, {unavailable} unavailable, but {deliveries} deliveries, {full} full")
        });
        let Totals { announced, accepted_events, unmatched_events, turned_away: away, .. } = &mut self.totals;
        *announced += deliveries as u64;
        *accepted_events += 1;
        *unmatched_events += u64::from(deliveries == 0 && full == 0);
        *away += u64::from(full);
        self.count(Count::Deliveries, deliveries as u64);
        self.count(Count::Unmatched, u64::from(deliveries == 0 && full == 0));
        self.count(Count::TurnedAway, u64::from(turned_away > 0));
        self.count(Count::Unavailable, u64::from(unavailable));
        let timeout = self.terms.event_timeout.map_or(u64::MAX, nanos);
        let published = &mut self.published[serial];
        published.told = deliveries as u64;
        // Each may have been accepted as late as this.
        let from = published.due.filter(|&due| due > now).unwrap_or(now);
        let untried =
            published.deliveries.iter_mut().filter(|delivery| delivery.failures == 0 && delivery.life == 0);
        untried.for_each(|delivery| delivery.deadline = Some(from.saturating_add(timeout)));
        self.count(Count::Scheduled, u64::from(self.published[serial].due.is_some() && deliveries > 0));
        if deliveries == most && self.published[serial].loose.is_empty() {
            self.all_accepted(serial, now);
        }
        turned_away > 0
    }

    /// Where more were displaced than letters tell, nobody knows what still waits.
    pub(super) fn doubt(&mut self, statistics: &Statistics) {
        let displaced: u64 = statistics.services.iter().map(|service| service.displaced).sum();
        let displaced = displaced + self.totals.displaced_before;
        if displaced > self.totals.displaced_seen {
            self.totals.displaced_seen = displaced;
            self.doubts += 1;
            self.actors.iter_mut().for_each(|actor| actor.ready[1..].iter_mut().for_each(Vec::clear));
        }
    }

    /// All deliveries of this event certainly wait.
    fn all_accepted(&mut self, serial: usize, now: u64) {
        let timeout = self.terms.event_timeout.map_or(u64::MAX, nanos);
        let Published { deliveries, due, lane, called_at, doubts, .. } = &mut self.published[serial];
        let due = due.filter(|&due| due > now);
        for delivery in deliveries {
            if delivery.fate != Fate::Waiting || delivery.failures > 0 || delivery.life > 0 {
                continue;
            }
            delivery.ready_at = Some(due.unwrap_or(now));
            if due.is_none() && *doubts == self.doubts {
                let earliest = called_at.saturating_add(timeout);
                self.actors[delivery.actor].ready[*lane].push((serial, earliest));
            }
        }
    }
}
