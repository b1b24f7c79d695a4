//! What a mutant does to the deliveries of its services.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crucible_events::event::{Event, Name};
use crucible_events::routing::{Batch, BatchOutcome, DynHandler, Failure, Handler};

use crate::mutant::{Floor, RARE};
use crate::mutation::Mutation;

/// A service's handler, with the mutation in between.
pub(crate) struct Faulty {
    pub(crate) service: Name,
    pub(crate) inner: Arc<dyn DynHandler>,
    pub(crate) mutation: Mutation,
    pub(crate) floor: Arc<Floor>,
}

impl Handler for Faulty {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        match self.mutation {
            Mutation::Drops | Mutation::Doubles | Mutation::Misleads | Mutation::Exchanges => {
                match self.floor.every(RARE, batch) {
                    Some(position) => self.astray(batch, position).await,
                    None => self.inner.handle_boxed(batch).await,
                }
            }
            Mutation::Holds | Mutation::TellsWhatItHolds => {
                let position = self.floor.every(100, batch);
                let event = position.and_then(|position| batch.iter().nth(position));
                self.floor.held.lock().unwrap_or_else(PoisonError::into_inner).extend(event.cloned());
                self.inner.handle_boxed(batch).await
            }
            Mutation::Reverses => {
                let mut events: Vec<Event> = batch.iter().cloned().collect();
                events.reverse();
                self.inner.handle_boxed(Batch::owned(&events)).await
            }
            Mutation::Forgives => {
                self.inner.handle_boxed(batch).await;
                BatchOutcome::Acknowledged
            }
            Mutation::Copies => {
                let copies: Vec<Event> = batch.iter().map(with_own_payload).collect();
                self.inner.handle_boxed(Batch::owned(&copies)).await
            }
            Mutation::RetriesOnceMore => {
                let outcome = self.inner.handle_boxed(batch).await;
                let given_up = |event: &&Event| event.retry_count == event.retry_limit;
                let again: Vec<Event> = failed(batch, &outcome).filter(given_up).map(once_more).collect();
                self.hand_over(&again).await;
                outcome
            }
            Mutation::RetriesInPlace => {
                let outcome = self.inner.handle_boxed(batch).await;
                let again: Vec<Event> = failed(batch, &outcome).map(once_more).collect();
                tokio::time::sleep(Duration::from_millis(1)).await;
                self.hand_over(&again).await;
                BatchOutcome::Acknowledged
            }
            Mutation::ForgetsRetries => {
                let events: Vec<Event> =
                    batch.iter().map(|event| Event { retry_count: 0, ..event.clone() }).collect();
                self.inner.handle_boxed(Batch::owned(&events)).await
            }
            Mutation::FailsAll => match self.inner.handle_boxed(batch).await {
                BatchOutcome::Acknowledged => BatchOutcome::Acknowledged,
                BatchOutcome::Failed(_) => {
                    let failure = |position| Failure { position, reason: "all or none".to_owned() };
                    BatchOutcome::Failed((0..batch.len()).map(failure).collect())
                }
            },
            Mutation::LetsGoOn | Mutation::ExcusesPanics => {
                // A task of its own: it is not dropped with this one, and its panic is not this one's.
                let (inner, events) = (self.inner.clone(), batch.iter().cloned().collect::<Vec<_>>());
                let apart = tokio::spawn(async move { inner.handle_boxed(Batch::owned(&events)).await });
                apart.await.unwrap_or(BatchOutcome::Acknowledged)
            }
            _ => self.inner.handle_boxed(batch).await,
        }
    }
}

/// The events of a batch that failed.
fn failed<'a>(batch: Batch<'a>, outcome: &BatchOutcome) -> impl Iterator<Item = &'a Event> + use<'a> {
    let positions: Vec<usize> = match outcome {
        BatchOutcome::Acknowledged => Vec::new(),
        BatchOutcome::Failed(failures) => failures.iter().map(|failure| failure.position).collect(),
    };
    positions.into_iter().filter_map(move |position| batch.iter().nth(position))
}

fn once_more(event: &Event) -> Event {
    Event { retry_count: event.retry_count + 1, ..event.clone() }
}

fn with_own_payload(event: &Event) -> Event {
    let copied = crucible_events::event::encode(event);
    let limits = crucible_events::event::Limits::default();
    crucible_events::event::decode(&copied, &limits).expect("it was encoded a line above")
}

impl Faulty {
    async fn hand_over(&self, events: &[Event]) {
        if !events.is_empty() {
            self.inner.handle_boxed(Batch::owned(events)).await;
        }
    }

    async fn astray(&self, batch: Batch<'_>, position: usize) -> BatchOutcome {
        let mut events: Vec<Event> = batch.iter().cloned().collect();
        match self.mutation {
            Mutation::Doubles => events.push(events[position].clone()),
            Mutation::Exchanges if position > 0 => events[position] = events[position - 1].clone(),
            // With nothing before it in its batch, an exchange is with the future.
            Mutation::Exchanges => events[position].id.0 += 1,
            _ => {
                let event = events.remove(position);
                if let (Mutation::Misleads, Some(other)) =
                    (self.mutation, self.floor.anyone_but(&self.service))
                {
                    other.handle_boxed(Batch::owned(&[event])).await;
                }
            }
        }
        self.hand_over(&events).await;
        BatchOutcome::Acknowledged
    }
}
