use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::Reference;
use super::handling::in_handler;
use super::queue::{Pushed, Queue};
use crate::event::Event;
use crate::routing::{OnFull, Publication};

/// How far an event has come.
struct Offered {
    deliveries: u32,
    /// Targets without room. Seldom any, and an empty vector allocates nothing.
    full: Vec<(u32, Arc<Event>)>,
}

impl Reference {
    /// Gives the event to all its targets, to those without room last.
    pub(super) async fn send(&self, event: Arc<Event>, targets: &[u32], on_full: OnFull) -> Publication {
        let Offered { mut deliveries, full } = self.offer(event, targets);
        if full.is_empty() {
            return Publication::Accepted { deliveries: Some(deliveries) };
        }
        if refuses(on_full) {
            return self.turn_away(deliveries, full.len());
        }
        for (target, event) in full {
            deliveries += u32::from(push_when_there_is_room(&self.queues[target as usize], event).await);
        }
        Publication::Accepted { deliveries: Some(deliveries) }
    }

    /// The last target gets the publisher's own pointer: one count less.
    #[inline]
    fn offer(&self, event: Arc<Event>, targets: &[u32]) -> Offered {
        let mut offered = Offered { deliveries: 0, full: Vec::new() };
        if let Some((&last, others)) = targets.split_last() {
            for &target in others {
                offered.note(target, self.queues[target as usize].push(event.clone()));
            }
            offered.note(last, self.queues[last as usize].push(event));
        }
        offered
    }

    fn turn_away(&self, deliveries: u32, full: usize) -> Publication {
        self.turned_away.fetch_add(full as u64, Relaxed);
        Publication::BackPressure { deliveries, full: full as u32 }
    }
}

impl Offered {
    #[inline]
    fn note(&mut self, target: u32, pushed: Pushed) {
        match pushed {
            Pushed::Accepted => self.deliveries += 1,
            Pushed::Closed => {}
            Pushed::Full(event) => self.full.push((target, event)),
        }
    }
}

pub(super) fn refuses(on_full: OnFull) -> bool {
    on_full != OnFull::Wait || in_handler()
}

/// Whether it was accepted: the queue may be closed meanwhile.
async fn push_when_there_is_room(queue: &Queue, mut event: Arc<Event>) -> bool {
    loop {
        queue.room().await;
        match queue.push(event) {
            Pushed::Accepted => return true,
            Pushed::Closed => return false,
            Pushed::Full(back) => event = back,
        }
    }
}
