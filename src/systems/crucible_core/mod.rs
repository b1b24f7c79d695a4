//! CrucibleCore, the centralized daemon.
//!
//! ```text
//! publish ─► check ─► window ─► table ─► outbox ─► mailbox of each service ─► its task ─► handler
//!                     of ids      ▲      bits       by priority, breaker       batches      │
//!            control ─────────────┘                  ▲ retries, schedules ◄─── settled ◄────┘
//!            rules, groups and services change here;                              └─► dead letters
//!            readers see whole snapshots
//! ```
//!
//! - Rules are compiled into a table; looking an event up costs the same with 10 rules and with
//!   10,000. Snapshots are swapped atomically and share all that did not change.
//! - The events of a batch share one [`Envelope`](crate::routing::Envelope); a receiver gets a pointer to it
//!   and a bit for each of its events. A payload is never copied, and nothing is allocated per delivery.
//! - Each service has a task of its own and a bounded mailbox; who is slow delays nobody else.
//! - A handler that fails, panics or exceeds its time-out has failed its deliveries; they wait beside the
//!   others until they are tried again. While a breaker is open, deliveries wait in the mailbox. A time-out
//!   or retry that does not happen sets no alarm: the runtime's timer is asked only by tasks that wait.
//! - With a byte budget each event that is accepted claims its bytes, wherever it is held, until the last who holds it
//!   lets go; what finds no room is refused.
//! - All that is decided by time goes by one injected [`Clock`].
//!
//! What is public beside [`CrucibleCore`] are parts: to be used alone, and measured alone.

pub mod balance;
pub mod breaker;
mod call;
mod clock;
mod config;
mod control;
mod dead_letters;
mod directory;
mod gauges;
pub mod limiter;
pub mod mailbox;
#[cfg(all(test, crucible_loom))]
mod model;
mod outbox;
mod publish;
mod receivers;
mod retry;
mod service;
mod sync;
pub mod table;
#[cfg(test)]
mod tests;
pub mod window;
mod within;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::{Mutex, MutexGuard};

pub use clock::{Clock, ManualClock, Moment};
pub use config::{Config, ConfigError};
pub use retry::wait as retry_wait;

use self::control::Control;
use self::mailbox::Pushed;
use self::outbox::Desks;
use self::publish::{EventCounts, may_wait};
use self::receivers::Snapshot;
use self::service::{Service, Shared};
use self::window::Window;
use crate::event::{Event, Name, Target, Timestamp};
use crate::routing::{
    Budget, Capabilities, Capability, DeadLetter, EventSystem, Gauge, GroupSpec, Handler, Ledger, LetterId,
    OnFull, Parcel, Publication, Rule, ServiceSpec, Statistics, SystemError, Terms,
};

/// See the [module](self). Needs a tokio runtime with its timer to register services; when it is dropped,
/// services finish what was accepted and end.
#[derive(Debug)]
pub struct CrucibleCore {
    shared: Arc<Shared>,
    snapshot: ArcSwap<Snapshot>,
    control: Mutex<Control>,
    window: Mutex<Window>,
    desks: Desks,
    events: EventCounts,
    closed: AtomicBool,
    /// Where events are held within one.
    budget: Option<Arc<Budget>>,
}

impl CrucibleCore {
    /// A system with these settings and no services.
    ///
    /// # Errors
    /// The first setting that cannot work.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        Self::with_clock(config, Clock::default())
    }

    /// The same, reading the time from this clock.
    ///
    /// # Errors
    /// The first setting that cannot work.
    pub fn with_clock(config: Config, clock: Clock) -> Result<Self, ConfigError> {
        config.check()?;
        let window = Mutex::new(Window::new(config.window));
        let budget = config.byte_budget.map(Budget::new);
        Ok(Self {
            shared: Arc::new(Shared::new(config, clock)),
            snapshot: ArcSwap::default(),
            control: Mutex::default(),
            window,
            desks: Desks::default(),
            events: EventCounts::default(),
            closed: AtomicBool::new(false),
            budget,
        })
    }

    fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock()
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock()
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

    /// Tries to accept a dead letter again; if there is no room, it stays one. Returns its service too.
    fn try_replay(&self, id: LetterId, on_full: OnFull) -> Result<(Replayed, Arc<Service>), SystemError> {
        self.check_open()?;
        let letters = &self.shared.letters;
        let letter = letters.take(id).ok_or(SystemError::NoLetter(id))?;
        let service = match self.control().service_named(&letter.service) {
            Ok(service) => service,
            Err(unknown) => {
                letters.put_back(letter);
                return Err(unknown);
            }
        };
        let mut parcel = Parcel::alone(&letter.single.clone().with_retry_count(0));
        parcel.unshare(); // who published it may have said that it had been tried
        match self.push(&service, parcel, self.deadline(self.shared.clock.now()), on_full) {
            Pushed::All => {
                letters.replayed();
                Ok((Replayed::Accepted, service))
            }
            Pushed::Full(_) => {
                letters.put_back(letter);
                Ok((Replayed::NoRoom, service))
            }
            Pushed::Closed(_) => {
                letters.put_back(letter);
                Err(SystemError::Unknown { what: "service", name: service.name.clone() })
            }
        }
    }
}

const ALL: &[Capability] = &Capability::ALL;

/// A budget is a matter of the settings.
const WITHOUT_BUDGET: &[Capability] = match ALL.split_last() {
    Some((Capability::ByteBudget, others)) => others,
    _ => panic!("it is the last of them"),
};

enum Replayed {
    Accepted,
    NoRoom,
}

impl Default for CrucibleCore {
    /// With the default settings.
    fn default() -> Self {
        Self::new(Config::default()).expect("the default settings work, as a test shows")
    }
}

impl Drop for CrucibleCore {
    fn drop(&mut self) {
        self.control().services().iter().for_each(|service| service.mailbox.close());
    }
}

impl EventSystem for CrucibleCore {
    fn capabilities(&self) -> Capabilities {
        Capabilities::of(if self.budget.is_some() { ALL } else { WITHOUT_BUDGET })
    }

    fn terms(&self) -> Terms {
        self.shared.config.terms()
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.wall()
    }

    async fn register<H: Handler>(&self, service: ServiceSpec, handler: H) -> Result<(), SystemError> {
        self.change(|control| {
            control.check_new_service(&service, &self.shared.config.limits)?;
            control.insert_service(Service::start(service, handler, &self.shared));
            Ok(())
        })
    }

    async fn unregister(&self, service: &Name) -> Result<(), SystemError> {
        self.change(|control| control.remove_service(service))
    }

    async fn define_group(&self, group: GroupSpec) -> Result<(), SystemError> {
        self.change(|control| control.define_group(group, &self.shared.config.limits))
    }

    async fn remove_group(&self, group: &Name) -> Result<(), SystemError> {
        self.change(|control| control.remove_group(group))
    }

    async fn add_rule(&self, rule: Rule) -> Result<(), SystemError> {
        self.change(|control| control.add_rule(&rule, &self.shared.config.limits))
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

    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, SystemError> {
        Ok(self.shared.letters.list())
    }

    async fn replay(&self, letter: LetterId, on_full: OnFull) -> Result<Publication, SystemError> {
        loop {
            match self.try_replay(letter, on_full)? {
                (Replayed::Accepted, _) => return Ok(Publication::Accepted { deliveries: Some(1) }),
                (Replayed::NoRoom, service) if may_wait(on_full) => service.mailbox.wait_for_room().await,
                (Replayed::NoRoom, _) => return Ok(Publication::BackPressure { deliveries: 0, full: 1 }),
            }
        }
    }

    async fn purge(&self, letter: LetterId) -> Result<(), SystemError> {
        self.shared.letters.take(letter).map(drop).ok_or(SystemError::NoLetter(letter))
    }

    async fn quiesce(&self) -> Result<(), SystemError> {
        self.wait_quiet().await;
        Ok(())
    }

    async fn ledger(&self) -> Result<Ledger, SystemError> {
        Ok(self.control().ledger())
    }

    async fn statistics(&self) -> Result<Statistics, SystemError> {
        let now = self.shared.clock.now();
        let (rules, services) = {
            let control = self.control();
            let services = control.directory().services().map(|service| service.statistics(now));
            (control.rules(), services.collect::<Vec<_>>())
        };
        let mut services = services;
        services.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let remembered_ids = {
            let mut window = self.window();
            window.prune(now);
            window.len()
        };
        let letters = self.shared.letters.counts();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Ok(Statistics {
            accepted_events: count(&self.events.accepted),
            unmatched_events: count(&self.events.unmatched),
            refused_events: count(&self.events.refused),
            duplicate_events: count(&self.events.duplicate),
            turned_away: count(&self.events.turned_away),
            remembered_ids,
            dead_letters: letters.kept,
            lost_letters: letters.lost,
            replayed_letters: letters.replayed,
            held_bytes: self.budget.as_ref().map(|budget| budget.held()),
            letter_bytes: self.budget.as_ref().map_or(0, |_| self.shared.letters.bytes()),
            rules,
            services,
        })
    }

    async fn gauges(&self) -> Result<Vec<Gauge>, SystemError> {
        Ok(self.read_gauges())
    }

    async fn shutdown(&self, grace: Duration) -> Result<Ledger, SystemError> {
        self.closed.store(true, Ordering::Relaxed);
        let drained = tokio::select! {
            biased;
            () = self.wait_quiet() => true,
            // Made only when it is needed: a system that is quiet ends without a timer.
            () = async {
                let clock = &self.shared.clock;
                clock.sleep_until(clock.now().after(grace)).await;
            } => false,
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
