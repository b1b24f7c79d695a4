use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::Envelope;
use crate::event::Event;

/// How many bytes of events a system may hold, and how many it does.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    held: AtomicU64,
}

/// The part of the budget that an event has, wherever the system holds it: given back with the last clone. Keeps the
/// event, too, so that nobody who waits for something needs a copy.
#[derive(Debug, Clone)]
pub(crate) struct Claim(Arc<Share>);

#[derive(Debug)]
struct Share {
    budget: Arc<Budget>,
    bytes: u64,
    event: Arc<Event>,
    /// Of the event alone, while somebody has it.
    alone: Mutex<Weak<Envelope>>,
}

/// Those of the events of an envelope, each at its event's place.
#[derive(Debug)]
pub(crate) struct Claims(Box<[Claim]>);

impl Budget {
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit, held: AtomicU64::new(0) })
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    pub(crate) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// How many bytes are missing for so many more.
    pub(crate) fn shortage(&self, bytes: u64) -> u64 {
        self.held().saturating_add(bytes).saturating_sub(self.limit)
    }

    /// The claim of an event.
    ///
    /// # Errors
    /// How many bytes are held, if there is no room for it.
    pub(crate) fn claim(self: &Arc<Self>, event: &Arc<Event>) -> Result<Claim, u64> {
        let bytes = event.held_bytes();
        let more = |held: u64| held.checked_add(bytes).filter(|&sum| sum <= self.limit);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)?;
        let (budget, event, alone) = (self.clone(), event.clone(), Mutex::default());
        Ok(Claim(Arc::new(Share { budget, bytes, event, alone })))
    }
}

impl Claim {
    pub(crate) fn bytes(&self) -> u64 {
        self.0.bytes
    }

    pub(crate) fn event(&self) -> &Arc<Event> {
        &self.0.event
    }

    /// An envelope of nothing but its event: the same for all who need one, however many services that are.
    pub(super) fn alone(&self) -> Arc<Envelope> {
        let mut alone = self.0.alone.lock();
        alone.upgrade().unwrap_or_else(|| {
            let envelope = Arc::new(Envelope::of_one(self.event().clone(), self.clone()));
            *alone = Arc::downgrade(&envelope);
            envelope
        })
    }

    /// How many clones there are.
    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    /// The same for all clones, and for these alone.
    pub(crate) fn key(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Claims {
    pub(crate) fn new(claims: impl Into<Box<[Claim]>>) -> Self {
        Self(claims.into())
    }

    pub(super) fn at(&self, place: usize) -> &Claim {
        &self.0[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventId, EventKind, Payload, Timestamp};

    fn event(id: u128) -> Arc<Event> {
        let payload = Payload::Text("x".to_owned().into());
        Arc::new(Event::new(EventId(id), EventKind::Metrics, "s", Timestamp(0), payload))
    }

    #[test]
    fn all_who_need_an_event_alone_share_an_envelope_that_goes_with_the_last() {
        let budget = Budget::new(u64::MAX);
        let claim = budget.claim(&event(1)).expect("there is room");
        let (first, second) = (claim.alone(), claim.alone());
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(claim.holders(), 2);
        drop((first, second));
        assert_eq!(claim.holders(), 1);
        assert_eq!((Arc::strong_count(&claim.alone()), Arc::strong_count(claim.event())), (1, 2));
        drop(claim);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn what_is_claimed_is_given_back_once_by_the_last_clone() {
        let bytes = event(1).held_bytes();
        let budget = Budget::new(2 * bytes);
        let first = budget.claim(&event(1)).expect("there is room");
        let again = first.clone();
        let second = budget.claim(&event(2)).expect("there is room");
        assert_eq!(budget.claim(&event(3)).expect_err("full"), 2 * bytes);
        assert_eq!((first.holders(), second.holders(), budget.shortage(bytes)), (2, 1, bytes));
        assert!(first.key() == again.key() && first.key() != second.key());
        drop(first);
        assert_eq!(budget.held(), 2 * bytes);
        drop((again, second));
        assert_eq!((budget.held(), budget.shortage(bytes)), (0, 0));
    }

    /// Threads that claim and give back: nobody ever sees more than the limit, and in the end nothing is held.
    #[test]
    fn many_never_hold_more_than_the_limit() {
        let bytes = event(1).held_bytes();
        let budget = Budget::new(3 * bytes + 1);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for id in 1..=2_000 {
                        let claims = [budget.claim(&event(id)), budget.claim(&event(id))];
                        assert!(budget.held() <= budget.limit());
                        assert!(
                            claims.iter().all(|claim| claim.as_ref().err().is_none_or(|held| *held > bytes))
                        );
                    }
                });
            }
        });
        assert_eq!(budget.held(), 0);
    }
}
