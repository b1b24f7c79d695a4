use std::time::Duration;

use crucible_events::event::EventId;

use crate::draw::Draws;
use crate::{Fault, FaultKind, FaultPlan};

/// The faults of a plan that concern one service.
#[derive(Debug, Clone)]
pub struct ServiceFaults(Box<[Aimed]>);

#[derive(Debug, Clone, Copy)]
struct Aimed {
    kind: FaultKind,
    rate: f64,
    from: Duration,
    until: Duration,
    draws: Draws,
}

impl FaultPlan {
    /// Those of its faults that may strike this service.
    pub fn of_service(&self, service: &str) -> ServiceFaults {
        let concerns = |fault: &Fault| {
            let named = fault.services.as_ref();
            fault.rate > 0.0 && named.is_none_or(|names| names.iter().any(|name| **name == *service))
        };
        let aimed = self.faults.iter().enumerate().filter(|(_, fault)| concerns(fault));
        ServiceFaults(
            aimed.map(|(index, fault)| Aimed::new(fault, Draws::new(self.seed, index, service))).collect(),
        )
    }
}

impl ServiceFaults {
    /// What strikes a delivery to this service: of the plan's faults the first that does.
    ///
    /// `attempt` is 0 for the first try, then as the event's `retry_count` says. `at` is the time from the
    /// beginning of the run to the moment at which the handler gets the delivery.
    #[inline]
    pub fn strikes(&self, event: EventId, attempt: u16, at: Duration) -> Option<FaultKind> {
        let strikes = |fault: &&Aimed| fault.is_on(at) && fault.draws.of(event, attempt) < fault.rate;
        self.0.iter().find(strikes).map(|fault| fault.kind)
    }

    /// Whether there is none, at any time.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether any may strike at this moment.
    pub(crate) fn any_is_on(&self, at: Duration) -> bool {
        self.0.iter().any(|fault| fault.is_on(at))
    }
}

impl Aimed {
    fn new(fault: &Fault, draws: Draws) -> Self {
        Self {
            kind: fault.kind,
            rate: fault.rate,
            from: fault.from,
            until: fault.until.unwrap_or(Duration::MAX),
            draws,
        }
    }

    fn is_on(&self, at: Duration) -> bool {
        (self.from..self.until).contains(&at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: u32 = 100_000;
    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn plan(faults: impl IntoIterator<Item = Fault>) -> FaultPlan {
        FaultPlan { seed: 42, faults: faults.into_iter().collect() }
    }

    /// Of 100,000 deliveries.
    fn struck(faults: &ServiceFaults, attempt: u16, at: Duration) -> Vec<Option<FaultKind>> {
        (1..=DRAWS).map(|id| faults.strikes(EventId(id.into()), attempt, at)).collect()
    }

    fn count(struck: &[Option<FaultKind>], kind: FaultKind) -> u32 {
        struck.iter().filter(|&&found| found == Some(kind)).map(|_| 1).sum()
    }

    /// Within four standard deviations of what a binomial distribution of 100,000 draws expects. (Seeds are
    /// fixed: what holds once holds always.)
    fn assert_binomial(count: u32, rate: f64, what: &str) {
        let (expected, deviation) =
            (f64::from(DRAWS) * rate, (f64::from(DRAWS) * rate * (1.0 - rate)).sqrt());
        assert!(
            (f64::from(count) - expected).abs() <= 4.0 * deviation,
            "{what}: {count} for a rate of {rate}"
        );
    }

    #[test]
    fn rates_are_met_for_every_service_attempt_and_seed() {
        for rate in [0.001, 0.05, 0.5, 0.99] {
            for (seed, service, attempt) in
                [(0, "a", 0), (42, "a", 0), (42, "b", 0), (42, "a", 3), (7, "search", 1)]
            {
                let plan = FaultPlan::errors(rate, seed);
                let struck = struck(&plan.of_service(service), attempt, MS(0));
                assert_binomial(
                    count(&struck, FaultKind::Error),
                    rate,
                    &format!("{seed}, {service}, {attempt}"),
                );
            }
        }
    }

    #[test]
    fn zero_never_strikes_and_one_always_does() {
        let certain = FaultPlan::errors(1.0, 42).of_service("a");
        assert_eq!(count(&struck(&certain, 0, MS(0)), FaultKind::Error), DRAWS);
        assert!(FaultPlan::errors(0.0, 42).of_service("a").is_empty());
    }

    #[test]
    fn the_first_fault_that_strikes_is_the_one_and_others_get_their_part_of_the_rest() {
        let faults =
            plan([Fault::new(FaultKind::Error, 0.2), Fault::new(FaultKind::Hang, 0.5)]).of_service("a");
        let struck = struck(&faults, 0, MS(0));
        assert_binomial(count(&struck, FaultKind::Error), 0.2, "error");
        assert_binomial(count(&struck, FaultKind::Hang), 0.8 * 0.5, "hang");
    }

    /// Draws of two services, attempts, faults and seeds are independent: they strike together as often as
    /// chance has it.
    #[test]
    fn what_differs_in_one_thing_is_drawn_for_anew() {
        let of = |seed, service: &str, attempt| {
            struck(&FaultPlan::errors(0.5, seed).of_service(service), attempt, MS(0))
        };
        let second =
            plan([Fault::new(FaultKind::Error, 0.0), Fault::new(FaultKind::Error, 0.5)]).of_service("a");
        let base = of(42, "a", 0);
        let others = [
            ("seed", of(43, "a", 0)),
            ("service", of(42, "b", 0)),
            ("attempt", of(42, "a", 1)),
            ("fault", struck(&second, 0, MS(0))),
        ];
        for (what, other) in others {
            let both = base.iter().zip(&other).filter(|(a, b)| a.is_some() && b.is_some()).map(|_| 1).sum();
            assert_binomial(both, 0.25, what);
        }
    }

    #[test]
    fn a_window_begins_and_ends_exactly() {
        let faults = plan([Fault::new(FaultKind::Error, 1.0).between(MS(10), MS(20))]).of_service("a");
        let nanosecond = Duration::from_nanos(1);
        let strikes = |at| faults.strikes(EventId(1), 0, at).is_some();
        let moments = [MS(0), MS(10) - nanosecond, MS(10), MS(20) - nanosecond, MS(20), MS(1_000_000)];
        assert_eq!(moments.map(strikes), [false, false, true, true, false, false]);
        assert_eq!(moments.map(|at| faults.any_is_on(at)), moments.map(strikes));
    }

    #[test]
    fn only_services_that_are_named_are_struck() {
        let plan = plan([Fault::new(FaultKind::Hang, 1.0).of(["a", "c"])]);
        let is_spared = |service| plan.of_service(service).is_empty();
        assert_eq!(["a", "b", "c", "aa"].map(is_spared), [false, true, false, true]);
    }
}
