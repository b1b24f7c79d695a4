//! What a seed stands for.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::script::{Draft, Mood, Script, Step};
use crate::event::{Category, EventKind, Name, Priority, Target};
use crate::routing::{
    BreakerPolicy, Filter, GroupSpec, Member, OnFull, RetryPolicy, Rule, Strategy, Terms, WindowPolicy,
    chance::splitmix64,
};

/// Few names, so that they meet.
pub(super) const SERVICES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
/// A group may have the name of a service.
const GROUPS: [&str; 4] = ["g", "h", "k", "a"];
const RULES: [&str; 8] = ["0", "1", "2", "3", "4", "5", "6", "7"];
/// Who the events say that they are from.
pub(super) const SOURCES: [&str; 3] = ["vault", "sync", "agent"];
/// Kinds of events that occur; few, so that filters match.
pub(super) const KINDS: usize = 8;
/// Tasks that publish, besides the script itself.
pub(super) const PUBLISHERS: usize = 3;
/// Events of one call at most: as many as a system may be expected to route at one moment.
const LONGEST_BATCH: u64 = 64;

/// Seeds below have short scripts: as many as every `cargo test` runs, unoptimized.
const SHORT: u64 = 2_000;

impl Script {
    /// The script of this seed. Those from 2,000 on are longer.
    pub fn from_seed(seed: u64) -> Self {
        let mut draw = Draw(ChaCha8Rng::seed_from_u64(seed));
        let wishes = Terms { byte_budget: byte_budget(seed), ..draw.terms() };
        let mut steps = Vec::new();
        for service in SERVICES {
            if draw.chance(850) {
                steps.push(draw.register(service.into()));
            }
        }
        steps.extend((0..draw.from(1, 3)).map(|_| Step::DefineGroup(draw.group())));
        // Else most events would find nobody.
        steps.push(Step::AddRule(Rule { filter: Filter::everything(), last: false, ..draw.rule() }));
        steps.extend((0..draw.from(2, 6)).map(|_| Step::AddRule(draw.rule())));
        let pace = draw.pace();
        let longest = if seed < SHORT { 60 } else { 240 };
        for _ in 0..draw.from(20, longest) {
            steps.push(draw.step(&pace));
        }
        if draw.chance(500) {
            let grace_ms = if draw.chance(500) { 0 } else { draw.from(1, 60) };
            steps.push(Step::Shutdown { grace_ms });
            steps.extend((0..draw.below(3)).map(|_| draw.publish(&pace)));
        }
        Self { seed, wishes, steps }
    }
}

/// One script in four wishes a budget, of some few events to many. Drawn apart: the others stay what they were without.
fn byte_budget(seed: u64) -> Option<u64> {
    let draw = splitmix64(seed, 0);
    (draw & 3 == 0).then(|| SMALLEST_BUDGET + (draw >> 8) % 15_000)
}

/// Bytes that a budget has room for at least: a system that is to keep it has to refuse larger events.
const SMALLEST_BUDGET: u64 = 1_000;

/// What distinguishes one script from another beyond its steps.
struct Pace {
    /// Events in one call at most.
    batch: u64,
    /// How many of 1,000 events are scheduled, repeated, and have explicit targets.
    later: u64,
    again: u64,
    explicit: u64,
    /// How many of 1,000 steps let time pass.
    pass: u64,
    urgent: u64,
}

struct Draw(ChaCha8Rng);

impl Draw {
    /// From 0 to below `end`. The remainder favours small numbers by less than 2⁻⁵⁰.
    fn below(&mut self, end: u64) -> u64 {
        self.0.next_u64() % end
    }

    fn from(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("below a usize")
    }

    fn size(&mut self, least: u64, most: u64) -> usize {
        usize::try_from(self.from(least, most)).expect("small")
    }

    fn chance(&mut self, of_1000: u64) -> bool {
        self.below(1_000) < of_1000
    }

    fn pick<T: Clone>(&mut self, among: &[T]) -> T {
        among[self.index(among.len())].clone()
    }

    fn name(&mut self, among: &[&'static str]) -> Name {
        self.pick(among).into()
    }

    fn ms(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.from(least, most))
    }

    fn terms(&mut self) -> Terms {
        let first = self.ms(1, 20);
        let most = u32::try_from(self.from(1, 16)).expect("small");
        Terms {
            mailbox_capacity: Some(self.size(4, 64)),
            batch: Some(if self.chance(500) { 16 } else { self.size(16, 64) }),
            concurrent_deliveries: Some(if self.chance(400) { self.size(1, 64) } else { 4_096 }),
            event_timeout: Some(match self.below(3) {
                0 => self.ms(5, 60),
                1 => self.ms(100, 2_000),
                _ => Duration::from_secs(30),
            }),
            handler_timeout: Some(self.ms(5, 50)),
            window: Some(WindowPolicy { entries: self.size(8, 64), time: self.ms(20, 500) }),
            retry: Some(RetryPolicy {
                first,
                longest: first * most,
                jitter: self.pick(&[0.0, 0.5, 1.0]),
                seed: self.below(u64::MAX),
            }),
            breaker: Some(BreakerPolicy {
                threshold: u32::try_from(self.from(1, 8)).expect("small"),
                open_for: self.ms(5, 100),
                probes: self.size(1, 4),
            }),
            dead_letters: Some(self.size(2, 16)),
            byte_budget: None,
        }
    }

    fn pace(&mut self) -> Pace {
        Pace {
            batch: self.pick(&[4, 16, 32, LONGEST_BATCH]),
            later: self.pick(&[0, 20, 200]),
            again: self.pick(&[0, 50, 300]),
            explicit: self.pick(&[0, 100, 500]),
            pass: self.pick(&[50, 150, 300]),
            urgent: self.pick(&[100, 250, 600]),
        }
    }

    fn register(&mut self, service: Name) -> Step {
        let timeout_ms = self.chance(200).then(|| self.from(3, 30));
        Step::Register { service, timeout_ms }
    }

    fn group(&mut self) -> GroupSpec {
        let strategy = match self.below(5) {
            0 => Strategy::RoundRobin,
            1 => Strategy::LeastConnections,
            2 => Strategy::WeightedRandom { seed: self.below(100) },
            3 => Strategy::HealthBased,
            _ => Strategy::PriorityBased,
        };
        let mut members = Vec::new();
        let (first, step) = (self.index(SERVICES.len()), self.pick(&[1, 5]));
        for place in 0..self.size(1, 4) {
            let weight = u32::try_from(self.from(u64::from(place == 0), 3)).expect("small");
            let priority = i32::try_from(self.below(3)).expect("small");
            let name = SERVICES[(first + place * step) % SERVICES.len()];
            members.push(Member::new(name).with_weight(weight).with_priority(priority));
        }
        GroupSpec::new(self.name(&GROUPS), strategy, members)
    }

    fn target(&mut self) -> Target {
        match self.below(100) {
            0 => Target::Service("x".into()),
            1..60 => Target::Service(self.name(&SERVICES)),
            _ => Target::Group(self.name(&GROUPS)),
        }
    }

    fn targets(&mut self, most: u64) -> Vec<Target> {
        (0..self.from(1, most)).map(|_| self.target()).collect()
    }

    fn rule(&mut self) -> Rule {
        let filter = match self.below(7) {
            0 | 1 => Filter::everything(),
            2 => Filter::Kind(EventKind::BUILT_IN[self.index(KINDS)].clone()),
            3 => Filter::Category(self.pick(&[Category::Filesystem, Category::Database])),
            4 => Filter::MinPriority(self.pick(&Priority::ALL)),
            5 => Filter::Source(self.name(&SOURCES)),
            _ => Filter::Not(Box::new(Filter::Source(self.name(&SOURCES)))),
        };
        let priority = i32::try_from(self.below(3)).expect("small");
        let last = self.chance(100);
        Rule { id: self.name(&RULES), priority, filter, targets: self.targets(3), last }
    }

    fn step(&mut self, pace: &Pace) -> Step {
        if self.chance(pace.pass) {
            return Step::Pass { ms: if self.chance(150) { self.from(50, 600) } else { self.from(1, 20) } };
        }
        match self.below(100) {
            0..60 => self.publish(pace),
            60..68 => Step::Yield,
            68..78 => Step::Mood(self.name(&SERVICES), self.mood()),
            78..81 => {
                let service = self.name(&SERVICES);
                self.register(service)
            }
            81..83 => Step::Unregister(self.name(&SERVICES)),
            83..85 => Step::DefineGroup(self.group()),
            85 => Step::RemoveGroup(self.name(&GROUPS)),
            86..89 => Step::AddRule(self.rule()),
            89 => Step::RemoveRule(self.name(&RULES)),
            90..94 => Step::Replay(self.index(6), self.on_full()),
            94..96 => Step::Purge(self.index(6)),
            _ => Step::Quiesce,
        }
    }

    fn mood(&mut self) -> Mood {
        match self.below(10) {
            0..4 => Mood::Sound,
            4 => Mood::Flaky(self.from(20, 600)),
            5 | 6 => Mood::Down,
            7 => Mood::Slow(self.from(1, 10)),
            8 => Mood::Stuck,
            _ => Mood::Panicky(self.from(5, 200)),
        }
    }

    fn on_full(&mut self) -> OnFull {
        self.pick(&[OnFull::Wait, OnFull::Refuse, OnFull::DropLowest])
    }

    fn publish(&mut self, pace: &Pace) -> Step {
        let publisher = if self.chance(600) { 0 } else { self.size(1, PUBLISHERS as u64) };
        let drafts = (0..self.from(1, pace.batch)).map(|_| self.draft(pace)).collect();
        Step::Publish { publisher, batch: self.chance(600), on_full: self.on_full(), drafts }
    }

    fn draft(&mut self, pace: &Pace) -> Draft {
        let urgent = self.chance(pace.urgent);
        Draft {
            kind: self.index(KINDS),
            priority: if urgent { Priority::Critical } else { self.pick(&Priority::ALL[1..]) },
            source: self.index(SOURCES.len()),
            targets: if self.chance(pace.explicit) { self.targets(2) } else { Vec::new() },
            later_ms: self.chance(pace.later).then(|| self.from(0, 60)),
            retry_limit: u16::try_from(self.below(4)).expect("small"),
            again: self.chance(pace.again).then(|| self.size(1, 80)),
            malformed: self.chance(5),
        }
    }
}
