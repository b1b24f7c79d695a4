use std::future::poll_fn;
use std::sync::Arc;

use super::BATCH;
use super::handling::handling;
use super::queue::{Queue, Settled};
use crate::event::Event;
use crate::routing::{Batch, BatchOutcome, Handler};

/// The task of one service. Its type knows the handler's: no box, no call through a table.
pub(super) async fn serve<H: Handler>(queue: Arc<Queue>, handler: H) {
    let mut desk = Desk { queue, taken: Vec::new(), settled: Settled::default() };
    while desk.take().await {
        for batch in desk.taken.chunks(BATCH) {
            let outcome = handling(handler.handle(Batch::shared(batch))).await;
            desk.settled.count(batch, &outcome);
        }
        desk.taken.clear();
        // A queue that is never empty must not keep the thread from the other tasks.
        tokio::task::consume_budget().await;
    }
}

struct Desk {
    queue: Arc<Queue>,
    taken: Vec<Arc<Event>>,
    settled: Settled,
}

impl Desk {
    async fn take(&mut self) -> bool {
        poll_fn(|cx| self.queue.poll_take(cx, &mut self.taken, &mut self.settled)).await
    }
}

impl Settled {
    fn count(&mut self, batch: &[Arc<Event>], outcome: &BatchOutcome) {
        let failed = outcome.failed() as u64;
        self.failed += failed;
        self.acknowledged += batch.len() as u64 - failed;
    }
}

/// However the task ends (closed and all done, aborted, a handler that panicked): the queue is told
/// what was done, after the events are let go, and gives up the rest.
impl Drop for Desk {
    fn drop(&mut self) {
        self.taken.clear();
        self.queue.end(&mut self.settled);
    }
}
