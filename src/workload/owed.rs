use crucible_events::event::EventId;
use crucible_events::reference::Plan;
use crucible_events::routing::{ServiceKey, Tally};

use super::{Edition, Workload};

/// What the services of a workload are to receive of any of its editions.
///
/// The oracle is asked once: no rule looks at ids. (Groups take turns from edition to edition, so this
/// holds for workloads without groups, as all that are generated are.)
#[derive(Debug)]
pub struct Owed {
    ids: Vec<EventId>,
    plan: Plan,
    services: Vec<ServiceKey>,
    /// Deliveries of the events before each, and of all.
    before: Vec<u64>,
}

impl Owed {
    /// Asks the oracle.
    pub fn of(workload: &Workload) -> Self {
        let plan = workload.plan();
        let mut before = vec![0; plan.len() + 1];
        for (place, services) in plan.iter().enumerate() {
            before[place + 1] = before[place] + services.len() as u64;
        }
        Self {
            ids: workload.events.iter().map(|event| event.id).collect(),
            plan,
            before,
            services: workload.services.iter().map(|service| ServiceKey::of(&service.name)).collect(),
        }
    }

    /// Events of one edition.
    pub fn events(&self) -> usize {
        self.ids.len()
    }

    /// Deliveries of one edition.
    pub fn deliveries(&self) -> u64 {
        self.before[self.plan.len()]
    }

    /// Deliveries of the first `published` events, counted as in [`Owed::of_first`].
    pub fn deliveries_of_first(&self, published: u64) -> u64 {
        let events = self.plan.len() as u64;
        let place = usize::try_from(published % events).expect("below the length of a vector");
        published / events * self.deliveries() + self.before[place]
    }

    /// The fewest first events that come to so many deliveries; 0 if no event has any.
    pub fn events_of_first(&self, deliveries: u64) -> u64 {
        let Some(editions) = deliveries.checked_div(self.deliveries()) else { return 0 };
        let rest = deliveries - editions * self.deliveries();
        let place = self.before.partition_point(|&before| before < rest);
        editions * self.plan.len() as u64 + place as u64
    }

    /// What all services together are to receive of one edition.
    pub fn of_edition(&self, edition: Edition) -> Tally {
        let mut tallies = self.nothing();
        self.add(edition, self.ids.len(), &mut tallies);
        let mut total = Tally::default();
        tallies.into_iter().for_each(|tally| total += tally);
        total
    }

    /// What each service, in the order of the workload's, is to receive of the first `published` events:
    /// those of edition 0, then those of edition 1, and so on.
    pub fn of_first(&self, published: u64) -> Vec<Tally> {
        let mut tallies = self.nothing();
        let mut left = published;
        for edition in (0..).map(Edition) {
            let events = self.ids.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if events == 0 {
                break;
            }
            self.add(edition, events, &mut tallies);
            left -= events as u64;
        }
        tallies
    }

    fn nothing(&self) -> Vec<Tally> {
        vec![Tally::default(); self.services.len()]
    }

    /// The first `events` events of an edition.
    fn add(&self, edition: Edition, events: usize, tallies: &mut [Tally]) {
        for (&id, receivers) in self.ids.iter().zip(self.plan.iter()).take(events) {
            let id = edition.id(id);
            for &service in receivers {
                tallies[service as usize].note(self.services[service as usize], id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Scenario;
    use crucible_events::routing::Expected;

    /// By the slow way: every event of every edition is shown to an oracle.
    #[test]
    fn what_is_owed_is_what_the_oracle_says_of_every_edition() {
        let workload = Workload::generate(&Scenario::MEDIUM.with_events(200).expect("some"), 42);
        let owed = Owed::of(&workload);
        let mut oracle = workload.oracle();
        let mut expected = Expected::default();
        for published in 0..500 {
            let edition = Edition(published / 200);
            let event = edition.of(&workload.events[(published % 200) as usize]);
            expected.note(event.id, &oracle.publish(&event).expect("within the limits"));
            if [0, 199, 200, 499].contains(&published) {
                let each: Vec<Tally> = workload.services.iter().map(|s| expected.of(&s.name)).collect();
                assert_eq!(owed.of_first(published + 1), each, "{published}");
                let deliveries: u64 = each.iter().map(|tally| tally.deliveries).sum();
                assert_eq!(owed.deliveries_of_first(published + 1), deliveries, "{published}");
                let events = owed.events_of_first(deliveries);
                assert_eq!(owed.deliveries_of_first(events), deliveries, "{published}");
                assert!(events == 0 || owed.deliveries_of_first(events - 1) < deliveries, "{published}");
            }
        }
    }

    #[test]
    fn editions_owe_as_many_deliveries_with_other_checksums() {
        let owed = Owed::of(&Workload::generate(&Scenario::LIGHT, 42));
        let [first, second] = [0, 1].map(|edition| owed.of_edition(Edition(edition)));
        assert_eq!((first.deliveries, second.deliveries), (owed.deliveries(), owed.deliveries()));
        assert_ne!(first.checksum, second.checksum);
        let mut both = first;
        both += second;
        let mut found = Tally::default();
        owed.of_first(200).into_iter().for_each(|tally| found += tally);
        assert_eq!(found, both);
    }
}
