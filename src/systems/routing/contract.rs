use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::{
    Capabilities, Capability, DeadLetter, Gauge, GroupSpec, Handler, Ledger, LetterId, OnFull, Publication,
    Rule, ServiceSpec, Statistics, SystemError, Terms,
};
use crate::event::{Event, Name, Target, Timestamp};

/// A system that takes events and hands them to services. See the [module](super) for what routing
/// means.
///
/// Everything may fail and take time, as it does when the system is a network away. Methods take
/// `&self`: a system is shared by its publishers.
pub trait EventSystem: Send + Sync + 'static {
    /// What it offers beyond registration, publishing and counting.
    fn capabilities(&self) -> Capabilities;

    /// What it promises in figures: at least those of the capabilities that it offers.
    fn terms(&self) -> Terms {
        Terms::default()
    }

    /// The time of day that events' `scheduled_at` is compared with.
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Lets a service take part.
    ///
    /// # Errors
    /// [`SystemError::Exists`], [`SystemError::Name`], or the system is closed or unavailable.
    fn register<H: Handler>(
        &self,
        service: ServiceSpec,
        handler: H,
    ) -> impl Future<Output = Result<(), SystemError>> + Send;

    /// Ends a service's part: no new deliveries; those accepted before still reach its handler.
    /// Does not wait for them.
    ///
    /// # Errors
    /// [`SystemError::Unknown`], or the system is closed or unavailable.
    fn unregister(&self, service: &Name) -> impl Future<Output = Result<(), SystemError>> + Send;

    /// Defines a group of registered services.
    ///
    /// # Errors
    /// [`SystemError::Exists`], [`SystemError::Unknown`] for a member that is not registered,
    /// [`SystemError::Group`], or [`SystemError::NotOffered`].
    fn define_group(&self, group: GroupSpec) -> impl Future<Output = Result<(), SystemError>> + Send {
        let _ = group;
        async { Err(SystemError::NotOffered(Capability::Groups)) }
    }

    /// Ends a group. Rules that name it lead nowhere until it is defined again.
    ///
    /// # Errors
    /// [`SystemError::Unknown`] or [`SystemError::NotOffered`].
    fn remove_group(&self, group: &Name) -> impl Future<Output = Result<(), SystemError>> + Send {
        let _ = group;
        async { Err(SystemError::NotOffered(Capability::Groups)) }
    }

    /// Adds a rule; it counts for every event published after this returned.
    ///
    /// # Errors
    /// [`SystemError::Exists`], [`SystemError::Rule`], or [`SystemError::NotOffered`].
    fn add_rule(&self, rule: Rule) -> impl Future<Output = Result<(), SystemError>> + Send;

    /// Removes a rule; it counts for no event published after this returned.
    ///
    /// # Errors
    /// [`SystemError::Unknown`] or [`SystemError::NotOffered`].
    fn remove_rule(&self, rule: &Name) -> impl Future<Output = Result<(), SystemError>> + Send;

    /// Where this event would go if it were published now: registered services and defined groups,
    /// sorted, each once. Nothing is delivered and no round advances.
    ///
    /// # Errors
    /// [`SystemError::NotOffered`] where rules are not offered.
    fn preview(&self, event: &Event) -> impl Future<Output = Result<Vec<Target>, SystemError>> + Send;

    /// Hands an event in. What became of it is in the result; an error means that it was not even
    /// looked at.
    ///
    /// # Errors
    /// [`SystemError::Closed`] or [`SystemError::Unavailable`].
    fn publish(
        &self,
        event: Arc<Event>,
        on_full: OnFull,
    ) -> impl Future<Output = Result<Publication, SystemError>> + Send;

    /// Hands events in, in this order; one result for each, in the same order.
    ///
    /// # Errors
    /// As [`EventSystem::publish`]; events before the one that met the error may have been accepted,
    /// as the ledger tells.
    fn publish_batch(
        &self,
        events: &[Arc<Event>],
        on_full: OnFull,
    ) -> impl Future<Output = Result<Vec<Publication>, SystemError>> + Send {
        async move {
            let mut publications = Vec::with_capacity(events.len());
            for event in events {
                publications.push(self.publish(event.clone(), on_full).await?);
            }
            Ok(publications)
        }
    }

    /// The dead letters that are kept, oldest first.
    ///
    /// # Errors
    /// [`SystemError::NotOffered`] or [`SystemError::Unavailable`].
    fn dead_letters(&self) -> impl Future<Output = Result<Vec<DeadLetter>, SystemError>> + Send {
        async { Err(SystemError::NotOffered(Capability::DeadLetters)) }
    }

    /// Accepts a dead letter's delivery again, to the same service, due at once, with all its retries before
    /// it. Its id is not compared with the window. If it is accepted it is a dead letter no more.
    ///
    /// # Errors
    /// [`SystemError::NoLetter`], [`SystemError::Unknown`] if the service is not registered,
    /// [`SystemError::NotOffered`], or the system is closed or unavailable.
    fn replay(
        &self,
        letter: LetterId,
        on_full: OnFull,
    ) -> impl Future<Output = Result<Publication, SystemError>> + Send {
        let _ = (letter, on_full);
        async { Err(SystemError::NotOffered(Capability::DeadLetters)) }
    }

    /// Forgets a dead letter.
    ///
    /// # Errors
    /// [`SystemError::NoLetter`], [`SystemError::NotOffered`] or [`SystemError::Unavailable`].
    fn purge(&self, letter: LetterId) -> impl Future<Output = Result<(), SystemError>> + Send {
        let _ = letter;
        async { Err(SystemError::NotOffered(Capability::DeadLetters)) }
    }

    /// Waits until all is quiet: every accepted delivery is settled, those that handlers published
    /// meanwhile included, and the system holds no event any more but dead letters. Deliveries that wait
    /// for a moment are waited for.
    ///
    /// # Errors
    /// [`SystemError::Unavailable`].
    fn quiesce(&self) -> impl Future<Output = Result<(), SystemError>> + Send;

    /// Where every accepted delivery is. Balances at a quiet moment.
    ///
    /// # Errors
    /// [`SystemError::Unavailable`].
    fn ledger(&self) -> impl Future<Output = Result<Ledger, SystemError>> + Send;

    /// What it counted.
    ///
    /// # Errors
    /// [`SystemError::Unavailable`].
    fn statistics(&self) -> impl Future<Output = Result<Statistics, SystemError>> + Send;

    /// How many entries each of its structures holds at this moment that may grow with events or registrations;
    /// none where the system does not tell. Structures that wait for something are empty after
    /// [`EventSystem::quiesce`].
    ///
    /// # Errors
    /// [`SystemError::Unavailable`].
    fn gauges(&self) -> impl Future<Output = Result<Vec<Gauge>, SystemError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Takes nothing new, serves what was accepted, and gives up the rest after `grace`. Returns the
    /// final ledger, which balances. A second call returns the same.
    ///
    /// # Errors
    /// [`SystemError::Unavailable`].
    fn shutdown(&self, grace: Duration) -> impl Future<Output = Result<Ledger, SystemError>> + Send;
}
