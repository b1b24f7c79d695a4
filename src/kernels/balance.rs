//! Who of a group gets the event? The choice alone, by each strategy.

use crucible_events::crucible_core::balance::{Candidate, Load, choose};
use crucible_events::event::{Event, EventId, EventKind, Limits, Payload, Target, Timestamp};
use crucible_events::routing::{GroupSpec, Health, Member, Oracle, State, Strategy};

use super::{Prepared, Work};

/// Choices of a run.
const TURNS: u64 = 1_000;

/// Members of the group; their weights, priorities and states differ.
const MEMBERS: u32 = 8;

/// How the members are, by number.
struct States([State; MEMBERS as usize]);

impl Load for States {
    fn unsettled(&self, number: u32) -> u64 {
        self.0[number as usize].unsettled
    }
    fn health(&self, number: u32) -> Health {
        self.0[number as usize].health
    }
}

/// A thousand turns, compared with what the oracle says.
pub(super) fn turns(strategy: Strategy) -> Prepared {
    let states = States(std::array::from_fn(state));
    let candidates: Vec<Candidate> = (0..MEMBERS).map(candidate).collect();
    let expected = expected(strategy, &states);
    let run = move || {
        let mut work = Work { events: TURNS, deliveries: 0, bytes: 0, checksum: 0 };
        for turn in 0..TURNS {
            if let Some(number) = choose(strategy, std::hint::black_box(&candidates), turn, &states) {
                note(&mut work, turn, number);
            }
        }
        work
    };
    Prepared::new(run, expected)
}

/// One of four is degraded, one of four unhealthy; no two are equally busy.
fn state(number: usize) -> State {
    let health = [Health::Healthy, Health::Degraded, Health::Healthy, Health::Unhealthy][number % 4];
    State { health, unsettled: (number as u64 * 5 + 3) % 8 }
}

fn candidate(number: u32) -> Candidate {
    Candidate { number, weight: number % 3 + 1, priority: i32::try_from(number * 3 % 8).expect("below 8") }
}

fn note(work: &mut Work, turn: u64, number: u32) {
    work.deliveries += 1;
    let weight = (turn << 8 | u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    work.checksum = work.checksum.wrapping_add(weight);
}

fn expected(strategy: Strategy, states: &States) -> Work {
    let name = |number: u32| format!("member-{number}");
    let mut oracle = Oracle::new(Limits::default());
    for number in 0..MEMBERS {
        oracle.register(&name(number).into());
        oracle.observe(&name(number), states.0[number as usize]);
    }
    let members = (0..MEMBERS).map(candidate).map(|candidate| {
        let member = Member::new(name(candidate.number)).with_weight(candidate.weight);
        member.with_priority(candidate.priority)
    });
    oracle.define_group(GroupSpec::new("group", strategy, members));
    let payload = Payload::Text("x".to_owned().into());
    let mut event = Event::new(EventId(1), EventKind::Metrics, "s", Timestamp(0), payload);
    event.targets = [Target::Group("group".into())].into();
    let mut work = Work { events: TURNS, deliveries: 0, bytes: 0, checksum: 0 };
    for turn in 0..TURNS {
        for chosen in oracle.publish(&event).expect("a sound event to a known group") {
            let number = (0..MEMBERS).find(|&number| *chosen == *name(number));
            note(&mut work, turn, number.expect("one of the members"));
        }
    }
    work
}
