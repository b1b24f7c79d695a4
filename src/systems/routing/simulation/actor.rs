use super::breaker::Breaker;
use super::generate::PUBLISHERS;
use crate::event::{Name, Priority};
use crate::routing::{BreakerPolicy, ServiceKey};

pub(super) const LANES: usize = Priority::ALL.len();

/// One registration of a service, and what is known of it.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) name: Name,
    pub(super) key: ServiceKey,
    /// Of its handler, in nanoseconds.
    pub(super) timeout: Option<u64>,
    pub(super) left: bool,
    pub(super) call: Option<Call>,
    /// Since when it has nothing to do with anything that happened before: registered, or done with a batch.
    pub(super) free_since: u64,
    pub(super) breaker: Breaker,
    /// The last serial number that was begun, of each publisher and priority.
    pub(super) begun: Vec<[u64; LANES]>,
    /// What certainly waits for it and may be handed over: serial number and deadline, in order of publishing.
    pub(super) ready: [Vec<(usize, u64)>; LANES],
    /// Batches in a row that passed over each priority though some of it was ready.
    pub(super) passed_over: [u32; LANES],
    /// Of these, the full ones.
    pub(super) passed_over_full: [u32; LANES],
    pub(super) tally: Tally,
}

/// A batch in its handler's hands.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) begun: u64,
    /// Serial numbers, and which delivery of it.
    pub(super) deliveries: Vec<(usize, usize)>,
}

/// What its statistics have to say.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) acknowledged: u64,
    pub(super) failed: u64,
    pub(super) dead: u64,
    pub(super) retried: u64,
    pub(super) timeouts: u64,
    pub(super) panics: u64,
}

impl Actor {
    pub(super) fn new(name: Name, timeout: Option<u64>, breaker: Option<BreakerPolicy>, now: u64) -> Self {
        Self {
            key: ServiceKey::of(&name),
            name,
            timeout,
            left: false,
            call: None,
            free_since: now,
            breaker: Breaker::new(breaker),
            begun: vec![[0; LANES]; PUBLISHERS + 1],
            ready: Default::default(),
            passed_over: [0; LANES],
            passed_over_full: [0; LANES],
            tally: Tally::default(),
        }
    }

    /// The last serial numbers that were begun of this publisher.
    pub(super) fn begun_of(&mut self, publisher: usize) -> &mut [u64; LANES] {
        if self.begun.len() <= publisher {
            self.begun.resize(publisher + 1, [0; LANES]);
        }
        &mut self.begun[publisher]
    }

    /// This serial number does not wait any more.
    pub(super) fn not_ready(&mut self, lane: usize, serial: usize) {
        if let Some(at) = self.ready[lane].iter().position(|&(ready, _)| ready == serial) {
            self.ready[lane].remove(at);
        }
    }
}
