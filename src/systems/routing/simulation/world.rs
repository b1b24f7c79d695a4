//! What the simulation knows: what was asked of the system, and what it was seen to do.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustc_hash::FxHasher;
use tokio::time::Instant;

use super::actor::Actor;
use super::coverage::{Count, Coverage};
use super::generate::SOURCES;
use super::letters::{Letter, Letters};
use super::published::Published;
use super::script::{Mood, Script};
use super::violation::{Promise, Violation};
use super::window::Window;
use crate::event::{EventId, Limits, Name, Target};
use crate::routing::{Capabilities, Capability, GroupSpec, Oracle, Terms};

/// Is told each step and what happened, line by line.
pub type Tell = Box<dyn FnMut(&str) + Send>;

/// The model, in the hands of the script, its publishers and all services.
#[derive(Clone)]
pub(super) struct World(Arc<Mutex<Model>>);

pub(super) struct Model {
    pub(super) seed: u64,
    pub(super) capabilities: Capabilities,
    pub(super) terms: Terms,
    origin: Instant,
    pub(super) step: usize,
    /// All that were ever registered; the last of a name may be registered now.
    pub(super) actors: Vec<Actor>,
    pub(super) moods: BTreeMap<Name, Mood>,
    pub(super) groups: BTreeMap<Name, GroupSpec>,
    pub(super) rules: BTreeSet<Name>,
    pub(super) oracle: Oracle,
    pub(super) window: Option<Window>,
    pub(super) letters: Letters,
    /// By serial number, which events carry as their correlation id.
    pub(super) published: Vec<Published>,
    /// Ids in the order of publishing.
    pub(super) ids: Vec<EventId>,
    /// Deliveries in the hands of handlers.
    pub(super) in_hand: usize,
    /// When anybody was busy, the last time.
    pub(super) busy_at: u64,
    pub(super) publishing: usize,
    pub(super) closing: bool,
    pub(super) over: bool,
    /// When shutdown's grace ends.
    pub(super) deadline: Option<u64>,
    /// Whether a group chooses by load or health.
    pub(super) goes_by_state: bool,
    /// How often more were displaced than letters tell.
    pub(super) doubts: u64,
    pub(super) names: Names,
    /// The letter that is being replayed, and the service that it goes to.
    pub(super) replaying: Option<(Letter, usize)>,
    /// Handlers that were dropped when both their time-out and shutdown's deadline had come.
    pub(super) unclear: u64,
    pub(super) counts: Coverage,
    pub(super) totals: Totals,
    journal: FxHasher,
    tell: Option<Tell>,
    violation: Option<Violation>,
}

/// Sums to compare the books with.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Totals {
    /// Deliveries that publishing and replaying announced.
    pub(super) announced: u64,
    pub(super) acknowledged: u64,
    pub(super) failed: u64,
    /// Of which the last try failed.
    pub(super) dead: u64,
    pub(super) replayed: u64,
    pub(super) purged: u64,
    /// As services told that have left.
    pub(super) displaced_before: u64,
    /// As letters or statistics told.
    pub(super) displaced_seen: u64,
    pub(super) accepted_events: u64,
    pub(super) unmatched_events: u64,
    pub(super) refused_events: u64,
    pub(super) duplicate_events: u64,
    pub(super) turned_away: u64,
}

/// Made once.
pub(super) struct Names {
    pub(super) sources: [Name; SOURCES.len()],
    /// That of a malformed event.
    pub(super) nobody: Name,
    /// The explicit targets of most events: none.
    pub(super) targets: Arc<[Target]>,
}

impl Default for Names {
    fn default() -> Self {
        Self { sources: SOURCES.map(Name::from), nobody: "".into(), targets: Arc::default() }
    }
}

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

pub(super) const MS: u64 = 1_000_000;

impl World {
    pub(super) fn new(script: &Script, capabilities: Capabilities, terms: Terms, tell: Option<Tell>) -> Self {
        let offered = |capability, figure: bool| capabilities.offers(capability) && figure;
        let window = terms.window.filter(|_| offered(Capability::Deduplication, true));
        let letters = terms.dead_letters.filter(|_| offered(Capability::DeadLetters, true));
        Self(Arc::new(Mutex::new(Model {
            seed: script.seed,
            capabilities,
            origin: Instant::now(),
            step: 0,
            actors: Vec::new(),
            moods: BTreeMap::new(),
            groups: BTreeMap::new(),
            rules: BTreeSet::new(),
            oracle: Oracle::new(Limits::default()),
            window: window.map(Window::new),
            letters: Letters::new(letters.unwrap_or(usize::MAX)),
            terms,
            published: Vec::new(),
            ids: Vec::new(),
            in_hand: 0,
            busy_at: 0,
            publishing: 0,
            closing: false,
            over: false,
            deadline: None,
            goes_by_state: false,
            doubts: 0,
            names: Names::default(),
            replaying: None,
            unclear: 0,
            counts: Coverage::default(),
            totals: Totals::default(),
            journal: FxHasher::default(),
            tell,
            violation: None,
        })))
    }

    /// A panic under the lock is the simulation's own: it ends the run.
    pub(super) fn lock(&self) -> MutexGuard<'_, Model> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Model {
    /// Virtual nanoseconds since the beginning.
    pub(super) fn now(&self) -> u64 {
        nanos(self.origin.elapsed())
    }

    pub(super) fn offers(&self, capability: Capability) -> bool {
        self.capabilities.offers(capability)
    }

    /// The registered service of this name.
    pub(super) fn actor(&self, name: &Name) -> Option<usize> {
        self.actors.iter().rposition(|actor| actor.name == *name && !actor.left)
    }

    pub(super) fn count(&mut self, count: Count, more: u64) {
        self.counts.add(count, more);
    }

    /// Takes note: for the comparison of two runs, and for whoever is told.
    pub(super) fn note(&mut self, facts: &[u64], line: impl FnOnce() -> String) {
        let now = self.now();
        self.journal.write_u64(now);
        facts.iter().for_each(|&fact| self.journal.write_u64(fact));
        if let Some(tell) = &mut self.tell {
            tell(&format!("{:>8} ms  {}", now / MS, line()));
        }
    }

    pub(super) fn tells(&self) -> bool {
        self.tell.is_some()
    }

    /// The first violation counts; what follows may follow from it.
    pub(super) fn violated(&mut self, promise: Promise, what: impl Into<String>) {
        let what = what.into();
        self.note(&[u64::MAX], || format!("VIOLATION: {what}"));
        let (seed, step, at_ms) = (self.seed, self.step, self.now() / MS);
        self.violation.get_or_insert(Violation { seed, step, at_ms, promise, what });
    }

    pub(super) fn hold(&mut self, holds: bool, promise: Promise, what: impl FnOnce() -> String) {
        if !holds {
            self.violated(promise, what());
        }
    }

    pub(super) fn same(&mut self, promise: Promise, what: &str, expected: u64, got: u64) {
        self.hold(expected == got, promise, || format!("{what}: expected {expected}, got {got}"));
    }

    pub(super) fn verdict(&self) -> Result<(), Violation> {
        self.violation.clone().map_or(Ok(()), Err)
    }

    pub(super) fn journal(&self) -> u64 {
        self.journal.finish()
    }
}
