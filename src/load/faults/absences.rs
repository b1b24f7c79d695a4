use std::collections::BTreeMap;
use std::time::Duration;

use crucible_events::routing::{EventSystem, Handler, SystemError};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, timeout_at};

use crate::Faulty;

/// Thirty years: no run lasts as long, and a longer absence might end at a moment that cannot be told.
const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);

/// What handlers say to the driver of their absences.
#[derive(Debug)]
pub(crate) enum Word<H> {
    /// This service leaves now, for so long.
    Leaves(Faulty<H>, Duration),
    End,
}

/// Takes services that vanish out of their system, and brings them back. See [`Faults::new`](crate::Faults::new).
#[derive(Debug)]
pub struct Absences<H> {
    words: UnboundedReceiver<Word<H>>,
    /// By the moment of their return; the number keeps those of one moment apart.
    away: BTreeMap<(Instant, u64), Faulty<H>>,
    departures: u64,
}

impl<H: Handler> Absences<H> {
    pub(crate) fn new(words: UnboundedReceiver<Word<H>>) -> Self {
        Self { words, away: BTreeMap::new(), departures: 0 }
    }

    /// Unregisters each service that is to vanish and registers it again, with the same handler, when its
    /// time is over. Returns after [`Faults::end`](crate::Faults::end), when everybody is back, or once the
    /// system is shut down.
    ///
    /// # Errors
    /// What the system says when a service cannot leave or return: most likely, somebody else has
    /// unregistered it or taken its name.
    pub async fn drive<S: EventSystem>(mut self, system: &S) -> Result<(), SystemError> {
        match self.come_and_go(system).await {
            Err(SystemError::Closed) => Ok(()),
            other => other,
        }
    }

    async fn come_and_go<S: EventSystem>(&mut self, system: &S) -> Result<(), SystemError> {
        loop {
            match self.next_word().await {
                Some(Word::Leaves(service, lasting)) => {
                    system.unregister(&service.service().name).await?;
                    service.has_left();
                    self.away.insert((Instant::now() + lasting.min(FAR), self.departures), service);
                    self.departures += 1;
                }
                Some(Word::End) => break,
                None => self.bring_back_first(system).await?,
            }
        }
        while !self.away.is_empty() {
            self.bring_back_first(system).await?;
        }
        Ok(())
    }

    /// `None` if before it comes somebody's time is over.
    async fn next_word(&mut self) -> Option<Word<H>> {
        let word = match self.away.first_key_value() {
            Some((&(back, _), _)) => timeout_at(back, self.words.recv()).await.ok()?,
            None => self.words.recv().await,
        };
        // Nobody is left who could say it.
        Some(word.unwrap_or(Word::End))
    }

    async fn bring_back_first<S: EventSystem>(&mut self, system: &S) -> Result<(), SystemError> {
        if let Some((_, service)) = self.away.pop_first() {
            system.register(service.service().clone(), service.clone()).await?;
            service.came_back();
        }
        Ok(())
    }
}
