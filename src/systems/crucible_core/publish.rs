//! Handing events in: one, or many at once.

use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use smallvec::SmallVec;

use super::CrucibleCore;
use super::balance::Load;
use super::call::in_handler;
use super::clock::Moment;
use super::directory::{Choice, Directory};
use super::mailbox::Pushed;
use super::outbox::{Desk, Lanes, Outbox, Places};
use super::receivers::{Scratch, Snapshot};
use super::service::Service;
use super::within::Within;
use crate::event::Event;
use crate::routing::{Bits, DeathCause, Envelope, Health, OnFull, Parcel, Publication, SystemError};

/// Events by what became of them.
#[derive(Debug, Default)]
pub(super) struct EventCounts {
    pub(super) accepted: AtomicU64,
    pub(super) unmatched: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) duplicate: AtomicU64,
    /// Deliveries, not events.
    pub(super) turned_away: AtomicU64,
}

impl EventCounts {
    /// Adds them up. Returns whether some were turned away altogether.
    fn count(&self, publications: &[Publication]) -> bool {
        let (mut accepted, mut unmatched, mut refused, mut duplicate, mut turned_away) = (0, 0, 0, 0, 0);
        let mut some_got_nothing = false;
        for publication in publications {
            match publication {
                Publication::Accepted { deliveries: Some(0) } => {
                    accepted += 1;
                    unmatched += 1;
                }
                Publication::Accepted { .. } => accepted += 1,
                Publication::BackPressure { full, .. } => {
                    accepted += 1;
                    turned_away += u64::from(*full);
                    some_got_nothing |= was_turned_away(publication);
                }
                Publication::Duplicate => duplicate += 1,
                Publication::Refused(_) => refused += 1,
            }
        }
        let counters = [&self.accepted, &self.unmatched, &self.refused, &self.duplicate, &self.turned_away];
        let more = [accepted, unmatched, refused, duplicate, turned_away];
        for (counter, more) in counters.into_iter().zip(more) {
            if more > 0 {
                counter.fetch_add(more, Ordering::Relaxed);
            }
        }
        some_got_nothing
    }
}

/// Deliveries of some events to one service, on their way into its mailbox.
struct Consignment {
    service: Arc<Service>,
    parcel: Parcel,
    /// Of a scheduled event that is not due yet.
    due: Option<Moment>,
}

/// The services that get an event.
pub(super) type Numbers = SmallVec<[u32; 32]>;

pub(super) fn add_once(numbers: &mut Numbers, number: u32) {
    if !numbers.contains(&number) {
        numbers.push(number);
    }
}

/// Of an event that was not looked at.
pub(super) const NOTHING_YET: Publication = Publication::Accepted { deliveries: Some(0) };

/// Those whose mailbox was full; mostly none.
type Stuck = Vec<Consignment>;

/// What balancing goes by: how things are, and what this publisher is about to hand over.
struct Scales<'a> {
    directory: &'a Directory,
    outbox: Option<&'a Outbox>,
    /// That of the event to be weighed, whose own deliveries do not count.
    place: u64,
    now: Moment,
}

impl Load for Scales<'_> {
    fn unsettled(&self, number: u32) -> u64 {
        let service = self.directory.service(number);
        let beside = |outbox: &Outbox| u64::from(outbox.gathered_beside(number, self.place));
        let gathered = self.outbox.map_or(0, beside);
        service.map_or(0, |service| service.mailbox.unsettled()) + gathered
    }

    fn health(&self, number: u32) -> Health {
        self.directory.service(number).map_or(Health::Unhealthy, |service| service.health(self.now))
    }
}

impl CrucibleCore {
    pub(super) async fn publish_one(
        &self,
        event: Arc<Event>,
        on_full: OnFull,
    ) -> Result<Publication, SystemError> {
        self.check_open()?;
        let mut publication = NOTHING_YET;
        let stuck = match self.budget {
            None => self.hand_over_one(&event, on_full, &mut publication),
            Some(_) => self.hand_over_claimed(&event, on_full, &mut publication),
        };
        for consignment in stuck {
            if self.push_waiting(consignment).await.is_some() {
                leave_out(&mut publication, false);
            }
        }
        if self.events.count(slice::from_ref(&publication)) {
            self.window().forget(event.id);
        }
        Ok(publication)
    }

    /// [`hand_over`](Self::hand_over) for a single event, without what serves to share many.
    fn hand_over_one(&self, event: &Arc<Event>, on_full: OnFull, publication: &mut Publication) -> Stuck {
        let mut stuck = Stuck::new();
        let (snapshot, now) = (self.snapshot.load(), self.shared.clock.now());
        if let Err(why) = snapshot.check(event, &self.shared.config.limits) {
            *publication = Publication::refused(why);
            return stuck;
        }
        if !self.window().is_new(event.id, now) {
            *publication = Publication::Duplicate;
            return stuck;
        }
        let mut receivers = Numbers::new();
        let full = self.receivers(event, &snapshot, now, &mut receivers);
        #[allow(clippy::cast_possible_truncation)] // each of them has a number of 32 bits
        tell(publication, receivers.len() as u32, full);
        let due = self.due(event, now);
        let deadline = self.deadline(now);
        for number in receivers {
            let Some(service) = snapshot.directory.service(number) else {
                leave_out(publication, false);
                continue;
            };
            let parcel = Parcel::one(event.clone());
            let pushed = match due {
                None => self.push(service, parcel, deadline, on_full),
                Some(due) => self.push_delayed(service, parcel, due),
            };
            match pushed {
                Pushed::All => {}
                Pushed::Full(parcel) if may_wait(on_full) => {
                    stuck.push(Consignment { service: service.clone(), parcel, due });
                }
                Pushed::Full(_) => leave_out(publication, true),
                Pushed::Closed(_) => leave_out(publication, false),
            }
        }
        stuck
    }

    /// The same where there is a budget: what the event has of it is kept in an envelope.
    #[cold]
    fn hand_over_claimed(&self, event: &Arc<Event>, on_full: OnFull, publication: &mut Publication) -> Stuck {
        let mut desk = self.desks.take();
        self.hand_over(slice::from_ref(event), on_full, &mut desk, slice::from_mut(publication))
    }

    /// Gathers who gets an event, each once; returns of how many groups no member was available.
    fn receivers(&self, event: &Event, snapshot: &Snapshot, now: Moment, receivers: &mut Numbers) -> u32 {
        let mut scratch = Scratch::default();
        let groups = snapshot.visit(event, &mut scratch, |services| {
            if receivers.is_empty() {
                receivers.extend_from_slice(services);
            } else {
                services.iter().for_each(|&number| add_once(receivers, number));
            }
        });
        let mut full = 0;
        for &group in groups {
            let load = Scales { directory: &snapshot.directory, outbox: None, place: 0, now };
            match snapshot.directory.next_member(group, &load) {
                Choice::Member(number) => add_once(receivers, number),
                Choice::Unavailable => full += 1,
                Choice::Nobody => {}
            }
        }
        full
    }

    pub(super) async fn publish_many(
        &self,
        events: &[Arc<Event>],
        on_full: OnFull,
    ) -> Result<Vec<Publication>, SystemError> {
        let mut publications = vec![NOTHING_YET; events.len()];
        // By chunks that fit into an envelope.
        let chunks = events.chunks(Envelope::CAPACITY).zip(publications.chunks_mut(Envelope::CAPACITY));
        for (chunk, publications) in chunks {
            self.publish_chunk(chunk, on_full, publications).await?;
        }
        Ok(publications)
    }

    async fn publish_chunk(
        &self,
        chunk: &[Arc<Event>],
        on_full: OnFull,
        publications: &mut [Publication],
    ) -> Result<(), SystemError> {
        self.check_open()?;
        let mut desk = self.desks.take();
        let stuck = self.hand_over(chunk, on_full, &mut desk, publications);
        for consignment in stuck {
            if let Some(left) = self.push_waiting(consignment).await {
                leave_all_out(&left, &desk.places, publications, false);
            }
        }
        // Not before: those who waited in vain, since the service left, got nothing either.
        if self.events.count(publications) {
            self.forget_the_turned_away(chunk, publications);
        }
        Ok(())
    }

    /// Routes the events of a chunk and pushes them, one lock for each receiver. Returns the services
    /// to wait for.
    fn hand_over(
        &self,
        chunk: &[Arc<Event>],
        on_full: OnFull,
        desk: &mut Desk,
        publications: &mut [Publication],
    ) -> Stuck {
        let (snapshot, now) = (self.snapshot.load(), self.shared.clock.now());
        desk.outbox.make_room(snapshot.directory.slots());
        let accepted = match &self.budget {
            None => self.accept(chunk, &snapshot, now, publications),
            Some(budget) => {
                let within = Within { core: self, budget, snapshot: &snapshot, now, on_full };
                within.accept(chunk, &mut desk.claims, publications)
            }
        };
        desk.places.assign(accepted);
        self.route(chunk, any_of(accepted), &snapshot, now, desk, publications);
        self.push_gathered(chunk, &snapshot, now, on_full, desk, publications)
    }

    /// Gathers who gets the events at these positions, in the order of publishing, which the rounds of groups
    /// follow.
    #[inline(never)]
    fn route(
        &self,
        chunk: &[Arc<Event>],
        positions: u64,
        snapshot: &Snapshot,
        now: Moment,
        desk: &mut Desk,
        publications: &mut [Publication],
    ) {
        let Desk { outbox, later, places, scratch, .. } = desk;
        for (position, (event, publication)) in chunk.iter().zip(publications).enumerate() {
            if positions >> position & 1 == 0 {
                continue;
            }
            let place = places.of(position);
            let due = self.due(event, now);
            let mut deliveries = 0;
            let groups = snapshot.visit(event, scratch, |services| {
                deliveries += outbox.add_all(services, place, deliveries == 0)
            });
            let mut full = 0;
            for &group in groups {
                let load = Scales { directory: &snapshot.directory, outbox: Some(outbox), place, now };
                match snapshot.directory.next_member(group, &load) {
                    Choice::Member(number) => deliveries += u32::from(outbox.add(number, place)),
                    Choice::Unavailable => full += 1,
                    Choice::Nobody => {}
                }
            }
            tell(publication, deliveries, full);
            if let Some(due) = due {
                later.extend(outbox.take_out(place).map(|number| (number, place, due)));
            }
        }
    }

    #[inline(never)]
    fn push_gathered(
        &self,
        chunk: &[Arc<Event>],
        snapshot: &Snapshot,
        now: Moment,
        on_full: OnFull,
        desk: &mut Desk,
        publications: &mut [Publication],
    ) -> Stuck {
        let mut stuck = Stuck::new();
        let Desk { outbox, later, places, claims, .. } = desk;
        if outbox.is_empty() && later.is_empty() {
            claims.clear();
            return stuck;
        }
        let envelope = if claims.is_empty() { places.envelope(chunk) } else { places.claimed(chunk, claims) };
        let wait = may_wait(on_full);
        let mut keep_or_leave_out = |number: u32, pushed: Pushed, due: Option<Moment>| match pushed {
            Pushed::All => {}
            Pushed::Full(parcel) if wait => {
                let service = snapshot.directory.service(number).expect("it was pushed to").clone();
                stuck.push(Consignment { service, parcel, due });
            }
            Pushed::Full(left) => leave_all_out(&left, places, publications, true),
            Pushed::Closed(left) => leave_all_out(&left, places, publications, false),
        };
        let deadline = self.deadline(now);
        for (number, picked) in outbox.drain() {
            let parcel = Parcel::of_places(&envelope, picked);
            let Some(service) = snapshot.directory.service(number) else {
                keep_or_leave_out(number, Pushed::Closed(parcel), None);
                continue;
            };
            match self.push(service, parcel, deadline, on_full) {
                Pushed::All => {}
                left => keep_or_leave_out(number, left, None),
            }
        }
        for (number, picked, due) in later.drain(..) {
            let parcel = Parcel::of_places(&envelope, picked);
            let pushed = match snapshot.directory.service(number) {
                Some(service) => self.push_delayed(service, parcel, due),
                None => Pushed::Closed(parcel),
            };
            keep_or_leave_out(number, pushed, Some(due));
        }
        stuck
    }

    /// Says of each event of a chunk whether it is refused or a duplicate; the bits of those that are neither.
    #[inline(never)]
    fn accept(
        &self,
        chunk: &[Arc<Event>],
        snapshot: &Snapshot,
        now: Moment,
        publications: &mut [Publication],
    ) -> Lanes {
        let mut accepted = Lanes::default();
        for (position, (event, publication)) in chunk.iter().zip(&mut *publications).enumerate() {
            match snapshot.check(event, &self.shared.config.limits) {
                Ok(()) => accepted[event.priority.lane()] |= 1 << position,
                Err(why) => *publication = Publication::refused(why),
            }
        }
        let mut window = self.window();
        window.prune(now);
        let sound = any_of(accepted);
        for (position, (event, publication)) in chunk.iter().zip(publications).enumerate() {
            if sound >> position & 1 == 1 && !window.insert(event.id) {
                accepted[event.priority.lane()] &= !(1 << position);
                *publication = Publication::Duplicate;
            }
        }
        accepted
    }

    /// Who got nothing because there was no room may be published again.
    fn forget_the_turned_away(&self, chunk: &[Arc<Event>], publications: &[Publication]) {
        let mut window = self.window();
        let turned_away =
            chunk.iter().zip(publications).filter(|(_, publication)| was_turned_away(publication));
        turned_away.for_each(|(event, _)| window.forget(event.id));
    }

    /// When a scheduled event is due, if that is later.
    pub(super) fn due(&self, event: &Event, now: Moment) -> Option<Moment> {
        let due = self.shared.clock.moment(event.scheduled_at?);
        (due > now).then_some(due)
    }

    /// Until when a delivery may be begun that could be begun from this moment on.
    pub(super) fn deadline(&self, from: Moment) -> Moment {
        from.after(self.shared.config.event_timeout)
    }

    /// Pushes what there is room for.
    #[inline(always)]
    pub(super) fn push(
        &self,
        service: &Service,
        parcel: Parcel,
        deadline: Moment,
        on_full: OnFull,
    ) -> Pushed {
        match on_full {
            OnFull::Wait | OnFull::Refuse => service.mailbox.push(parcel, deadline),
            OnFull::DropLowest => self.push_displacing(service, parcel, deadline),
        }
    }

    #[cold]
    fn push_displacing(&self, service: &Service, parcel: Parcel, deadline: Moment) -> Pushed {
        let mut displaced = Vec::new();
        let pushed = service.mailbox.push_displacing(parcel, deadline, &mut displaced);
        for single in displaced {
            self.shared.letters.put(&service.name, single, DeathCause::Displaced);
        }
        pushed
    }

    /// The same as [`push`](Self::push) for deliveries that are due later.
    #[cold]
    fn push_delayed(&self, service: &Service, parcel: Parcel, due: Moment) -> Pushed {
        service.mailbox.push_delayed(parcel, due, self.deadline(due))
    }

    /// Pushes all, waiting for room as often as it takes. Returns what is left when the service is gone.
    async fn push_waiting(&self, consignment: Consignment) -> Option<Parcel> {
        let Consignment { service, mut parcel, due } = consignment;
        loop {
            service.mailbox.wait_for_room().await;
            let now = self.shared.clock.now();
            let pushed = match due.filter(|due| *due > now) {
                None => self.push(&service, parcel, self.deadline(now), OnFull::Wait),
                Some(due) => self.push_delayed(&service, parcel, due),
            };
            match pushed {
                Pushed::All => return None,
                Pushed::Full(left) => parcel = left,
                Pushed::Closed(left) => return Some(left),
            }
        }
    }
}

fn any_of([a, b, c, d]: Lanes) -> u64 {
    a | b | c | d
}

fn was_turned_away(publication: &Publication) -> bool {
    matches!(publication, Publication::BackPressure { deliveries: 0, .. })
}

/// What is told of an accepted event if all its receivers have room.
#[inline]
fn tell(publication: &mut Publication, deliveries: u32, full: u32) {
    match publication {
        // In place: most events come this way, and the old value needs no dropping.
        Publication::Accepted { deliveries: told } if full == 0 => *told = Some(deliveries),
        _ => *publication = Publication::BackPressure { deliveries, full },
    }
}

/// Takes back the deliveries that are left in a parcel.
fn leave_all_out(parcel: &Parcel, places: &Places, publications: &mut [Publication], full: bool) {
    for place in Bits(parcel.picked()) {
        leave_out(&mut publications[places.position(place)], full);
    }
}

/// Takes one delivery back: because the mailbox was full, or because the service has left.
fn leave_out(publication: &mut Publication, full: bool) {
    let more = u32::from(full);
    *publication = match *publication {
        Publication::Accepted { deliveries: Some(deliveries) } if !full => {
            Publication::Accepted { deliveries: Some(deliveries - 1) }
        }
        Publication::Accepted { deliveries } => {
            Publication::BackPressure { deliveries: deliveries.unwrap_or(1) - 1, full: more }
        }
        Publication::BackPressure { deliveries, full } => {
            Publication::BackPressure { deliveries: deliveries - 1, full: full + more }
        }
        Publication::Duplicate | Publication::Refused(_) => return,
    };
}

/// A handler that waited for room could wait for itself, through others or directly.
pub(super) fn may_wait(on_full: OnFull) -> bool {
    on_full == OnFull::Wait && !in_handler()
}
