use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard};

use super::receivers::Scratch;
use crate::event::{Event, Priority};

/// The deliveries of a few events, gathered by service, so that each mailbox is locked once for all.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    buffers: Vec<Vec<Arc<Event>>>,
    /// The services whose buffer is not empty.
    touched: Vec<u32>,
}

impl Outbox {
    /// For services of numbers below `services`.
    pub(super) fn make_room(&mut self, services: usize) {
        if self.buffers.len() < services {
            self.buffers.resize_with(services, Vec::new);
        }
    }

    pub(super) fn add(&mut self, service: u32, event: Arc<Event>) {
        let buffer = &mut self.buffers[service as usize];
        if buffer.is_empty() {
            self.touched.push(service);
        }
        buffer.push(event);
    }

    pub(super) fn buffer(&mut self, service: u32) -> &mut Vec<Arc<Event>> {
        &mut self.buffers[service as usize]
    }

    /// Calls `flush` for each service with its events; those that it leaves stay.
    pub(super) fn flush(&mut self, mut flush: impl FnMut(u32, &mut Vec<Arc<Event>>)) {
        let buffers = &mut self.buffers;
        self.touched.retain(|&service| {
            let buffer = &mut buffers[service as usize];
            flush(service, buffer);
            !buffer.is_empty()
        });
    }

    /// Lets go of what was left.
    fn clear(&mut self) {
        self.flush(|_, events| events.clear());
    }
}

/// Who gets each event of a chunk.
#[derive(Debug, Default)]
pub(super) struct Routed {
    receivers: Vec<u32>,
    /// For each event its priority and where its receivers end.
    events: Vec<(Priority, usize)>,
    /// Positions of the events, in the order of priority and then of publishing.
    order: Vec<usize>,
}

impl Routed {
    pub(super) fn clear(&mut self) {
        self.receivers.clear();
        self.events.clear();
        self.order.clear();
    }

    /// The next event goes to these; returns how many they are.
    pub(super) fn note(&mut self, priority: Priority, receivers: &[u32]) -> u32 {
        self.receivers.extend_from_slice(receivers);
        self.events.push((priority, self.receivers.len()));
        receivers.len() as u32
    }

    /// To be called when all are noted: puts them in order.
    pub(super) fn sort(&mut self) {
        for priority in Priority::ALL {
            let of_this = self.events.iter().enumerate().filter(|(_, event)| event.0 == priority);
            self.order.extend(of_this.map(|(position, _)| position));
        }
    }

    /// Position and receivers of each event, in order.
    pub(super) fn by_priority(&self) -> impl DoubleEndedIterator<Item = (usize, &[u32])> {
        self.order.iter().map(|&position| {
            let begin = position.checked_sub(1).map_or(0, |before| self.events[before].1);
            (position, &self.receivers[begin..self.events[position].1])
        })
    }
}

/// What publishing a batch works with; kept for the next one.
#[derive(Debug, Default)]
pub(super) struct Desk {
    pub(super) outbox: Outbox,
    pub(super) routed: Routed,
    pub(super) scratch: Scratch,
}

/// Desks that nobody works at. At most as many are kept as published at the same time, and no more
/// than [`KEPT`].
#[derive(Debug, Default)]
pub(super) struct Desks(Mutex<Vec<Desk>>);

/// More publishers than this at one moment build a desk anew; on machines with more cores the lock
/// of the mailboxes bounds them sooner.
const KEPT: usize = 64;

impl Desks {
    fn lock(&self) -> MutexGuard<'_, Vec<Desk>> {
        self.0.lock().expect("nothing panics while it holds this lock")
    }

    pub(super) fn take(&self) -> DeskGuard<'_> {
        let desk = self.lock().pop().unwrap_or_default();
        DeskGuard { desks: self, desk }
    }
}

/// Gives the desk back, cleared, also when publishing was given up half-way.
pub(super) struct DeskGuard<'a> {
    desks: &'a Desks,
    desk: Desk,
}

impl Deref for DeskGuard<'_> {
    type Target = Desk;
    fn deref(&self) -> &Desk {
        &self.desk
    }
}

impl DerefMut for DeskGuard<'_> {
    fn deref_mut(&mut self) -> &mut Desk {
        &mut self.desk
    }
}

impl Drop for DeskGuard<'_> {
    fn drop(&mut self) {
        self.desk.outbox.clear();
        let desk = std::mem::take(&mut self.desk);
        let mut desks = self.desks.lock();
        if desks.len() < KEPT {
            desks.push(desk);
        }
    }
}
