use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crucible_events::event::Limits;
use serde::{Deserialize, Serialize};

use super::payload::MIN_PAYLOAD_BYTES;
use super::rules::{TABLE_SERVICES, TABLE_TARGETS};

/// How much arrives, and how many it concerns (R3.1). Valid once it is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Scenario {
    name: Cow<'static, str>,
    events: usize,
    services: usize,
    payload_sizes: [usize; 2],
    rules: usize,
    targets_per_rule: usize,
    routing: Routing,
}

/// As it comes from another process.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    name: String,
    events: usize,
    services: usize,
    payload_sizes: [usize; 2],
    rules: usize,
    targets_per_rule: usize,
    routing: Routing,
}

impl TryFrom<Unchecked> for Scenario {
    type Error = InvalidScenario;
    fn try_from(found: Unchecked) -> Result<Self, InvalidScenario> {
        let Unchecked { name, events, services, payload_sizes, rules, targets_per_rule, routing } = found;
        let name = name.into();
        Self { name, events, services, payload_sizes, rules, targets_per_rule, routing }.check()
    }
}

/// What the rules ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Routing {
    /// Filters of every kind.
    Subscriptions,
    /// One rule, by which every event goes to every service.
    Broadcast,
    /// One rule for each service, and for each event one service: its rule names the event's source.
    OwnSources,
    /// Ten rules that concern the events, among others that do not: [`rule_table`](super::rule_table) with fields.
    Table,
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
    #[error("scenario {name:?}: payloads from {least} to {most} bytes; name the smaller size first")]
    PayloadSizes { name: String, least: usize, most: usize },
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
        let (name, payload_sizes) = (Cow::Borrowed(name), [payload_bytes; 2]);
        Self {
            name,
            events,
            services,
            payload_sizes,
            rules,
            targets_per_rule,
            routing: Routing::Subscriptions,
        }
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
        self.with_payload_sizes(payload_bytes..=payload_bytes)
    }

    /// The same with payloads of sizes from a range, in bytes, each as likely. All else stays as with one size.
    ///
    /// # Errors
    /// [`InvalidScenario::PayloadBytes`] or [`InvalidScenario::PayloadSizes`].
    pub fn with_payload_sizes(self, sizes: RangeInclusive<usize>) -> Result<Self, InvalidScenario> {
        Self { payload_sizes: [*sizes.start(), *sizes.end()], ..self }.check()
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
        Self { services, rules, targets_per_rule, routing: Routing::Subscriptions, ..self }.check()
    }

    /// The same with one rule, by which every event goes to every service.
    #[must_use]
    pub fn broadcast(self) -> Self {
        Self { rules: 1, targets_per_rule: self.services, routing: Routing::Broadcast, ..self }
    }

    /// The same for so many services, each with a rule of its own, among which the events are spread evenly:
    /// each goes to one of them, however many there are.
    ///
    /// # Errors
    /// [`InvalidScenario::Targets`] without a service.
    pub fn spread_over(self, services: usize) -> Result<Self, InvalidScenario> {
        let routing = Routing::OwnSources;
        Self { services, rules: services, targets_per_rule: 1, routing, ..self }.check()
    }

    /// The same with so many rules, of which at most [`CORE_RULES`](super::CORE_RULES) concern the events: who gets what
    /// does not depend on the others.
    #[must_use]
    pub fn with_rule_table(self, rules: usize) -> Self {
        let (services, targets_per_rule) = (TABLE_SERVICES, TABLE_TARGETS);
        Self { services, rules, targets_per_rule, routing: Routing::Table, ..self }
    }

    /// The same services and rules for so many recorded events, with payloads of sizes from this range.
    pub(super) fn of_recorded(self, name: String, events: usize, payload_sizes: [usize; 2]) -> Self {
        Self { events, payload_sizes, ..self.renamed(name) }
    }

    fn check(self) -> Result<Self, InvalidScenario> {
        let name = || self.name.clone().into_owned();
        let ([least, largest], most) = (self.payload_sizes, Limits::default().payload_bytes);
        let (targets, services) = (self.targets_per_rule, self.services);
        if self.events == 0 {
            return Err(InvalidScenario::NoEvents { name: name() });
        }
        let impossible =
            self.payload_sizes.into_iter().find(|size| !(MIN_PAYLOAD_BYTES..=most).contains(size));
        if let Some(bytes) = impossible {
            return Err(InvalidScenario::PayloadBytes { name: name(), bytes, most });
        }
        if least > largest {
            return Err(InvalidScenario::PayloadSizes { name: name(), least, most: largest });
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

    /// Size of every payload, in bytes; of the largest, if their sizes differ.
    pub fn payload_bytes(&self) -> usize {
        self.payload_sizes[1]
    }

    /// Sizes of the payloads, in bytes.
    pub fn payload_sizes(&self) -> RangeInclusive<usize> {
        self.payload_sizes[0]..=self.payload_sizes[1]
    }

    /// Number of rules.
    pub fn rules(&self) -> usize {
        self.rules
    }

    /// Number of different services that each rule names; at most, if their numbers differ.
    pub fn targets_per_rule(&self) -> usize {
        self.targets_per_rule
    }

    /// What the rules ask for.
    pub fn routing(&self) -> Routing {
        self.routing
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
    fn a_scenario_is_checked_once_more_where_it_arrives() {
        let scenario =
            Scenario::HEAVY.renamed("mine").with_payload_sizes(64..=128).expect("enough").broadcast();
        let json = serde_json::to_string(&scenario).expect("plain data");
        assert_eq!(serde_json::from_str::<Scenario>(&json).expect("own JSON"), scenario);
        let spoilt = json.replace("[64,128]", "[128,64]");
        let refused = serde_json::from_str::<Scenario>(&spoilt).expect_err("reversed").to_string();
        assert!(refused.contains("name the smaller size first"), "{refused}");
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
        let reversed = Scenario::LIGHT.with_payload_sizes(std::ops::RangeInclusive::new(200, 100));
        let message = "scenario \"light\": payloads from 200 to 100 bytes; name the smaller size first";
        assert_eq!(reversed.expect_err("reversed").to_string(), message);
        assert!(Scenario::LIGHT.with_payload_sizes(100..=10_485_761).is_err());
        assert!(Scenario::LIGHT.with_payload_bytes(10_485_761).is_err());
        assert!(Scenario::LIGHT.with_routing(3, 2, 0).is_err());
    }
}
