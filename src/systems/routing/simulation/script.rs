use crate::event::{Name, Priority, Target};
use crate::routing::{GroupSpec, OnFull, Rule, Terms};

/// What is done to a system, in order: plain data, so that a script that fails can be cut shorter.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// What it was drawn from. Services draw what they do from it, too.
    pub seed: u64,
    /// Small bounds for a system that can be configured, so that they are reached. It is held to its own
    /// [terms](crate::routing::EventSystem::terms), whatever these say.
    pub wishes: Terms,
    /// What is done.
    pub steps: Vec<Step>,
}

/// One call, or a piece of time.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A service comes, or comes back.
    Register {
        /// Which.
        service: Name,
        /// Its own time-out in milliseconds, if it has one.
        timeout_ms: Option<u64>,
    },
    /// A service leaves.
    Unregister(Name),
    /// A group is defined.
    DefineGroup(GroupSpec),
    /// A group ends.
    RemoveGroup(Name),
    /// A rule comes into force.
    AddRule(Rule),
    /// A rule ends.
    RemoveRule(Name),
    /// A service changes its ways.
    Mood(Name, Mood),
    /// Events are published.
    Publish {
        /// By whom. 0 is the script itself, which goes on when it has its answer; the others have tasks of their
        /// own, and publish one thing after the other.
        publisher: usize,
        /// In one call, or in one call each.
        batch: bool,
        /// What about full queues.
        on_full: OnFull,
        /// What.
        drafts: Vec<Draft>,
    },
    /// Time passes.
    Pass {
        /// So many milliseconds.
        ms: u64,
    },
    /// The others get a turn, and no time passes.
    Yield,
    /// A dead letter is accepted again: the n-th of those that are kept, if there are so many.
    Replay(usize, OnFull),
    /// A dead letter is forgotten: the n-th.
    Purge(usize),
    /// Publishers come to their end, then all is quiet, and the books are compared.
    Quiesce,
    /// The end, whoever still waits; the steps after it find the system closed.
    Shutdown {
        /// In milliseconds.
        grace_ms: u64,
    },
}

/// How a service behaves from some moment on. Besides, each has single mishaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mood {
    /// Does what it should, but for a mishap in some hundred events.
    #[default]
    Sound,
    /// Fails so many of 1,000 events.
    Flaky(u64),
    /// Fails everything.
    Down,
    /// Takes up to so many milliseconds for every batch.
    Slow(u64),
    /// Never comes to an end.
    Stuck,
    /// Panics in so many of 1,000 events.
    Panicky(u64),
}

/// An event that is to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its kind: a number among the built-in ones.
    pub kind: usize,
    /// Its priority.
    pub priority: Priority,
    /// Who says so: a number from 0 to 2.
    pub source: usize,
    /// Explicit targets; none: the rules count.
    pub targets: Vec<Target>,
    /// It is due so many milliseconds later.
    pub later_ms: Option<u64>,
    /// How often it may be tried again.
    pub retry_limit: u16,
    /// It has the id of the event that was published so many events before.
    pub again: Option<usize>,
    /// It is malformed.
    pub malformed: bool,
}

impl Step {
    /// What is done, in few words.
    pub fn headline(&self) -> String {
        match self {
            Self::Publish { publisher, batch, on_full, drafts } => {
                let how = if *batch { "in one call" } else { "one by one" };
                format!("publisher {publisher} publishes {} {how}, {on_full:?}", drafts.len())
            }
            other => format!("{other:?}"),
        }
    }
}
