use std::future::poll_fn;
use std::sync::{Arc, Mutex};

use tokio::task::JoinHandle;

use super::mailbox::{Mailbox, Receiver};
use crate::event::Name;
use crate::routing::{Batch, Handler};

/// A registered service: its mailbox, and the task that serves it.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: Name,
    pub(super) mailbox: Mailbox,
    task: Mutex<Option<JoinHandle<()>>>,
}

tokio::task_local! {
    /// Set while a handler runs, so that publishing knows that it must not wait.
    static IN_HANDLER: ();
}

/// Whether the caller is a handler.
pub(super) fn in_handler() -> bool {
    IN_HANDLER.try_with(|()| ()).is_ok()
}

impl Service {
    /// Starts the task on the runtime of the caller.
    pub(super) fn start<H: Handler>(name: Name, capacity: usize, batch: usize, handler: H) -> Arc<Self> {
        let service = Arc::new(Self { name, mailbox: Mailbox::new(capacity), task: Mutex::default() });
        let task = tokio::spawn(serve(service.clone(), handler, batch));
        service.task().replace(task);
        service
    }

    fn task(&self) -> std::sync::MutexGuard<'_, Option<JoinHandle<()>>> {
        self.task.lock().expect("nothing panics while it holds this lock")
    }

    /// Ends the task wherever it is, and waits until it has ended.
    pub(super) async fn abort(&self) {
        let task = self.task().take();
        if let Some(task) = task {
            task.abort();
            let _cancelled_or_done = task.await;
        }
    }
}

async fn serve<H: Handler>(service: Arc<Service>, handler: H, limit: usize) {
    let mut desk = Desk { receiver: Receiver::new(limit), service };
    while poll_fn(|cx| desk.receiver.poll_next(&desk.service.mailbox, cx)).await {
        let events = Batch::shared(desk.receiver.batch());
        let outcome = IN_HANDLER.scope((), handler.handle(events)).await;
        desk.receiver.settle(outcome.failed());
        // A mailbox that is never empty must not keep the thread from the other tasks.
        tokio::task::consume_budget().await;
    }
}

/// Whatever ends the task (its own end, an abort, a panic of the handler), the mailbox learns of it
/// after the events that it had taken are let go.
struct Desk {
    receiver: Receiver,
    service: Arc<Service>,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.receiver = Receiver::new(0);
        self.service.mailbox.end();
    }
}
