use std::collections::BTreeSet;
use std::time::Duration;

use crucible_events::event::Name;

use crate::{Fault, FaultKind, FaultPlan};

/// Why a plan makes no sense: which field of which fault, counted from 0.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum InvalidPlan {
    #[error("faults[{fault}].rate: {rate} is not a part of deliveries; from 0 to 1 are possible")]
    Rate { fault: usize, rate: f64 },
    #[error("faults[{fault}].kind.{field}: 0s would be no fault at all")]
    NoTime { fault: usize, field: &'static str },
    #[error("faults[{fault}].until: {until:?} is not after from, {from:?}, so it would never strike")]
    Window { fault: usize, from: Duration, until: Duration },
    #[error("faults[{fault}].services: an empty list, so it would never strike; leave it out for all")]
    NoServices { fault: usize },
    #[error("faults[{fault}].services: there is no service `{service}`")]
    UnknownService { fault: usize, service: Name },
}

impl FaultPlan {
    /// Tells whether every fault can strike as it says.
    ///
    /// # Errors
    /// The first field that makes no sense.
    pub fn check(&self) -> Result<(), InvalidPlan> {
        (0..).zip(&self.faults).try_for_each(|(index, fault)| fault.check(index))
    }

    /// Tells whether every service that is named is one of these.
    ///
    /// # Errors
    /// [`InvalidPlan::UnknownService`]: a fault that is aimed at nobody would pass for health.
    pub fn check_services<'a>(&self, known: impl IntoIterator<Item = &'a Name>) -> Result<(), InvalidPlan> {
        let known: BTreeSet<&Name> = known.into_iter().collect();
        for (fault, services) in (0..).zip(self.faults.iter().map(|fault| &fault.services)) {
            if let Some(service) = services.iter().flatten().find(|service| !known.contains(service)) {
                return Err(InvalidPlan::UnknownService { fault, service: service.clone() });
            }
        }
        Ok(())
    }
}

impl Fault {
    fn check(&self, fault: usize) -> Result<(), InvalidPlan> {
        let Self { rate, from, .. } = *self;
        if !(0.0..=1.0).contains(&rate) {
            return Err(InvalidPlan::Rate { fault, rate });
        }
        if let Some(field) = self.kind.without_time() {
            return Err(InvalidPlan::NoTime { fault, field });
        }
        if let Some(until) = self.until.filter(|&until| until <= from) {
            return Err(InvalidPlan::Window { fault, from, until });
        }
        if self.services.as_ref().is_some_and(Vec::is_empty) {
            return Err(InvalidPlan::NoServices { fault });
        }
        Ok(())
    }
}

impl FaultKind {
    /// The field whose time is 0.
    fn without_time(self) -> Option<&'static str> {
        match self {
            Self::Stall { lasting: Duration::ZERO } => Some("stall.lasting"),
            Self::Slow { by: Duration::ZERO } => Some("slow.by"),
            Self::Vanish { lasting: Duration::ZERO } => Some("vanish.lasting"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn what_makes_no_sense_is_refused_with_its_field_and_the_reason() {
        let error = |rate| Fault::new(FaultKind::Error, rate);
        let refusals = [
            (error(1.5), "faults[1].rate: 1.5 is not a part of deliveries; from 0 to 1 are possible"),
            (error(-0.1), "faults[1].rate: -0.1 is not a part of deliveries; from 0 to 1 are possible"),
            (error(f64::NAN), "faults[1].rate: NaN is not a part of deliveries; from 0 to 1 are possible"),
            (
                Fault::new(FaultKind::Stall { lasting: Duration::ZERO }, 1.0),
                "faults[1].kind.stall.lasting: 0s would be no fault at all",
            ),
            (
                Fault::new(FaultKind::Slow { by: Duration::ZERO }, 1.0),
                "faults[1].kind.slow.by: 0s would be no fault at all",
            ),
            (
                Fault::new(FaultKind::Vanish { lasting: Duration::ZERO }, 1.0),
                "faults[1].kind.vanish.lasting: 0s would be no fault at all",
            ),
            (
                error(0.5).between(20 * MS, 20 * MS),
                "faults[1].until: 20ms is not after from, 20ms, so it would never strike",
            ),
            (
                error(0.5).of::<Name>([]),
                "faults[1].services: an empty list, so it would never strike; leave it out for all",
            ),
        ];
        for (fault, message) in refusals {
            let plan = FaultPlan { seed: 0, faults: vec![error(0.0), fault, error(7.0)] };
            assert_eq!(plan.check().expect_err(message).to_string(), message);
        }
    }

    #[test]
    fn the_bounds_themselves_make_sense() {
        let faults = vec![
            Fault::new(FaultKind::Error, 0.0),
            Fault::new(FaultKind::Slow { by: MS }, 1.0),
            Fault::new(FaultKind::Hang, 1.0).between(Duration::ZERO, MS),
        ];
        assert_eq!(FaultPlan { seed: 0, faults }.check(), Ok(()));
        assert_eq!(FaultPlan::default().check(), Ok(()));
    }

    #[test]
    fn a_service_that_does_not_exist_is_named() {
        let known: Vec<Name> = ["a", "b"].map(Name::from).into();
        let plan = |services: &[&str]| FaultPlan {
            seed: 0,
            faults: vec![
                Fault::new(FaultKind::Error, 0.1),
                Fault::new(FaultKind::Hang, 1.0).of(services.iter().copied()),
            ],
        };
        assert_eq!(plan(&["a", "b"]).check_services(&known), Ok(()));
        let refusal = plan(&["a", "c"]).check_services(&known).expect_err("there is no c");
        assert_eq!(refusal.to_string(), "faults[1].services: there is no service `c`");
    }
}
