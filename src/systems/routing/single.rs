use std::sync::Arc;

use super::Claim;
use crate::event::Event;

/// A delivery apart from those that it was published with: its event, which it shares with all others who hold it, and
/// how often it has been tried again. Who is handed the event gets a copy that tells of that, and not before: what waits
/// holds no copy.
#[derive(Debug, Clone)]
pub struct Single {
    event: Arc<Event>,
    retry_count: u16,
    claim: Option<Claim>,
}

impl Single {
    /// Of an event as it is.
    pub fn new(event: Arc<Event>) -> Self {
        Self { retry_count: event.retry_count, event, claim: None }
    }

    /// Of an event that was handed over with this retry count, and its part of a budget, if there is one. That part
    /// knows the event of which this one may be a copy.
    pub(super) fn of(event: &Arc<Event>, retry_count: u16, claim: Option<&Claim>) -> Self {
        let event = claim.map_or(event, Claim::event).clone();
        Self { event, retry_count, claim: claim.cloned() }
    }

    /// Of an event as it is, within a budget.
    #[cfg(test)]
    pub(crate) fn claimed(claim: Claim) -> Self {
        Self { claim: Some(claim.clone()), ..Self::new(claim.event().clone()) }
    }

    /// What is shared: all but the retry count is as it is to be handed over.
    pub fn shared(&self) -> &Arc<Event> {
        &self.event
    }

    /// How often it has been tried again.
    pub fn retry_count(&self) -> u16 {
        self.retry_count
    }

    pub(crate) fn claim(&self) -> Option<&Claim> {
        self.claim.as_ref()
    }

    /// The event with the number of retries: a copy, unless it says so itself.
    pub fn event(&self) -> Arc<Event> {
        if self.event.retry_count == self.retry_count {
            return self.event.clone();
        }
        Arc::new(Event { retry_count: self.retry_count, ..Event::clone(&self.event) })
    }

    /// With so many retries.
    #[must_use]
    pub fn with_retry_count(self, retry_count: u16) -> Self {
        Self { retry_count, ..self }
    }
}
