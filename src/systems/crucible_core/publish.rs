//! Handing events in: one, or many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use smallvec::SmallVec;

use super::CrucibleCore;
use super::balance::Load;
use super::call::in_handler;
use super::clock::Moment;
use super::directory::Directory;
use super::mailbox::Pushed;
use super::outbox::{Desk, Outbox, Places};
use super::receivers::{Receivers, Scratch, Snapshot};
use super::service::Service;
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
    fn count(&self, publications: &[Publication]) {
        let (mut accepted, mut unmatched, mut refused, mut duplicate, mut turned_away) = (0, 0, 0, 0, 0);
        for publication in publications {
            match publication {
                Publication::Accepted { deliveries } => {
                    accepted += 1;
                    unmatched += u64::from(*deliveries == Some(0));
                }
                Publication::BackPressure { full, .. } => {
                    accepted += 1;
                    turned_away += u64::from(*full);
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
    }
}

/// Deliveries of some events to one service, on their way into its mailbox.
struct Consignment {
    service: Arc<Service>,
    parcel: Parcel,
    /// Of a scheduled event that is not due yet.
    due: Option<Moment>,
}

/// Those whose mailbox was full; few, if any.
type Stuck = SmallVec<[Consignment; 4]>;

/// What balancing goes by: how things are, and what this publisher is about to hand over.
struct Scales<'a> {
    directory: &'a Directory,
    outbox: &'a Outbox,
    now: Moment,
}

impl Load for Scales<'_> {
    fn unsettled(&self, number: u32) -> u64 {
        let service = self.directory.service(number);
        let gathered = u64::from(self.outbox.gathered(number));
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
        let (mut publication, stuck) = self.hand_over_one(&event, on_full);
        for mut consignment in stuck {
            self.push_waiting(&mut consignment).await;
            consignment.parcel.iter().for_each(|_| leave_out(&mut publication, false));
        }
        self.events.count(std::slice::from_ref(&publication));
        Ok(publication)
    }

    /// Pushes an event to all its receivers. Those to wait for are counted as deliveries and returned.
    fn hand_over_one(&self, event: &Arc<Event>, on_full: OnFull) -> (Publication, Stuck) {
        let mut stuck = Stuck::new();
        let snapshot = self.snapshot.load();
        if let Err(why) = snapshot.check(event, &self.shared.config.limits) {
            return (Publication::refused(why), stuck);
        }
        let now = self.shared.clock.now();
        if !self.window().is_new(event.id, now) {
            return (Publication::Duplicate, stuck);
        }
        let (due, wait) = (self.due(event, now), may_wait(on_full));
        let mut scratch = Scratch::default();
        let load = Scales { directory: &snapshot.directory, outbox: &Outbox::default(), now };
        let receivers = snapshot.receivers(event, &load, &mut scratch);
        let mut publication = told(receivers);
        for &number in receivers.services {
            let Some(service) = snapshot.directory.service(number) else {
                leave_out(&mut publication, false);
                continue;
            };
            let mut parcel = Parcel::one(event.clone());
            match self.push(service, &mut parcel, due, now, on_full) {
                Pushed::All => {}
                Pushed::Full if wait => stuck.push(Consignment { service: service.clone(), parcel, due }),
                pushed => leave_out(&mut publication, pushed == Pushed::Full),
            }
        }
        self.forget_if_turned_away(event, &publication);
        (publication, stuck)
    }

    pub(super) async fn publish_many(
        &self,
        events: &[Arc<Event>],
        on_full: OnFull,
    ) -> Result<Vec<Publication>, SystemError> {
        let mut publications = Vec::with_capacity(events.len());
        let mut desk = self.desks.take();
        // By chunks that fit into an envelope.
        for chunk in events.chunks(Envelope::CAPACITY) {
            self.check_open()?;
            let begin = publications.len();
            let stuck = self.hand_over_many(chunk, on_full, &mut desk, &mut publications);
            for mut consignment in stuck {
                self.push_waiting(&mut consignment).await;
                leave_all_out(&consignment.parcel, &desk.places, &mut publications[begin..], false);
            }
            self.events.count(&publications[begin..]);
        }
        Ok(publications)
    }

    /// Routes the events of a chunk and pushes them, one lock for each receiver. Returns the services
    /// to wait for.
    fn hand_over_many(
        &self,
        chunk: &[Arc<Event>],
        on_full: OnFull,
        desk: &mut Desk,
        publications: &mut Vec<Publication>,
    ) -> Stuck {
        let mut stuck = Stuck::new();
        let (snapshot, now, begin) = (self.snapshot.load(), self.shared.clock.now(), publications.len());
        let accepted = self.accept(chunk, &snapshot, now, publications);
        let publications = &mut publications[begin..];
        let Desk { outbox, later, places, scratch } = desk;
        places.assign(chunk, accepted);
        outbox.make_room(snapshot.directory.slots());
        // Routed in the order of publishing, which the rounds of groups follow.
        for position in Bits(accepted) {
            let event = &chunk[position];
            let load = Scales { directory: &snapshot.directory, outbox, now };
            let receivers = snapshot.receivers(event, &load, scratch);
            publications[position] = told(receivers);
            let place = places.of(position);
            match self.due(event, now) {
                None => receivers.services.iter().for_each(|&number| outbox.add(number, place)),
                Some(due) => later.extend(receivers.services.iter().map(|&number| (number, 1 << place, due))),
            }
        }
        if outbox.is_empty() && later.is_empty() {
            return stuck;
        }
        let envelope = places.envelope(chunk);
        let wait = may_wait(on_full);
        let at_once = outbox.drain().map(|(number, picked)| (number, picked, None));
        let in_time = later.drain(..).map(|(number, picked, due)| (number, picked, Some(due)));
        for (number, picked, due) in at_once.chain(in_time) {
            let mut parcel = Parcel::pick(&envelope, picked);
            let Some(service) = snapshot.directory.service(number) else {
                leave_all_out(&parcel, places, publications, false);
                continue;
            };
            match self.push(service, &mut parcel, due, now, on_full) {
                Pushed::All => {}
                Pushed::Full if wait => stuck.push(Consignment { service: service.clone(), parcel, due }),
                pushed => leave_all_out(&parcel, places, publications, pushed == Pushed::Full),
            }
        }
        for (event, publication) in chunk.iter().zip(publications) {
            self.forget_if_turned_away(event, publication);
        }
        stuck
    }

    /// Says of each event of a chunk whether it is refused or a duplicate; a bit for each that is neither.
    fn accept(
        &self,
        chunk: &[Arc<Event>],
        snapshot: &Snapshot,
        now: Moment,
        publications: &mut Vec<Publication>,
    ) -> u64 {
        let begin = publications.len();
        for event in chunk {
            publications.push(match snapshot.check(event, &self.shared.config.limits) {
                Ok(()) => Publication::Accepted { deliveries: Some(0) },
                Err(why) => Publication::refused(why),
            });
        }
        let mut accepted = 0;
        let mut window = self.window();
        window.prune(now);
        for (position, (event, publication)) in chunk.iter().zip(&mut publications[begin..]).enumerate() {
            if matches!(publication, Publication::Refused(_)) {
                continue;
            }
            if window.insert(event.id, now) {
                accepted |= 1 << position;
            } else {
                *publication = Publication::Duplicate;
            }
        }
        accepted
    }

    /// Who got nothing because there was no room may be published again.
    fn forget_if_turned_away(&self, event: &Event, publication: &Publication) {
        if let Publication::BackPressure { deliveries: 0, .. } = publication {
            self.window().forget(event.id);
        }
    }

    /// When a scheduled event is due, if that is later.
    fn due(&self, event: &Event, now: Moment) -> Option<Moment> {
        let due = self.shared.clock.moment(event.scheduled_at?);
        (due > now).then_some(due)
    }

    /// Pushes what there is room for.
    pub(super) fn push(
        &self,
        service: &Service,
        parcel: &mut Parcel,
        due: Option<Moment>,
        now: Moment,
        on_full: OnFull,
    ) -> Pushed {
        let deadline = due.unwrap_or(now).after(self.shared.config.event_timeout);
        match (due, on_full) {
            (Some(due), _) => service.mailbox.push_delayed(parcel, due, deadline),
            (None, OnFull::Wait | OnFull::Refuse) => service.mailbox.push(parcel, deadline),
            (None, OnFull::DropLowest) => {
                let mut displaced = Vec::new();
                let pushed = service.mailbox.push_displacing(parcel, deadline, &mut displaced);
                for event in displaced {
                    self.shared.letters.put(&service.name, event, DeathCause::Displaced);
                }
                pushed
            }
        }
    }

    /// Pushes all, waiting for room as often as it takes. What is left in the parcel found the service gone.
    async fn push_waiting(&self, consignment: &mut Consignment) {
        let Consignment { service, parcel, due } = consignment;
        loop {
            service.mailbox.wait_for_room().await;
            let now = self.shared.clock.now();
            let due = due.filter(|due| *due > now);
            if self.push(service, parcel, due, now, OnFull::Wait) != Pushed::Full {
                return;
            }
        }
    }
}

/// What is told of an event if all its receivers have room.
fn told(receivers: Receivers<'_>) -> Publication {
    #[allow(clippy::cast_possible_truncation)] // each of them has a number of 32 bits
    let deliveries = receivers.services.len() as u32;
    match receivers.unavailable {
        0 => Publication::Accepted { deliveries: Some(deliveries) },
        full => Publication::BackPressure { deliveries, full },
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
