use std::fmt;
use std::sync::Arc;

use crucible_events::event::Event;
use crucible_events::routing::{EventSystem, OnFull, Publication, SystemError};
use serde::{Deserialize, Serialize};

/// Events per published batch, and events after which a publisher lets the other tasks run.
pub const BATCH: usize = 64;

/// How a publisher hands its events in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Publishing {
    /// One call for each event.
    Single,
    /// One call for each [`BATCH`].
    Batch,
}

impl fmt::Display for Publishing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Single => "single",
            Self::Batch => "batch",
        })
    }
}

/// Publishing a workload's events did not go as it should.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The system failed.
    #[error(transparent)]
    System(#[from] SystemError),
    /// The system did not accept an event that it should accept.
    #[error("event {event} was not accepted with all its deliveries: {publication:?}")]
    NotAccepted {
        /// Its id.
        event: String,
        /// What became of it.
        publication: Publication,
    },
}

/// Publishes all events, waiting where there is no room, and yields after every [`BATCH`] as a
/// publisher with something else to do would. Returns the deliveries that were announced, if the
/// system tells them.
///
/// # Errors
/// At the first event that is not accepted with all its deliveries.
pub async fn publish_all<S: EventSystem>(
    system: &S,
    events: &[Arc<Event>],
    publishing: Publishing,
) -> Result<Option<u64>, DriveError> {
    let mut announced = Some(0);
    for chunk in events.chunks(BATCH) {
        match publishing {
            Publishing::Single => {
                for event in chunk {
                    let publication = system.publish(event.clone(), OnFull::Wait).await?;
                    add(&mut announced, event, &publication)?;
                }
            }
            Publishing::Batch => {
                let publications = system.publish_batch(chunk, OnFull::Wait).await?;
                for (event, publication) in chunk.iter().zip(&publications) {
                    add(&mut announced, event, publication)?;
                }
            }
        }
        tokio::task::yield_now().await;
    }
    Ok(announced)
}

#[inline]
fn add(sum: &mut Option<u64>, event: &Event, publication: &Publication) -> Result<(), DriveError> {
    match (publication, sum) {
        (Publication::Accepted { deliveries: Some(more) }, Some(sum)) => *sum += u64::from(*more),
        (Publication::Accepted { .. }, sum) => *sum = None,
        (refused, _) => return Err(not_accepted(event, refused)),
    }
    Ok(())
}

#[cold]
fn not_accepted(event: &Event, publication: &Publication) -> DriveError {
    DriveError::NotAccepted { event: event.id.to_string(), publication: publication.clone() }
}
