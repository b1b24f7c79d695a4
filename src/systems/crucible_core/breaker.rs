//! When a service that fails is left alone. See [`BreakerPolicy`].

use super::clock::Moment;
use crate::routing::{BreakerPolicy, Health};

/// The breaker of one service: it is asked before a batch is handed over, and told what became of it.
#[derive(Debug)]
pub struct Breaker {
    policy: BreakerPolicy,
    state: State,
    /// Failures since the last acknowledgement; while closed below the threshold.
    in_a_row: u32,
    opened: u64,
    standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open { until: Moment },
    HalfOpen,
}

/// How much of what waits may be handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// As much as fits.
    All,
    /// At most so many deliveries.
    Probes(usize),
    /// Nothing before then.
    Nothing {
        /// When it may be tried.
        until: Moment,
    },
}

/// Until when a service is to be avoided. What is known against it fades: who is avoided gets no
/// chance to prove better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Its breaker is open until then.
    pub unhealthy_until: Moment,
    /// Its failures count until then.
    pub degraded_until: Moment,
}

impl Standing {
    /// What others may rely on at this moment.
    pub fn health(self, now: Moment) -> Health {
        if now < self.unhealthy_until {
            Health::Unhealthy
        } else if now < self.degraded_until {
            Health::Degraded
        } else {
            Health::Healthy
        }
    }
}

impl Breaker {
    /// Closed.
    pub fn new(policy: BreakerPolicy) -> Self {
        Self { policy, state: State::Closed, in_a_row: 0, opened: 0, standing: Standing::default() }
    }

    /// How much may be handed over; the clock is read only if that depends on it.
    #[inline]
    pub fn allowance(&mut self, now: impl FnOnce() -> Moment) -> Allowance {
        if self.state == State::Closed { Allowance::All } else { self.reopened(now()) }
    }

    fn reopened(&mut self, now: Moment) -> Allowance {
        match self.state {
            State::Open { until } if now < until => Allowance::Nothing { until },
            _ => {
                self.state = State::HalfOpen;
                Allowance::Probes(self.policy.probes)
            }
        }
    }

    /// All deliveries of a batch were acknowledged. Returns whether that changed the standing.
    #[inline]
    pub fn acknowledged(&mut self) -> bool {
        let changes = self.state != State::Closed || self.in_a_row > 0;
        if changes {
            self.state = State::Closed;
            self.in_a_row = 0;
            self.standing = Standing::default();
        }
        changes
    }

    /// A batch of which some deliveries failed: whether each was acknowledged, in order.
    pub fn settled(&mut self, outcomes: impl IntoIterator<Item = bool>, now: Moment) {
        let probing = self.state != State::Closed;
        for acknowledged in outcomes {
            self.in_a_row = if acknowledged { 0 } else { self.in_a_row + 1 };
            let too_many = self.in_a_row >= self.policy.threshold;
            if !acknowledged && (probing || too_many) {
                return self.open(now);
            }
        }
        self.state = State::Closed;
        let degraded_until = if self.in_a_row > 0 { now.after(self.policy.open_for) } else { Moment(0) };
        self.standing = Standing { unhealthy_until: Moment(0), degraded_until };
    }

    fn open(&mut self, now: Moment) {
        let until = now.after(self.policy.open_for);
        self.state = State::Open { until };
        self.in_a_row = 0;
        self.opened += 1;
        let degraded_until = until.after(self.policy.open_for);
        self.standing = Standing { unhealthy_until: until, degraded_until };
    }

    /// How often it opened.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    /// What others are to think of the service.
    pub fn standing(&self) -> Standing {
        self.standing
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const POLICY: BreakerPolicy =
        BreakerPolicy { threshold: 3, open_for: Duration::from_nanos(100), probes: 2 };

    fn at(now: u64) -> impl FnOnce() -> Moment {
        move || Moment(now)
    }

    fn health(breaker: &Breaker, now: u64) -> Health {
        breaker.standing().health(Moment(now))
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::new(POLICY);
        breaker.settled([true, false, false, false, true], Moment(10));
        breaker
    }

    #[test]
    fn it_opens_at_the_threshold_and_not_before() {
        let mut breaker = Breaker::new(POLICY);
        breaker.settled([false, false, true, false, false], Moment(1));
        assert_eq!(breaker.allowance(at(1)), Allowance::All);
        assert_eq!((health(&breaker, 1), health(&breaker, 101)), (Health::Degraded, Health::Healthy));
        // The row goes on from batch to batch.
        breaker.settled([false], Moment(10));
        assert_eq!(breaker.allowance(at(10)), Allowance::Nothing { until: Moment(110) });
        assert_eq!((breaker.opened(), health(&breaker, 109)), (1, Health::Unhealthy));
    }

    #[test]
    fn an_acknowledgement_ends_the_row() {
        let mut breaker = Breaker::new(POLICY);
        breaker.settled([false, false], Moment(1));
        breaker.acknowledged();
        assert_eq!(health(&breaker, 1), Health::Healthy);
        breaker.settled([false, false], Moment(1));
        assert_eq!(breaker.allowance(at(1)), Allowance::All);
    }

    #[test]
    fn after_its_time_it_is_tried_and_closes_when_all_is_well() {
        let mut breaker = opened();
        assert_eq!(breaker.allowance(at(109)), Allowance::Nothing { until: Moment(110) });
        assert_eq!(breaker.allowance(at(110)), Allowance::Probes(2));
        assert_eq!((health(&breaker, 110), health(&breaker, 210)), (Health::Degraded, Health::Healthy));
        breaker.acknowledged();
        assert_eq!((breaker.allowance(at(111)), health(&breaker, 111)), (Allowance::All, Health::Healthy));
    }

    #[test]
    fn one_failed_probe_opens_it_again() {
        let mut breaker = opened();
        breaker.allowance(at(110));
        breaker.settled([true, false], Moment(120));
        assert_eq!(breaker.allowance(at(219)), Allowance::Nothing { until: Moment(220) });
        assert_eq!(breaker.opened(), 2);
        // The row begins anew once it is closed.
        breaker.allowance(at(220));
        breaker.acknowledged();
        breaker.settled([false, false], Moment(221));
        assert_eq!(breaker.allowance(at(221)), Allowance::All);
    }
}
