use crate::routing::BreakerPolicy;

/// [`BreakerPolicy`], word for word, for one service.
#[derive(Debug)]
pub(super) struct Breaker {
    policy: Option<BreakerPolicy>,
    state: State,
    in_a_row: u32,
    pub(super) opened: u64,
    /// Until when it was open the last time.
    pub(super) until: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open,
    HalfOpen,
}

impl Breaker {
    pub(super) fn new(policy: Option<BreakerPolicy>) -> Self {
        Self { policy, state: State::Closed, in_a_row: 0, opened: 0, until: 0 }
    }

    /// Whether nothing may be handed over.
    pub(super) fn is_open(&self, now: u64) -> bool {
        self.state == State::Open && now < self.until
    }

    /// How many deliveries may be handed over at once.
    pub(super) fn allowance(&mut self, now: u64) -> usize {
        match self.policy {
            Some(policy) if self.state != State::Closed => {
                if now < self.until {
                    return 0;
                }
                self.state = State::HalfOpen;
                policy.probes
            }
            _ => usize::MAX,
        }
    }

    /// What became of a batch, in order.
    pub(super) fn settled(&mut self, acknowledged: impl Iterator<Item = bool>, now: u64) {
        let Some(policy) = self.policy else { return };
        for acknowledged in acknowledged {
            if acknowledged {
                self.in_a_row = 0;
                continue;
            }
            self.in_a_row += 1;
            if self.state == State::HalfOpen || self.in_a_row >= policy.threshold {
                self.state = State::Open;
                self.in_a_row = 0;
                self.opened += 1;
                self.until = now + super::world::nanos(policy.open_for);
                return;
            }
        }
        self.state = State::Closed;
    }
}
