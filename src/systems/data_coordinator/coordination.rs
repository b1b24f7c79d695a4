use std::sync::Arc;
use std::vec;

use tokio::sync::mpsc::UnboundedReceiver;

use super::legacy::Legacy;
use super::service::Service;
use super::shared::Shared;
use crate::event::Event;

/// An accepted event on its way to those who get it, possibly to nobody.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) event: Arc<Event>,
    pub(super) targets: Vec<Arc<Service>>,
}

/// The one loop: event after event, and target after target within an event.
#[derive(Debug)]
pub(super) struct Coordination {
    shared: Arc<Shared>,
    queue: UnboundedReceiver<Job>,
    /// Targets of the event in hand, from the one that is being served.
    unserved: vec::IntoIter<Arc<Service>>,
    legacy: Legacy,
}

impl Coordination {
    pub(super) fn new(shared: Arc<Shared>, queue: UnboundedReceiver<Job>) -> Self {
        Self { queue, unserved: Vec::new().into_iter(), legacy: Legacy::new(shared.legacy.clone()), shared }
    }

    /// Until the system is closed and everything is served.
    pub(super) async fn run(mut self) {
        while let Some(Job { event, targets }) = self.queue.recv().await {
            self.unserved = targets.into_iter();
            self.coordinate(event).await;
            self.shared.event_settled();
        }
    }

    async fn coordinate(&mut self, event: Arc<Event>) {
        while let Some(target) = self.unserved.as_slice().first() {
            target.serve(&event).await;
            self.unserved.next();
        }
        self.legacy.pass(Event::clone(&event));
    }
}

/// However the loop ends (all served, aborted at the deadline, a handler that panicked, a runtime
/// that is dropped): nothing new is taken, and what was not served is counted as abandoned.
impl Drop for Coordination {
    fn drop(&mut self) {
        // Publishers send under the lock: after this the channel holds all that was accepted.
        self.shared.write().close();
        self.unserved.by_ref().for_each(|target| target.abandon());
        while let Ok(job) = self.queue.try_recv() {
            job.targets.iter().for_each(|target| target.abandon());
        }
        self.shared.loop_ended();
    }
}
