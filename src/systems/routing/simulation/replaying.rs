//! Dead letters that are accepted again.

use super::coverage::Count;
use super::letters::Letter;
use super::published::Delivery;
use super::stage::Stage;
use super::violation::Promise;
use super::world::{Model, nanos};
use crate::routing::{Capability, EventSystem, OnFull, Publication, SystemError};

impl<S: EventSystem> Stage<S> {
    /// Replays the n-th of the dead letters.
    pub(super) async fn replay(&self, at: usize, on_full: OnFull) {
        let ids = self.read_letters().await;
        let Some(&id) = ids.get(at) else { return };
        let letter = {
            let mut model = self.world.lock();
            let Some(&letter) = model.letters.kept.get(at) else { return };
            let target = model.actor(&model.actors[letter.actor].name).filter(|_| !model.closing);
            model.replaying = target.map(|actor| (letter, actor));
            letter
        };
        let answer = self.system.replay(id, on_full).await;
        // While it waited, younger ones may have taken its place.
        if matches!(answer, Err(SystemError::NoLetter(_))) {
            self.read_letters().await;
        }
        {
            let mut model = self.world.lock();
            model.note(&[id.0, answer.is_ok().into()], || format!("  answer: {answer:?}"));
            model.replayed(letter, on_full, &answer);
        }
        if on_full == OnFull::DropLowest {
            self.read_letters().await;
            if let Ok(statistics) = self.system.statistics().await {
                self.world.lock().doubt(&statistics);
            }
        }
    }
}

impl Model {
    fn replayed(&mut self, letter: Letter, on_full: OnFull, answer: &Result<Publication, SystemError>) {
        let fits = match answer {
            Ok(Publication::Accepted { deliveries: Some(1) }) => match self.replaying {
                Some((_, actor)) => self.accept_again(letter, actor),
                // Accepted before, and begun at once.
                None => !self.closing,
            },
            Ok(Publication::BackPressure { deliveries: 0, full: 1 }) => {
                on_full != OnFull::Wait && self.replaying.is_some()
            }
            Err(SystemError::NoLetter(_)) => !self.letters.kept.contains(&letter),
            Err(SystemError::Unknown { .. }) => self.replaying.is_none() && !self.closing,
            Err(SystemError::Closed) => self.closing,
            _ => false,
        };
        self.replaying = None;
        self.hold(fits, Promise::DeadLetters, || format!("replay of {letter:?}: {answer:?}"));
    }

    /// A handler is called with what is just being replayed.
    pub(super) fn revive(&mut self, serial: usize, actor: usize) {
        if let Some((letter, target)) = self.replaying
            && (letter.serial, target) == (serial, actor)
        {
            self.accept_again(letter, actor);
            self.replaying = None;
        }
    }

    fn accept_again(&mut self, letter: Letter, actor: usize) -> bool {
        let now = self.now();
        let timeout = self.terms.event_timeout.filter(|_| self.offers(Capability::EventTimeouts));
        let deliveries = &mut self.published[letter.serial].deliveries;
        let life = deliveries.iter().map(|delivery| delivery.life).max().unwrap_or(0) + 1;
        let deadline = Some(now.saturating_add(timeout.map_or(u64::MAX, nanos)));
        deliveries.push(Delivery { life, ready_at: Some(now), deadline, ..Delivery::new(actor, now) });
        self.letters.kept.retain(|kept| *kept != letter);
        self.totals.announced += 1;
        self.totals.replayed += 1;
        self.count(Count::Deliveries, 1);
        self.count(Count::Replays, 1);
        true
    }
}
