use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::queue::{Appended, Queue};
use crate::event::Event;
use crate::routing::Gauge;

/// Deliveries gathered by target.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    buffers: Vec<Vec<Arc<Event>>>,
    /// Targets whose buffer got something, each once.
    touched: Vec<u32>,
}

impl Outbox {
    fn sized(targets: usize) -> Self {
        Self { buffers: vec![Vec::new(); targets], touched: Vec::new() }
    }

    #[inline]
    pub(super) fn add(&mut self, target: u32, event: Arc<Event>) {
        let buffer = &mut self.buffers[target as usize];
        if buffer.is_empty() {
            self.touched.push(target);
        }
        buffer.push(event);
    }

    /// Appends each target's deliveries to its queue; tells `short` of those that could not take all.
    /// What they did not take stays here until [`Outbox::clear`].
    pub(super) fn flush(&mut self, queues: &[Arc<Queue>], mut short: impl FnMut(u32, Appended)) {
        let buffers = &mut self.buffers;
        self.touched.retain(|&target| {
            let buffer = &mut buffers[target as usize];
            let appended = queues[target as usize].append(buffer);
            if !buffer.is_empty() {
                short(target, appended);
            }
            !buffer.is_empty()
        });
    }

    /// What a queue did not take.
    pub(super) fn rest(&mut self, target: u32) -> &mut Vec<Arc<Event>> {
        &mut self.buffers[target as usize]
    }

    /// Lets go of what no queue took.
    pub(super) fn clear(&mut self) {
        for target in self.touched.drain(..) {
            self.buffers[target as usize].clear();
        }
    }
}

/// Outboxes that are not in use: as many as there ever were publishers at one moment.
#[derive(Debug, Default)]
pub(super) struct Outboxes(Mutex<Vec<Outbox>>);

impl Outboxes {
    fn lock(&self) -> MutexGuard<'_, Vec<Outbox>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entries of what idle ones keep.
    pub(super) fn gauges(&self) -> [Gauge; 3] {
        let idle = self.lock();
        let buffered = idle.iter().flat_map(|outbox| &outbox.buffers).map(Vec::len).sum();
        [
            Gauge::registered("idle outboxes", idle.len()),
            Gauge::passing("idle outboxes: events", buffered),
            Gauge::passing("idle outboxes: targets", idle.iter().map(|outbox| outbox.touched.len()).sum()),
        ]
    }

    pub(super) fn take(&self, targets: usize) -> Borrowed<'_> {
        let kept = self.lock().pop();
        Borrowed { outbox: kept.unwrap_or_else(|| Outbox::sized(targets)), home: self }
    }
}

/// An outbox that goes back, empty, when its publisher is done or gives up waiting for room.
pub(super) struct Borrowed<'a> {
    outbox: Outbox,
    home: &'a Outboxes,
}

impl Deref for Borrowed<'_> {
    type Target = Outbox;
    fn deref(&self) -> &Outbox {
        &self.outbox
    }
}

impl DerefMut for Borrowed<'_> {
    fn deref_mut(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.outbox.clear();
        self.home.lock().push(mem::take(&mut self.outbox));
    }
}
