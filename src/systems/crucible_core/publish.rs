//! Handing events in: one, or many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use smallvec::SmallVec;

use super::CrucibleCore;
use super::mailbox::Pushed;
use super::outbox::{Desk, Routed};
use super::receivers::Scratch;
use super::service::{Service, in_handler};
use crate::event::Event;
use crate::routing::{OnFull, Publication, SystemError};

/// Events by what became of them.
#[derive(Debug, Default)]
pub(super) struct EventCounts {
    pub(super) accepted: AtomicU64,
    pub(super) unmatched: AtomicU64,
    pub(super) refused: AtomicU64,
    /// Deliveries, not events.
    pub(super) turned_away: AtomicU64,
}

impl EventCounts {
    fn count(&self, publications: &[Publication]) {
        let (mut accepted, mut unmatched, mut refused, mut turned_away) = (0, 0, 0, 0);
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
                Publication::Refused(_) => refused += 1,
            }
        }
        let counters = [&self.accepted, &self.unmatched, &self.refused, &self.turned_away];
        for (counter, more) in counters.into_iter().zip([accepted, unmatched, refused, turned_away]) {
            if more > 0 {
                counter.fetch_add(more, Ordering::Relaxed);
            }
        }
    }
}

/// Services whose mailbox was full.
type Stuck = SmallVec<[(u32, Arc<Service>); 4]>;

impl CrucibleCore {
    pub(super) async fn publish_one(
        &self,
        event: Arc<Event>,
        on_full: OnFull,
    ) -> Result<Publication, SystemError> {
        self.check_open()?;
        let (mut publication, stuck) = self.hand_over(&event);
        let wait = may_wait(on_full);
        for (_, service) in stuck {
            if wait {
                let mut left = vec![event.clone()];
                service.mailbox.push_all_waiting(&mut left).await;
                left.iter().for_each(|_| leave_out(&mut publication, false));
            } else {
                leave_out(&mut publication, true);
            }
        }
        self.events.count(std::slice::from_ref(&publication));
        Ok(publication)
    }

    /// Pushes an event to all its receivers. Those whose mailbox is full are counted as deliveries
    /// and returned.
    fn hand_over(&self, event: &Arc<Event>) -> (Publication, Stuck) {
        let mut stuck = Stuck::new();
        let snapshot = self.snapshot.load();
        let mut scratch = Scratch::default();
        let receivers = match snapshot.receivers(event, &self.config.limits, &mut scratch) {
            Ok(receivers) => receivers,
            Err(why) => return (Publication::refused(why), stuck),
        };
        let mut deliveries = 0;
        for &number in receivers {
            let Some(service) = snapshot.directory.service(number) else {
                continue;
            };
            match service.mailbox.push(event) {
                Pushed::All => deliveries += 1,
                Pushed::Full => {
                    deliveries += 1;
                    stuck.push((number, service.clone()));
                }
                Pushed::Closed => {}
            }
        }
        (Publication::Accepted { deliveries: Some(deliveries) }, stuck)
    }

    pub(super) async fn publish_many(
        &self,
        events: &[Arc<Event>],
        on_full: OnFull,
    ) -> Result<Vec<Publication>, SystemError> {
        let mut publications = Vec::with_capacity(events.len());
        let wait = may_wait(on_full);
        let mut desk = self.desks.take();
        // By chunks, so that what is gathered stays bounded and in the caches.
        for chunk in events.chunks(self.config.batch) {
            self.check_open()?;
            let begin = publications.len();
            let stuck = self.gather_and_hand_over(chunk, wait, &mut desk, &mut publications);
            for (number, service) in stuck {
                let Desk { outbox, routed, .. } = &mut *desk;
                let left = outbox.buffer(number);
                service.mailbox.push_all_waiting(left).await;
                leave_all_out(left, chunk, routed, &mut publications[begin..], false);
            }
            self.events.count(&publications[begin..]);
        }
        Ok(publications)
    }

    /// Routes the events of a chunk and pushes them, one lock for each receiver. Returns the services
    /// to wait for; their events stay in the outbox.
    fn gather_and_hand_over(
        &self,
        chunk: &[Arc<Event>],
        wait: bool,
        desk: &mut Desk,
        publications: &mut Vec<Publication>,
    ) -> Stuck {
        let snapshot = self.snapshot.load();
        let Desk { outbox, routed, scratch } = desk;
        let begin = publications.len();
        routed.clear();
        // Routed in the order of publishing, which the rounds of groups follow.
        for event in chunk {
            publications.push(match snapshot.receivers(event, &self.config.limits, scratch) {
                Ok(receivers) => {
                    let deliveries = routed.note(event.priority, receivers);
                    Publication::Accepted { deliveries: Some(deliveries) }
                }
                Err(why) => {
                    routed.note(event.priority, &[]);
                    Publication::refused(why)
                }
            });
        }
        // Gathered in the order of priority, so that nobody has to sort later.
        routed.sort();
        outbox.make_room(snapshot.directory.slots());
        for (position, receivers) in routed.by_priority() {
            for &number in receivers {
                outbox.add(number, chunk[position].clone());
            }
        }
        let mut stuck = Stuck::new();
        outbox.flush(|number, events| {
            let service = snapshot.directory.service(number);
            let pushed = service.map_or(Pushed::Closed, |service| service.mailbox.push_all(events));
            match (pushed, service) {
                (Pushed::All, _) => {}
                (Pushed::Full, Some(service)) if wait => stuck.push((number, service.clone())),
                (pushed, _) => {
                    let full = pushed == Pushed::Full;
                    leave_all_out(events, chunk, routed, &mut publications[begin..], full);
                }
            }
        });
        stuck
    }
}

/// Takes back the deliveries of `left`, the last of those of `chunk` that go to one service, in the
/// order in which they were gathered.
fn leave_all_out(
    left: &mut Vec<Arc<Event>>,
    chunk: &[Arc<Event>],
    routed: &Routed,
    publications: &mut [Publication],
    full: bool,
) {
    for (position, _) in routed.by_priority().rev() {
        if left.last().is_some_and(|last| Arc::ptr_eq(last, &chunk[position])) {
            left.pop();
            leave_out(&mut publications[position], full);
        }
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
        Publication::Refused(_) => return,
    };
}

/// A handler that waited for room could wait for itself, through others or directly.
fn may_wait(on_full: OnFull) -> bool {
    on_full == OnFull::Wait && !in_handler()
}
