use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crucible_events::event::Event;
use crucible_events::routing::EventSystem;

use super::log::{SampledLog, nanoseconds};
use super::scene::Scene;
use super::trial::JUDGED_FROM;
use super::{EndedEarly, LoadSample, Trial};
use crate::load::Feed;
use crate::measure::ResidentMemory;
use crate::sut::Stage;
use crate::workload::Owed;

/// Moments of a trial that are looked at.
const SAMPLES: u32 = 100;

/// Looking costs a read of each service's counters: not more often than this.
const BETWEEN_SAMPLES: Duration = Duration::from_millis(1);

/// Looks at a system under load, from the pacer's thread.
pub(super) struct Watch<S> {
    stage: Arc<Stage<S>>,
    owed: Arc<Owed>,
    feed: Arc<Feed<Arc<Event>>>,
    memory: Option<ResidentMemory>,
    /// Events that were published before, and the deliveries that came of them.
    published: u64,
    delivered: u64,
    /// Of the log.
    origin: Instant,
    begin: Instant,
    next: Instant,
    every: Duration,
    /// Deliveries.
    hopeless_backlog: f64,
    slow: Option<Slow>,
    ended_early: Option<EndedEarly>,
    samples: Vec<LoadSample>,
}

/// Whether the P99 can still be within its bound.
struct Slow {
    log: SampledLog,
    bound_ns: u64,
    /// Of the judged part, since the trial begins.
    from_ns: u64,
    /// Deliveries of the judged part that may be beyond the bound, of those that are looked at.
    allowed: f64,
    looked: usize,
    late: usize,
}

/// As many times as a hundredth of what is expected: which deliveries are looked at is left to chance.
const CERTAIN: f64 = 1.1;

impl Slow {
    /// `deliveries`: of the whole trial.
    fn of(log: &SampledLog, deliveries: f64, trial: &Trial) -> Option<Self> {
        Some(Self {
            log: log.clone(),
            bound_ns: nanoseconds(trial.p99?),
            from_ns: nanoseconds(trial.lasting().mul_f64(JUDGED_FROM)),
            allowed: CERTAIN * 0.01 * (1.0 - JUDGED_FROM) * deliveries / log.every() as f64,
            looked: 0,
            late: 0,
        })
    }

    /// The trial began so long after the log's origin.
    fn is_certain(&mut self, begin: Duration) -> bool {
        let from_ns = nanoseconds(begin) + self.from_ns;
        let (new, late) = self.log.late_since(self.looked, from_ns, self.bound_ns);
        self.looked += new;
        self.late += late;
        self.late as f64 > self.allowed
    }
}

impl<S: EventSystem> Watch<S> {
    pub(super) fn of(scene: &Scene<S>, feed: Arc<Feed<Arc<Event>>>, trial: &Trial) -> Self {
        let (owed, published) = (scene.owed.clone(), scene.published);
        let fan_out = owed.deliveries() as f64 / owed.events() as f64;
        let fastest = trial.parts.iter().map(|&(rate, _)| rate).max().unwrap_or_default();
        let events: f64 =
            trial.parts.iter().map(|&(rate, lasting)| rate as f64 * lasting.as_secs_f64()).sum();
        Self {
            delivered: owed.deliveries_of_first(published),
            memory: ResidentMemory::open().ok(),
            begin: Instant::now(),
            next: Instant::now(),
            every: (trial.lasting() / SAMPLES).max(BETWEEN_SAMPLES),
            hopeless_backlog: fastest as f64 * fan_out * trial.hopeless.as_secs_f64(),
            slow: Slow::of(&scene.log, events * fan_out, trial),
            ended_early: None,
            samples: Vec::with_capacity(2 * SAMPLES as usize),
            origin: scene.origin,
            stage: scene.stage.clone(),
            owed,
            feed,
            published,
        }
    }

    /// The trial begins then.
    pub(super) fn from(mut self, begin: Instant) -> Self {
        (self.begin, self.next) = (begin, begin);
        self
    }

    /// Looks if it is time for it; `due` events are due by `now`.
    pub(super) fn look(&mut self, now: Instant, due: u64) -> ControlFlow<()> {
        if now < self.next {
            return ControlFlow::Continue(());
        }
        let sample = self.sample(now, due);
        self.samples.push(sample);
        // Not from `now`: late looks shift none after them.
        while self.next <= now {
            self.next += self.every;
        }
        let begin = self.begin - self.origin;
        let slow = self.slow.as_mut().is_some_and(|slow| slow.is_certain(begin));
        self.ended_early = match () {
            () if sample.backlog() as f64 > self.hopeless_backlog => Some(EndedEarly::Hopeless),
            () if slow => Some(EndedEarly::Slow),
            () => None,
        };
        match self.ended_early {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }

    fn sample(&self, now: Instant, due: u64) -> LoadSample {
        let deliveries = |events| self.owed.deliveries_of_first(self.published + events) - self.delivered;
        // What is done first, or events that are taken and done in between would be done before they are taken.
        let done = self.stage.received().deliveries.saturating_sub(self.delivered);
        LoadSample {
            at_ns: nanoseconds(now - self.begin),
            due: deliveries(due),
            taken: deliveries(self.feed.taken()),
            done,
            resident: self.memory.as_ref().and_then(|memory| memory.now_bytes().ok()),
        }
    }

    pub(super) fn end(self) -> (Vec<LoadSample>, Option<EndedEarly>) {
        (self.samples, self.ended_early)
    }
}
