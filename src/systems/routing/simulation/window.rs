use std::collections::VecDeque;

use crate::event::EventId;
use crate::routing::WindowPolicy;

/// [`WindowPolicy`], word for word: the last ids that were accepted, and when.
#[derive(Debug)]
pub(super) struct Window {
    policy: WindowPolicy,
    accepted: VecDeque<(EventId, u64)>,
}

impl Window {
    pub(super) fn new(policy: WindowPolicy) -> Self {
        Self { policy, accepted: VecDeque::new() }
    }

    fn prune(&mut self, now: u64) {
        let time = u64::try_from(self.policy.time.as_nanos()).unwrap_or(u64::MAX);
        while self.accepted.pop_front_if(|(_, at)| now - *at >= time).is_some() {}
    }

    /// Whether the id counts as seen.
    pub(super) fn contains(&mut self, id: EventId, now: u64) -> bool {
        self.prune(now);
        self.accepted.iter().any(|&(seen, _)| seen == id)
    }

    /// It does from now on.
    pub(super) fn insert(&mut self, id: EventId, now: u64) {
        self.accepted.push_back((id, now));
        if self.accepted.len() > self.policy.entries {
            self.accepted.pop_front();
        }
    }

    /// Nobody got it.
    pub(super) fn forget(&mut self, id: EventId) {
        self.accepted.retain(|&(seen, _)| seen != id);
    }

    pub(super) fn len(&mut self, now: u64) -> usize {
        self.prune(now);
        self.accepted.len()
    }
}
