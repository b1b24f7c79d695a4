use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::outbox::Outbox;
use super::plan::Lists;
use super::queue::Appended;
use super::single::refuses;
use super::{BATCH, Reference};
use crate::event::Event;
use crate::routing::{OnFull, Publication};

impl Reference {
    /// Gathers the events by target and takes each target's lock once for every [`BATCH`] of them.
    pub(super) async fn send_batched(&self, events: &[Arc<Event>], on_full: OnFull) -> Vec<Publication> {
        let mut publications = Vec::with_capacity(events.len());
        let mut outbox = self.outboxes.take(self.queues.len());
        let mut lists = self.plan.advance(events.len());
        for chunk in events.chunks(BATCH) {
            let (first, begin) = (publications.len(), lists.clone());
            gather(chunk, &mut lists, &mut outbox, &mut publications);
            let mut short = Vec::new();
            outbox.flush(&self.queues, |target, appended| short.push((target, appended)));
            for (target, appended) in short {
                let rest = outbox.rest(target);
                let appended = self.push_rest(target, rest, appended, on_full).await;
                self.strike(target, appended, rest.len(), begin.clone(), &mut publications[first..]);
            }
            outbox.clear();
        }
        publications
    }

    /// For a queue that could not take all: waits for room as long as that is asked for. Returns how
    /// many were accepted in all; what was not stays in `rest`.
    async fn push_rest(
        &self,
        target: u32,
        rest: &mut Vec<Arc<Event>>,
        mut so_far: Appended,
        on_full: OnFull,
    ) -> Appended {
        let queue = &self.queues[target as usize];
        while so_far.open && !rest.is_empty() && !refuses(on_full) {
            queue.room().await;
            let Appended { accepted, open } = queue.append(rest);
            so_far = Appended { accepted: so_far.accepted + accepted, open };
        }
        so_far
    }

    /// Corrects the publications of the `missing` events that `target` was to get last.
    fn strike(
        &self,
        target: u32,
        appended: Appended,
        missing: usize,
        lists: Lists<'_>,
        publications: &mut [Publication],
    ) {
        let full = u32::from(appended.open);
        self.turned_away.fetch_add(missing as u64 * u64::from(full), Relaxed);
        let of_target = publications.iter_mut().zip(lists).filter(|(_, targets)| targets.contains(&target));
        for (publication, _) in of_target.skip(appended.accepted).take(missing) {
            strike_one(publication, full);
        }
    }
}

/// Takes the next lists, one for each event.
#[inline]
fn gather(chunk: &[Arc<Event>], lists: &mut Lists<'_>, outbox: &mut Outbox, told: &mut Vec<Publication>) {
    for (event, targets) in chunk.iter().zip(lists) {
        for &target in targets {
            outbox.add(target, event.clone());
        }
        told.push(Publication::Accepted { deliveries: Some(targets.len() as u32) });
    }
}

/// One delivery less, because of a full queue or (`full` is 0) of a closed one.
fn strike_one(publication: &mut Publication, full: u32) {
    *publication = match *publication {
        Publication::BackPressure { deliveries, full: before } => {
            Publication::BackPressure { deliveries: deliveries - 1, full: before + full }
        }
        Publication::Accepted { deliveries: Some(deliveries) } if full > 0 => {
            Publication::BackPressure { deliveries: deliveries - 1, full }
        }
        Publication::Accepted { deliveries: Some(deliveries) } => {
            Publication::Accepted { deliveries: Some(deliveries - 1) }
        }
        Publication::Accepted { deliveries: None } | Publication::Duplicate | Publication::Refused(_) => {
            return;
        }
    };
}
