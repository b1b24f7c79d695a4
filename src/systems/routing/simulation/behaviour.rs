//! What services do, decided by nothing but the seed, the service, the event and the try.

use super::generate::{KINDS, SOURCES};
use super::script::{Draft, Mood};
use super::world::Model;
use crate::event::Priority;
use crate::routing::{Capability, OnFull, chance::splitmix64};

/// What a handler does with a batch.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Whether each event fails.
    pub(super) failed: Vec<bool>,
    /// What is published meanwhile: each with the serial number that led to it.
    pub(super) follow_ups: Vec<(usize, Draft)>,
    pub(super) on_full: OnFull,
    pub(super) yields: u64,
    pub(super) sleep_ms: u64,
    pub(super) finish: Finish,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    #[default]
    Returns,
    Panics,
    Stalls,
}

/// Events that a handler publishes lead to others at most so often, else cycles never end.
const GENERATIONS: u32 = 3;

impl Plan {
    pub(super) fn of(model: &Model, actor: usize, deliveries: &[(usize, usize)]) -> Self {
        let key = model.actors[actor].key;
        let mood = model.moods.get(&model.actors[actor].name).copied().unwrap_or_default();
        let mut plan = Self::default();
        let mut batch = 0;
        for &(serial, at) in deliveries {
            let published = &model.published[serial];
            let delivery = &published.deliveries[at];
            let attempt = u64::from(delivery.life) << 16 | u64::from(delivery.failures);
            let draw = splitmix64(model.seed ^ key.mix(published.id) ^ serial as u64, attempt);
            batch ^= draw;
            plan.one(mood, draw);
            let follows = attempt == 0 && published.generation < GENERATIONS && (draw >> 40) % 100 < 8;
            if follows {
                plan.follow_ups.push((serial, follow_up(splitmix64(draw, 1))));
            }
        }
        match mood {
            Mood::Slow(ms) => plan.sleep_ms += 1 + batch % ms,
            Mood::Stuck => plan.finish = Finish::Stalls,
            _ => {}
        }
        plan.yields = if batch >> 13 & 7 == 0 { 1 + (batch >> 9 & 3) } else { 0 };
        plan.on_full =
            [OnFull::Wait, OnFull::Refuse, OnFull::DropLowest][usize::from((batch >> 20 & 3) as u8 % 3)];
        plan.suit(model);
        plan
    }

    /// Of 1,000 events.
    fn one(&mut self, mood: Mood, draw: u64) {
        let lot = draw % 1_000;
        let fails = match mood {
            Mood::Down => true,
            Mood::Flaky(rate) => lot < rate,
            _ => lot < 6,
        };
        self.failed.push(fails);
        let panics = match mood {
            Mood::Panicky(rate) => (10..10 + rate).contains(&lot),
            _ => lot == 10,
        };
        if panics {
            self.finish = Finish::Panics;
        }
        match lot {
            990 => self.finish = Finish::Stalls,
            960..980 => self.sleep_ms += 1 + draw / 1_000 % 3,
            _ => {}
        }
    }

    /// Where a system does not offer to live with it, a stall is a delay, and a panic a failure.
    fn suit(&mut self, model: &Model) {
        if self.finish == Finish::Stalls && !model.offers(Capability::HandlerTimeouts) {
            self.finish = Finish::Returns;
            self.sleep_ms += 5;
        }
        if self.finish == Finish::Panics && !model.offers(Capability::PanicIsolation) {
            self.finish = Finish::Returns;
            self.failed.fill(true);
        }
    }

    pub(super) fn describe(&self, deliveries: &[(usize, usize)]) -> String {
        let serials: Vec<String> = deliveries.iter().map(|(serial, _)| format!("#{serial}")).collect();
        let failing = self.failed.iter().filter(|&&failed| failed).count();
        let Self { finish, sleep_ms, yields, .. } = self;
        let serials = serials.join(" ");
        format!("{serials}; it {finish:?} after {sleep_ms} ms and {yields} turns, {failing} fail")
    }
}

/// What a handler publishes.
fn follow_up(draw: u64) -> Draft {
    let pick = |shift: u32, among: usize| (draw >> shift) as usize % among;
    Draft {
        kind: pick(0, KINDS),
        priority: Priority::ALL[pick(8, Priority::ALL.len())],
        source: pick(16, SOURCES.len()),
        targets: Vec::new(),
        later_ms: (pick(24, 16) == 0).then_some(pick(30, 40) as u64),
        retry_limit: pick(36, 3) as u16,
        again: None,
        malformed: false,
    }
}
