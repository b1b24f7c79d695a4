use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crucible_events::event::Limits;

use super::payload::MIN_PAYLOAD_BYTES;

/// How much arrives, and how many it concerns (R3.1). Valid once it is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    name: Cow<'static, str>,
    events: usize,
    services: usize,
    payload_bytes: usize,
    rules: usize,
    targets_per_rule: usize,
}

/// A name that is not a scenario's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown scenario {name:?}; try {}", Scenario::names())]
pub struct UnknownScenario {
    name: String,
}

/// Why figures are not a scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum InvalidScenario {
    #[error("scenario {name:?}: no events; ask for at least one")]
    NoEvents { name: String },
    #[error("scenario {name:?}: payload of {bytes} bytes; from {MIN_PAYLOAD_BYTES} to {most} are possible")]
    PayloadBytes { name: String, bytes: usize, most: usize },
    #[error(
        "scenario {name:?}: {targets} targets per rule; from 1 to {services} (its services) are possible"
    )]
    Targets { name: String, targets: usize, services: usize },
}

impl Scenario {
    /// 100 events of 512 bytes, 3 services, 2 rules with 2 targets each.
    pub const LIGHT: Self = Self::built_in("light", [100, 3, 512, 2, 2]);
    /// 1,000 events of 1 KiB, 10 services, 5 rules with 2 targets each.
    pub const MEDIUM: Self = Self::built_in("medium", [1_000, 10, 1_024, 5, 2]);
    /// 10,000 events of 4 KiB, 50 services, 20 rules with 3 targets each.
    pub const HEAVY: Self = Self::built_in("heavy", [10_000, 50, 4_096, 20, 3]);
    /// 100,000 events of 8 KiB, 100 services, 50 rules with 4 targets each: 800 MB of payload.
    pub const STRESS: Self = Self::built_in("stress", [100_000, 100, 8_192, 50, 4]);
    /// All that are built in, from the smallest to the largest.
    pub const ALL: [Self; 4] = [Self::LIGHT, Self::MEDIUM, Self::HEAVY, Self::STRESS];

    const fn built_in(name: &'static str, figures: [usize; 5]) -> Self {
        let [events, services, payload_bytes, rules, targets_per_rule] = figures;
        let name = Cow::Borrowed(name);
        Self { name, events, services, payload_bytes, rules, targets_per_rule }
    }

    /// This scenario under another name, to be changed from there.
    #[must_use]
    pub fn renamed(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = name.into();
        self
    }

    /// The same with another number of events. Fewer are the first ones of more, bytes and all.
    ///
    /// # Errors
    /// [`InvalidScenario::NoEvents`].
    pub fn with_events(self, events: usize) -> Result<Self, InvalidScenario> {
        Self { events, ..self }.check()
    }

    /// The same with payloads of another size, in bytes. Kinds, ids, sources and the fields by which
    /// rules look at payloads stay as they are, and with them who gets what.
    ///
    /// # Errors
    /// [`InvalidScenario::PayloadBytes`] below [`MIN_PAYLOAD_BYTES`] or above what an event may carry.
    pub fn with_payload_bytes(self, payload_bytes: usize) -> Result<Self, InvalidScenario> {
        Self { payload_bytes, ..self }.check()
    }

    /// The same with other services and rules.
    ///
    /// # Errors
    /// [`InvalidScenario::Targets`] if a rule cannot have that many different targets.
    pub fn with_routing(
        self,
        services: usize,
        rules: usize,
        targets_per_rule: usize,
    ) -> Result<Self, InvalidScenario> {
        Self { services, rules, targets_per_rule, ..self }.check()
    }

    /// The same services and rules for recorded events, whose payloads have this size on average.
    pub(super) fn of_recorded(self, name: String, events: usize, payload_bytes: usize) -> Self {
        Self { events, payload_bytes, ..self.renamed(name) }
    }

    fn check(self) -> Result<Self, InvalidScenario> {
        let name = || self.name.clone().into_owned();
        let (bytes, most) = (self.payload_bytes, Limits::default().payload_bytes);
        let (targets, services) = (self.targets_per_rule, self.services);
        if self.events == 0 {
            return Err(InvalidScenario::NoEvents { name: name() });
        }
        if !(MIN_PAYLOAD_BYTES..=most).contains(&bytes) {
            return Err(InvalidScenario::PayloadBytes { name: name(), bytes, most });
        }
        if !(1..=services).contains(&targets) {
            return Err(InvalidScenario::Targets { name: name(), targets, services });
        }
        Ok(self)
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of events.
    pub fn events(&self) -> usize {
        self.events
    }

    /// Number of services.
    pub fn services(&self) -> usize {
        self.services
    }

    /// Size of every payload, in bytes; of recorded ones, the mean.
    pub fn payload_bytes(&self) -> usize {
        self.payload_bytes
    }

    /// Number of rules.
    pub fn rules(&self) -> usize {
        self.rules
    }

    /// Number of different services that each rule names.
    pub fn targets_per_rule(&self) -> usize {
        self.targets_per_rule
    }

    fn names() -> String {
        Self::ALL.map(|scenario| scenario.name).join(", ")
    }
}

impl FromStr for Scenario {
    type Err = UnknownScenario;
    fn from_str(name: &str) -> Result<Self, UnknownScenario> {
        let known = Self::ALL.into_iter().find(|scenario| scenario.name == name);
        known.ok_or_else(|| UnknownScenario { name: name.to_owned() })
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_scenarios_and_wrong_ones_to_the_list() {
        for scenario in Scenario::ALL {
            assert_eq!(scenario.name().parse(), Ok(scenario.clone()));
            assert_eq!(scenario.clone().check(), Ok(scenario));
        }
        let refusal = "heavvy".parse::<Scenario>().expect_err("no such scenario");
        assert_eq!(refusal.to_string(), "unknown scenario \"heavvy\"; try light, medium, heavy, stress");
    }

    #[test]
    fn what_cannot_be_generated_is_refused_with_what_is_possible() {
        let refusals = [
            (Scenario::LIGHT.with_events(0), "scenario \"light\": no events; ask for at least one"),
            (
                Scenario::LIGHT.with_payload_bytes(63),
                "scenario \"light\": payload of 63 bytes; from 64 to 10485760 are possible",
            ),
            (
                Scenario::LIGHT.with_routing(3, 2, 4),
                "scenario \"light\": 4 targets per rule; from 1 to 3 (its services) are possible",
            ),
        ];
        for (outcome, message) in refusals {
            assert_eq!(outcome.expect_err(message).to_string(), message);
        }
        assert!(Scenario::LIGHT.with_payload_bytes(10_485_761).is_err());
        assert!(Scenario::LIGHT.with_routing(3, 2, 0).is_err());
    }
}
