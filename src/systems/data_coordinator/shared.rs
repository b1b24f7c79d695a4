use std::pin::pin;
use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

use super::coordination::Job;
use super::legacy::KindCounts;
use super::registry::Registry;
use crate::event::{Event, Limits};
use crate::routing::{Gauge, Ledger, Publication, Refusal, Statistics, SystemError};

/// What publishers and the loop share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) limits: Limits,
    pub(super) legacy: Arc<KindCounts>,
    registry: RwLock<Registry>,
    accepted_events: AtomicU64,
    unmatched_events: AtomicU64,
    refused_events: AtomicU64,
    accepted_deliveries: AtomicU64,
    /// Accepted events that the loop has not settled and dropped yet.
    pending: AtomicU64,
    ended: AtomicBool,
    /// Told when `pending` falls to zero and when the loop ends.
    changed: Notify,
}

impl Shared {
    pub(super) fn new(limits: Limits, jobs: UnboundedSender<Job>) -> Self {
        Self {
            limits,
            legacy: Arc::default(),
            registry: RwLock::new(Registry::new(jobs)),
            accepted_events: AtomicU64::new(0),
            unmatched_events: AtomicU64::new(0),
            refused_events: AtomicU64::new(0),
            accepted_deliveries: AtomicU64::new(0),
            pending: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            changed: Notify::new(),
        }
    }

    /// Registries stay consistent when a holder of the lock panics: each change is a single insertion
    /// or removal after all checks.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Registry> {
        self.registry.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Routes the event and sends it to the loop, under one lock: the order in the channel is the order
    /// in which rules were applied and rounds advanced.
    pub(super) fn publish(&self, event: Arc<Event>) -> Result<Publication, SystemError> {
        let registry = self.read();
        let jobs = registry.open()?;
        let targets = match self.check(&event).and_then(|()| registry.route(&event)) {
            Ok(targets) => targets,
            Err(refusal) => {
                self.refused_events.fetch_add(1, Relaxed);
                return Ok(Publication::refused(refusal));
            }
        };
        let deliveries = u32::try_from(targets.len()).expect("fewer services than 2^32 fit into memory");
        self.count_accepted(deliveries);
        targets.iter().for_each(|target| target.expect());
        jobs.send(Job { event, targets })
            .expect("the loop takes the sender away, under the lock, before it drops the receiver");
        Ok(Publication::Accepted { deliveries: Some(deliveries) })
    }

    fn check(&self, event: &Event) -> Result<(), Refusal> {
        self.limits.check(event)?;
        match event.scheduled_at {
            Some(_) => Err(Refusal::Scheduled),
            None => Ok(()),
        }
    }

    fn count_accepted(&self, deliveries: u32) {
        self.pending.fetch_add(1, Relaxed);
        self.accepted_events.fetch_add(1, Relaxed);
        self.accepted_deliveries.fetch_add(deliveries.into(), Relaxed);
        if deliveries == 0 {
            self.unmatched_events.fetch_add(1, Relaxed);
        }
    }

    /// The loop has served and dropped an event.
    pub(super) fn event_settled(&self) {
        if self.pending.fetch_sub(1, AcqRel) == 1 {
            self.changed.notify_waiters();
        }
    }

    /// The loop holds nothing any more and will not run again.
    pub(super) fn loop_ended(&self) {
        self.pending.store(0, Release);
        self.ended.store(true, Release);
        self.changed.notify_waiters();
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.pending.load(Acquire) == 0
    }

    pub(super) async fn quiet(&self) {
        self.wait_until(Self::is_quiet).await;
    }

    pub(super) async fn end_of_loop(&self) {
        self.wait_until(|shared| shared.ended.load(Acquire)).await;
    }

    async fn wait_until(&self, holds: impl Fn(&Self) -> bool) {
        loop {
            let mut changed = pin!(self.changed.notified());
            // Listen first, then look: a change in between is not missed.
            changed.as_mut().enable();
            if holds(self) {
                return;
            }
            changed.await;
        }
    }

    pub(super) fn ledger(&self) -> Ledger {
        Ledger { accepted: self.accepted_deliveries.load(Relaxed), ..self.read().outcomes() }
    }

    /// The entries of each structure. Both channels are in the loop's hands alone, so their lengths follow from what
    /// was counted on the way: into the one go accepted events until they are settled, into the other the settled
    /// ones until the monitor has seen them.
    pub(super) fn gauges(&self) -> Vec<Gauge> {
        let pending = self.pending.load(Acquire);
        let settled = self.accepted_events.load(Relaxed).saturating_sub(pending);
        let ended = self.ended.load(Acquire);
        let legacy = if ended { 0 } else { settled.saturating_sub(self.legacy.total()) };
        let of = |structure, len| Gauge { len, ..Gauge::passing(structure, 0) };
        let mut gauges = vec![of("jobs in the channel or in hand", pending), of("legacy channel", legacy)];
        gauges.extend(self.read().gauges());
        gauges
    }

    pub(super) fn statistics(&self) -> Statistics {
        let registry = self.read();
        Statistics {
            accepted_events: self.accepted_events.load(Relaxed),
            unmatched_events: self.unmatched_events.load(Relaxed),
            refused_events: self.refused_events.load(Relaxed),
            rules: registry.rules(),
            services: registry.service_statistics(),
            ..Statistics::default()
        }
    }
}
