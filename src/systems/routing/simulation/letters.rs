use std::collections::VecDeque;

use super::published::{Delivery, Fate};
use super::violation::Promise;
use super::world::Model;
use crate::routing::{DeadLetter, DeathCause};

/// The dead letters that have to be there.
#[derive(Debug)]
pub(super) struct Letters {
    capacity: usize,
    pub(super) kept: VecDeque<Letter>,
    /// Whether there was a shortage of bytes for which some may have gone.
    pub(super) may_go: bool,
}

/// What is known of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) serial: usize,
    pub(super) actor: usize,
    pub(super) cause: Cause,
}

/// [`DeathCause`] without words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Failed,
    TimedOut,
    Panicked,
    Displaced,
}

impl Cause {
    fn of(cause: &DeathCause) -> Self {
        match cause {
            DeathCause::Failed(_) => Self::Failed,
            DeathCause::TimedOut => Self::TimedOut,
            DeathCause::Panicked(_) => Self::Panicked,
            DeathCause::Displaced => Self::Displaced,
        }
    }
}

impl Letters {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, kept: VecDeque::new(), may_go: false }
    }

    pub(super) fn put(&mut self, letter: Letter) {
        self.kept.push_back(letter);
        if self.kept.len() > self.capacity {
            self.kept.pop_front();
        }
    }
}

impl Model {
    /// Holds the list of dead letters against what is known. Displaced ones are learnt from it.
    pub(super) fn reconcile(&mut self, list: &[DeadLetter]) {
        if self.unclear > 0 {
            return; // some may be there or not
        }
        let ascending = list.windows(2).all(|pair| pair[0].id < pair[1].id);
        self.hold(ascending, Promise::DeadLetters, || format!("not in order: {list:?}"));
        let capacity = self.letters.capacity;
        let len = list.len();
        self.hold(len <= capacity, Promise::Bounds, || format!("{len} dead letters of {capacity} at most"));
        let mut known: Vec<Letter> = self.letters.kept.iter().copied().collect();
        let mut found = VecDeque::new();
        for letter in list.iter().rev() {
            let Some(read) = self.read(letter) else { return };
            if known.last() == Some(&read) {
                known.pop();
            } else if read.cause == Cause::Displaced {
                self.displaced(read);
            } else {
                let expected = known.last().copied();
                let what = format!("expected {expected:?} in the list, got {read:?}: {letter:?}");
                return self.violated(Promise::DeadLetters, what);
            }
            found.push_front(read);
        }
        // Those that are left are the oldest: they may have made room for bytes, if an event was accepted that needed it.
        let may_go = std::mem::take(&mut self.letters.may_go);
        let missing = !known.is_empty() && len < capacity && !may_go;
        self.hold(!missing, Promise::DeadLetters, || format!("missing though there is room: {known:?}"));
        self.letters.kept = found;
    }

    /// What a letter says; `None` if it cannot be one.
    fn read(&mut self, letter: &DeadLetter) -> Option<Letter> {
        let event = &letter.event;
        let serial = event.correlation_id.and_then(|serial| usize::try_from(serial.0).ok());
        let serial = serial.filter(|&serial| serial > 0 && serial <= self.published.len()).map(|at| at - 1);
        let delivery = serial.and_then(|serial| {
            let named = |delivery: &Delivery| self.actors[delivery.actor].name == letter.service;
            let at = self.published[serial].deliveries.iter().rposition(named);
            let at = at.or_else(|| self.reassign(serial, self.actor(&letter.service)?))?;
            let published = &self.published[serial];
            let delivery = &published.deliveries[at];
            Some((serial, delivery.actor, delivery.failures, published.retry_limit, delivery.fate))
        });
        let Some((serial, actor, failures, retry_limit, fate)) = delivery else {
            self.violated(Promise::DeadLetters, format!("of a delivery that never was: {letter:?}"));
            return None;
        };
        let cause = Cause::of(&letter.cause);
        let sound = match cause {
            Cause::Displaced => {
                event.retry_count == failures && matches!(fate, Fate::Waiting | Fate::Displaced)
            }
            _ => event.retry_count == retry_limit && fate == Fate::Dead,
        };
        self.hold(sound, Promise::DeadLetters, || {
            format!("{failures} failures, {fate:?}, limit {retry_limit}, but {letter:?}")
        });
        Some(Letter { serial, actor, cause })
    }

    fn displaced(&mut self, letter: Letter) {
        let published = &mut self.published[letter.serial];
        let lane = published.lane;
        if let Some(delivery) = published.delivery_to(letter.actor) {
            let fate = std::mem::replace(&mut published.deliveries[delivery].fate, Fate::Displaced);
            let waited = fate == Fate::Waiting;
            self.hold(waited, Promise::DeadLetters, || format!("displaced but {fate:?}: {letter:?}"));
            self.totals.displaced_seen += 1;
        }
        self.actors[letter.actor].not_ready(lane, letter.serial);
        self.hold(lane > 0, Promise::Order, || format!("displaced though critical: {letter:?}"));
    }
}
