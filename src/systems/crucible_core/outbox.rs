use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard};

use super::receivers::Scratch;
use crate::event::Event;

/// The deliveries of a few events, gathered by service, so that each mailbox is locked once for all.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    buffers: Vec<Vec<Arc<Event>>>,
    /// The services whose buffer is not empty.
    touched: Vec<u32>,
}

impl Outbox {
    pub(super) fn add(&mut self, service: u32, event: Arc<Event>) {
        let position = service as usize;
        if self.buffers.len() <= position {
            self.buffers.resize_with(position + 1, Vec::new);
        }
        let buffer = &mut self.buffers[position];
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

/// What publishing a batch works with; kept for the next one.
#[derive(Debug, Default)]
pub(super) struct Desk {
    pub(super) outbox: Outbox,
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
