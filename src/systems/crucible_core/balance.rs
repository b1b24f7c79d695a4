//! Which member of a group gets an event. See [`Strategy`].

use crate::routing::chance::splitmix64;
use crate::routing::{Health, Strategy};

/// A member of a group as the strategies see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Its number among the services.
    pub number: u32,
    /// Its share under [`Strategy::WeightedRandom`].
    pub weight: u32,
    /// Its rank under [`Strategy::PriorityBased`].
    pub priority: i32,
}

/// What a choice may depend on beyond the members and the turn.
pub trait Load {
    /// Deliveries that this service has not settled.
    fn unsettled(&self, number: u32) -> u64;
    /// Whether it can be relied on.
    fn health(&self, number: u32) -> Health;
}

/// The member that gets the event of this turn; `None` if none is available. `present` are the members
/// that are registered, in the order of the group.
pub fn choose(strategy: Strategy, present: &[Candidate], turn: u64, load: &impl Load) -> Option<u32> {
    match strategy {
        Strategy::RoundRobin => present.get(round(turn, present.len())?).map(|member| member.number),
        Strategy::LeastConnections => {
            present.iter().map(|member| member.number).min_by_key(|&number| load.unsettled(number))
        }
        Strategy::WeightedRandom { seed } => by_weight(present, splitmix64(seed, turn)),
        Strategy::HealthBased => [Health::Healthy, Health::Degraded]
            .into_iter()
            .find_map(|health| nth_of(health, present, turn, load)),
        Strategy::PriorityBased => {
            let available = present.iter().filter(|member| load.health(member.number) != Health::Unhealthy);
            // Of equals `max_by_key` takes the last.
            available.rev().max_by_key(|member| member.priority).map(|member| member.number)
        }
    }
}

fn round(turn: u64, len: usize) -> Option<usize> {
    usize::try_from(turn.checked_rem(len as u64)?).ok()
}

fn by_weight(present: &[Candidate], draw: u64) -> Option<u32> {
    let sum = present.iter().map(|member| u64::from(member.weight)).sum();
    let mut at = draw.checked_rem(sum)?;
    for member in present {
        match at.checked_sub(member.weight.into()) {
            None => return Some(member.number),
            Some(beyond) => at = beyond,
        }
    }
    None
}

fn nth_of(health: Health, present: &[Candidate], turn: u64, load: &impl Load) -> Option<u32> {
    let of_it = || present.iter().filter(|member| load.health(member.number) == health);
    of_it().nth(round(turn, of_it().count())?).map(|member| member.number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Health and load of the members 0, 1, 2, …
    struct Told(Vec<(Health, u64)>);

    impl Load for Told {
        fn unsettled(&self, number: u32) -> u64 {
            self.0[number as usize].1
        }
        fn health(&self, number: u32) -> Health {
            self.0[number as usize].0
        }
    }

    use Health::{Degraded, Healthy, Unhealthy};

    fn told(members: &[(Health, u64)]) -> Told {
        Told(members.to_vec())
    }

    fn members(weights_and_priorities: &[(u32, i32)]) -> Vec<Candidate> {
        let numbered = (0..).zip(weights_and_priorities);
        numbered.map(|(number, &(weight, priority))| Candidate { number, weight, priority }).collect()
    }

    fn choices(strategy: Strategy, members: &[Candidate], load: &Told, turns: u64) -> Vec<Option<u32>> {
        (0..turns).map(|turn| choose(strategy, members, turn, load)).collect()
    }

    #[test]
    fn rounds_go_on_by_turn() {
        let load = told(&[(Unhealthy, 9); 3]);
        let three = members(&[(1, 0); 3]);
        let round = choices(Strategy::RoundRobin, &three, &load, 4);
        assert_eq!(round, [Some(0), Some(1), Some(2), Some(0)]);
        assert_eq!(choose(Strategy::RoundRobin, &[], 5, &load), None);
    }

    #[test]
    fn fewest_unsettled_and_of_equals_the_first() {
        let load = told(&[(Healthy, 4), (Healthy, 2), (Healthy, 2)]);
        let three = members(&[(1, 0); 3]);
        assert_eq!(choose(Strategy::LeastConnections, &three, 7, &load), Some(1));
    }

    #[test]
    fn chance_follows_the_weights_and_the_seed() {
        let load = told(&[(Healthy, 0); 4]);
        let four = members(&[(1, 0), (0, 0), (6, 0), (3, 0)]);
        let strategy = |seed| Strategy::WeightedRandom { seed };
        let drawn = choices(strategy(3), &four, &load, 10_000);
        let share = |number| drawn.iter().filter(|&&chosen| chosen == Some(number)).count();
        // Within four standard deviations of 1,000, 6,000 and 3,000; the seed is fixed.
        assert!(share(0).abs_diff(1_000) < 120 && share(2).abs_diff(6_000) < 196, "{}", share(2));
        assert_eq!((share(1), share(0) + share(2) + share(3)), (0, 10_000));
        assert_eq!(drawn, choices(strategy(3), &four, &load, 10_000));
        assert_ne!(drawn, choices(strategy(4), &four, &load, 10_000));
        assert_eq!(choose(strategy(3), &members(&[(0, 0)]), 0, &load), None);
    }

    #[test]
    fn the_healthy_share_a_round_then_the_degraded_and_never_the_unhealthy() {
        let three = members(&[(1, 0); 3]);
        let load = told(&[(Healthy, 0), (Degraded, 0), (Healthy, 0)]);
        assert_eq!(choices(Strategy::HealthBased, &three, &load, 3), [Some(0), Some(2), Some(0)]);
        let load = told(&[(Unhealthy, 0), (Degraded, 0), (Unhealthy, 0)]);
        assert_eq!(choose(Strategy::HealthBased, &three, 2, &load), Some(1));
        assert_eq!(choose(Strategy::HealthBased, &three, 2, &told(&[(Unhealthy, 0); 3])), None);
    }

    #[test]
    fn the_highest_priority_that_is_available_and_of_equals_the_first() {
        let four = members(&[(1, 1), (1, 9), (1, 5), (1, 5)]);
        let mut load = told(&[(Healthy, 0); 4]);
        assert_eq!(choose(Strategy::PriorityBased, &four, 3, &load), Some(1));
        load.0[1].0 = Unhealthy;
        load.0[2].0 = Degraded;
        assert_eq!(choose(Strategy::PriorityBased, &four, 3, &load), Some(2));
        assert_eq!(choose(Strategy::PriorityBased, &four, 3, &told(&[(Unhealthy, 0); 4])), None);
    }
}
