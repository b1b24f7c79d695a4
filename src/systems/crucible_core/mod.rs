//! CrucibleCore, the centralized daemon.
//!
//! ```text
//! publish ─► check ─► table ─► receivers ─► outbox ─► mailbox of each service ─► its task ─► handler
//!                       ▲                      one lock per batch   by priority    batches
//!            control ───┘ rules, groups and services change here; readers see whole snapshots
//! ```
//!
//! - Rules are compiled into a table; looking an event up costs the same with 10 rules and with
//!   10,000. Snapshots are swapped atomically and share all that did not change.
//! - An event is shared among its receivers by pointer; its payload is never copied.
//! - Each service has a task of its own and a bounded mailbox; who is slow delays nobody else.
//! - Nothing is allocated per delivery.
//!
//! [`table`] and [`mailbox`] are public as parts: to be used alone, and measured alone.

mod config;
mod control;
mod directory;
pub mod mailbox;
mod outbox;
mod publish;
mod receivers;
mod service;
pub mod table;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use arc_swap::ArcSwap;

pub use config::{Config, ConfigError};

use self::control::Control;
use self::outbox::Desks;
use self::publish::EventCounts;
use self::receivers::Snapshot;
use self::service::Service;
use crate::event::{Event, Name, Target};
use crate::routing::{
    Capabilities, Capability, EventSystem, GroupSpec, Handler, Ledger, OnFull, Publication, Rule,
    ServiceSpec, ServiceStatistics, Statistics, SystemError,
};

/// See the [module](self). Needs a tokio runtime to register services; when it is dropped, services
/// finish what was accepted and end.
#[derive(Debug, Default)]
pub struct CrucibleCore {
    config: Config,
    snapshot: ArcSwap<Snapshot>,
    control: Mutex<Control>,
    desks: Desks,
    events: EventCounts,
    closed: AtomicBool,
}

impl CrucibleCore {
    /// A system with these settings and no services.
    ///
    /// # Errors
    /// The first setting that cannot work.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        let mut core = Self::default();
        core.config = config;
        Ok(core)
    }

    fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().expect("nothing panics while it holds this lock")
    }

    fn check_open(&self) -> Result<(), SystemError> {
        if self.closed.load(Ordering::Relaxed) { Err(SystemError::Closed) } else { Ok(()) }
    }

    /// Makes a change and lets publishers see it.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Control) -> Result<T, SystemError>,
    ) -> Result<T, SystemError> {
        self.check_open()?;
        let mut control = self.control();
        let done = change(&mut control)?;
        self.snapshot.store(Arc::new(control.snapshot()));
        Ok(done)
    }

    /// Waits until all is quiet. In a pass over all services each was idle at some moment; if nothing
    /// was accepted since before the pass, nothing can be left.
    async fn wait_quiet(&self) {
        loop {
            let (before, services) = {
                let mut control = self.control();
                (control.ledger().accepted, control.services())
            };
            for service in services {
                service.mailbox.wait_idle().await;
            }
            if self.control().ledger().accepted == before {
                return;
            }
        }
    }
}

impl Drop for CrucibleCore {
    fn drop(&mut self) {
        self.control().services().iter().for_each(|service| service.mailbox.close());
    }
}

impl EventSystem for CrucibleCore {
    fn capabilities(&self) -> Capabilities {
        Capabilities::of(&[
            Capability::Rules,
            Capability::ExplicitTargets,
            Capability::Groups,
            Capability::Priorities,
            Capability::BackPressure,
            Capability::DeliveryCounts,
        ])
    }

    async fn register<H: Handler>(&self, service: ServiceSpec, handler: H) -> Result<(), SystemError> {
        let Config { mailbox_capacity, batch, ref limits } = self.config;
        self.change(|control| {
            control.check_new_service(&service.name, limits)?;
            control.insert_service(Service::start(service.name, mailbox_capacity, batch, handler));
            Ok(())
        })
    }

    async fn unregister(&self, service: &Name) -> Result<(), SystemError> {
        self.change(|control| control.remove_service(service))
    }

    async fn define_group(&self, group: GroupSpec) -> Result<(), SystemError> {
        self.change(|control| control.define_group(group, &self.config.limits))
    }

    async fn remove_group(&self, group: &Name) -> Result<(), SystemError> {
        self.change(|control| control.remove_group(group))
    }

    async fn add_rule(&self, rule: Rule) -> Result<(), SystemError> {
        self.change(|control| control.add_rule(&rule, &self.config.limits))
    }

    async fn remove_rule(&self, rule: &Name) -> Result<(), SystemError> {
        self.change(|control| control.remove_rule(rule))
    }

    async fn preview(&self, event: &Event) -> Result<Vec<Target>, SystemError> {
        Ok(self.snapshot.load().preview(event))
    }

    async fn publish(&self, event: Arc<Event>, on_full: OnFull) -> Result<Publication, SystemError> {
        self.publish_one(event, on_full).await
    }

    async fn publish_batch(
        &self,
        events: &[Arc<Event>],
        on_full: OnFull,
    ) -> Result<Vec<Publication>, SystemError> {
        self.publish_many(events, on_full).await
    }

    async fn quiesce(&self) -> Result<(), SystemError> {
        self.wait_quiet().await;
        Ok(())
    }

    async fn ledger(&self) -> Result<Ledger, SystemError> {
        Ok(self.control().ledger())
    }

    async fn statistics(&self) -> Result<Statistics, SystemError> {
        let control = self.control();
        let services = control.directory().services().map(|service| {
            let counts = service.mailbox.counts();
            ServiceStatistics {
                name: service.name.clone(),
                queued: counts.queued,
                acknowledged: counts.acknowledged,
                failed: counts.failed,
            }
        });
        let mut services: Vec<_> = services.collect();
        services.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Ok(Statistics {
            accepted_events: count(&self.events.accepted),
            unmatched_events: count(&self.events.unmatched),
            refused_events: count(&self.events.refused),
            turned_away: count(&self.events.turned_away),
            rules: control.rules(),
            services,
        })
    }

    async fn shutdown(&self, grace: Duration) -> Result<Ledger, SystemError> {
        self.closed.store(true, Ordering::Relaxed);
        let drained = tokio::select! {
            biased;
            () = self.wait_quiet() => true,
            // Made only when it is needed: a system that is quiet ends without a timer.
            () = async { tokio::time::sleep(grace).await } => false,
        };
        let services = self.control().services();
        for service in services {
            service.mailbox.close();
            if !drained {
                service.abort().await;
            }
        }
        Ok(self.control().ledger())
    }
}
