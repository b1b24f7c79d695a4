use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::task::JoinHandle;

use super::call::{Ended, call};
use super::clock::{Clock, Moment};
use super::config::Config;
use super::dead_letters::DeadLetters;
use super::limiter::Limiter;
use super::mailbox::{Counts, Mailbox, Receiver, Settled};
use super::retry;
use crate::event::Name;
use crate::routing::{
    Batch, BatchOutcome, DeathCause, Failure, Handler, Health, ServiceKey, ServiceSpec, ServiceStatistics,
};

/// What all services of a system have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) clock: Clock,
    pub(super) limiter: Arc<Limiter>,
    pub(super) letters: DeadLetters,
}

impl Shared {
    pub(super) fn new(config: Config, clock: Clock) -> Self {
        let limiter = Arc::new(Limiter::new(config.concurrent_deliveries));
        let letters = DeadLetters::new(config.dead_letters);
        Self { config, clock, limiter, letters }
    }
}

/// A registered service: its mailbox, and the task that serves it.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: Name,
    pub(super) mailbox: Mailbox,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Service {
    /// Starts the task on the runtime of the caller.
    pub(super) fn start<H: Handler>(spec: ServiceSpec, handler: H, shared: &Arc<Shared>) -> Arc<Self> {
        let Config { mailbox_capacity, breaker, handler_timeout, .. } = shared.config;
        let mailbox = Mailbox::new(mailbox_capacity, breaker);
        let service = Arc::new(Self { name: spec.name, mailbox, task: Mutex::default() });
        let desk = Desk {
            receiver: Receiver::new(shared.config.batch, shared.clock.clone(), shared.limiter.clone()),
            key: ServiceKey::of(&service.name),
            service: service.clone(),
            timeout: spec.handler_timeout.unwrap_or(handler_timeout),
            shared: shared.clone(),
        };
        let task = tokio::spawn(desk.serve(handler));
        service.task().replace(task);
        service
    }

    pub(super) fn statistics(&self, now: Moment) -> ServiceStatistics {
        let Counts { ledger, displaced, retried, timeouts, panics, breaker_opened } = self.mailbox.counts();
        ServiceStatistics {
            name: self.name.clone(),
            health: self.health(now),
            queued: ledger.queued,
            waiting: ledger.waiting,
            acknowledged: ledger.acknowledged,
            failed: ledger.failed,
            dead_lettered: ledger.dead_lettered,
            displaced,
            expired: ledger.expired,
            retried,
            timeouts,
            panics,
            breaker_opened,
        }
    }

    pub(super) fn health(&self, now: Moment) -> Health {
        self.mailbox.standing().health(now)
    }

    fn task(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.task.lock()
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

/// Where a service's task works.
struct Desk {
    receiver: Receiver,
    key: ServiceKey,
    service: Arc<Service>,
    timeout: Duration,
    shared: Arc<Shared>,
}

/// Batches without a rest after which a task lets others run: two thousand deliveries, or 50 µs with idle
/// handlers. Tokio's own budget would do the same at the price of a look at it for every batch.
const TURNS: u32 = 32;

impl Desk {
    async fn serve<H: Handler>(mut self, handler: H) {
        let mut turns = 0_u32;
        while poll_fn(|cx| {
            let next = self.receiver.poll_next(&self.service.mailbox, cx);
            if next.is_pending() {
                turns = 0;
            }
            next
        })
        .await
        {
            let until = || self.receiver.begun().after(self.timeout);
            let batch = Batch::parcels(self.receiver.batch());
            let ended = call(&handler, batch, until, &self.shared.clock).await;
            match ended {
                Ended::Done(BatchOutcome::Acknowledged) => self.receiver.acknowledge(),
                trouble => self.settle(trouble),
            }
            // A mailbox that is never empty must not keep the thread from the other tasks.
            turns += 1;
            if turns == TURNS {
                turns = 0;
                tokio::task::yield_now().await;
            }
        }
    }

    #[cold]
    fn settle(&mut self, ended: Ended) {
        match ended {
            Ended::Done(BatchOutcome::Acknowledged) => self.receiver.acknowledge(),
            Ended::Done(BatchOutcome::Failed(failures)) => {
                let mut causes = by_position(failures, self.receiver.events().count());
                self.settle_each(|position| causes[position].take(), Settled::default());
            }
            Ended::TimedOut => {
                let timed_out = Settled { timed_out: true, ..Settled::default() };
                self.settle_each(|_| Some(DeathCause::TimedOut), timed_out);
            }
            Ended::Panicked(message) => {
                let panicked = Settled { panicked: true, ..Settled::default() };
                self.settle_each(|_| Some(DeathCause::Panicked(message.clone())), panicked);
            }
        }
    }

    /// `failure` tells of each position why it failed, if it did.
    fn settle_each(&mut self, mut failure: impl FnMut(usize) -> Option<DeathCause>, mut settled: Settled) {
        let now = self.shared.clock.now();
        for (position, single) in self.receiver.singles().enumerate() {
            let cause = failure(position);
            settled.acknowledged.push(cause.is_none());
            match cause {
                None => {}
                Some(_) if single.retry_count() < single.shared().retry_limit => {
                    let retry_count = single.retry_count() + 1;
                    let id = single.shared().id;
                    let wait = retry::wait(&self.shared.config.retry, retry_count, self.key, id);
                    settled.retries.push((now.after(wait), single.with_retry_count(retry_count)));
                }
                Some(cause) => {
                    self.shared.letters.put(&self.service.name, single, cause);
                    settled.dead_lettered += 1;
                }
            }
        }
        self.receiver.settle(settled);
    }
}

/// Positions beyond the batch name nobody, and of two failures of one event the last counts.
fn by_position(failures: Vec<Failure>, len: usize) -> Vec<Option<DeathCause>> {
    let mut causes = vec![None; len];
    for Failure { position, reason } in failures {
        if let Some(cause) = causes.get_mut(position) {
            *cause = Some(DeathCause::Failed(reason));
        }
    }
    causes
}

/// Whatever ends the task (its own end, an abort, a runtime that is dropped), the mailbox learns of it after
/// the events that it had taken are let go.
impl Drop for Desk {
    fn drop(&mut self) {
        let mailbox = &self.service.mailbox;
        self.receiver.finish(mailbox);
        let Shared { config, clock, limiter, .. } = &*self.shared;
        self.receiver = Receiver::new(config.batch, clock.clone(), limiter.clone());
        mailbox.end();
    }
}
