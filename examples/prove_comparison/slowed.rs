use std::hint::black_box;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crucible_events::crucible_core::CrucibleCore;
use crucible_events::event::{Event, Name, Target, Timestamp};
use crucible_events::routing::{
    Capabilities, DeadLetter, EventSystem, Gauge, GroupSpec, Handler, Ledger, LetterId, OnFull, Publication,
    Rule, ServiceSpec, Statistics, SystemError, Terms,
};

/// Work that is added at the end of every so manieth pass, for all events since the last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Toll {
    /// Thousandths of a step for each event: blocks may have more or fewer of them.
    pub(crate) millisteps: u64,
    pub(crate) every: u64,
}

impl Toll {
    /// Nothing added: the same program text, so that only the work tells the two apart. (CrucibleCore as the library has it is
    /// compiled apart from this one, and was 3 % slower, with the same source.)
    pub(crate) const NONE: Self = Self { millisteps: 0, every: 1 };
}

/// As the name of a system: a worker is told nothing but that.
impl std::fmt::Display for Toll {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "slowed:{}:{}", self.millisteps, self.every)
    }
}

impl FromStr for Toll {
    type Err = ();
    fn from_str(name: &str) -> Result<Self, ()> {
        let (millisteps, every) =
            name.strip_prefix("slowed:").and_then(|rest| rest.split_once(':')).ok_or(())?;
        Ok(Self { millisteps: millisteps.parse().map_err(drop)?, every: every.parse().map_err(drop)? })
    }
}

/// Computes: a chain in which each step needs the one before, and which no compiler can shorten. Never inlined: what is
/// measured out is then what is run.
#[inline(never)]
pub(crate) fn work(steps: u64) {
    let mut value = black_box(1_u64);
    for _ in 0..steps {
        value = (value ^ value >> 7).wrapping_mul(0x5851_f42d_4c95_7f2d);
    }
    black_box(value);
}

/// What a step takes on this machine, in ns: the least of many tries.
pub(crate) fn step_ns() -> f64 {
    const STEPS: u64 = 20_000;
    let took = (0..500).map(|_| {
        let begin = Instant::now();
        work(STEPS);
        begin.elapsed()
    });
    took.min().unwrap_or(Duration::ZERO).as_nanos() as f64 / STEPS as f64
}

/// CrucibleCore, and real work that comes on top. All else is handed on.
pub(crate) struct Slowed {
    inner: CrucibleCore,
    toll: Toll,
    passes: AtomicU64,
    /// Published since work was last added.
    events: AtomicU64,
}

impl Slowed {
    pub(crate) fn new(toll: Toll) -> Self {
        Self { inner: CrucibleCore::default(), toll, passes: AtomicU64::new(0), events: AtomicU64::new(0) }
    }
}

impl EventSystem for Slowed {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn terms(&self) -> Terms {
        self.inner.terms()
    }

    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    async fn register<H: Handler>(&self, service: ServiceSpec, handler: H) -> Result<(), SystemError> {
        self.inner.register(service, handler).await
    }

    async fn unregister(&self, service: &Name) -> Result<(), SystemError> {
        self.inner.unregister(service).await
    }

    async fn define_group(&self, group: GroupSpec) -> Result<(), SystemError> {
        self.inner.define_group(group).await
    }

    async fn remove_group(&self, group: &Name) -> Result<(), SystemError> {
        self.inner.remove_group(group).await
    }

    async fn add_rule(&self, rule: Rule) -> Result<(), SystemError> {
        self.inner.add_rule(rule).await
    }

    async fn remove_rule(&self, rule: &Name) -> Result<(), SystemError> {
        self.inner.remove_rule(rule).await
    }

    async fn preview(&self, event: &Event) -> Result<Vec<Target>, SystemError> {
        self.inner.preview(event).await
    }

    async fn publish(&self, event: Arc<Event>, on_full: OnFull) -> Result<Publication, SystemError> {
        self.events.fetch_add(1, Ordering::Relaxed);
        self.inner.publish(event, on_full).await
    }

    async fn publish_batch(
        &self,
        events: &[Arc<Event>],
        on_full: OnFull,
    ) -> Result<Vec<Publication>, SystemError> {
        self.events.fetch_add(events.len() as u64, Ordering::Relaxed);
        self.inner.publish_batch(events, on_full).await
    }

    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, SystemError> {
        self.inner.dead_letters().await
    }

    async fn replay(&self, letter: LetterId, on_full: OnFull) -> Result<Publication, SystemError> {
        self.inner.replay(letter, on_full).await
    }

    async fn purge(&self, letter: LetterId) -> Result<(), SystemError> {
        self.inner.purge(letter).await
    }

    /// Every pass ends with it.
    async fn quiesce(&self) -> Result<(), SystemError> {
        self.inner.quiesce().await?;
        if (self.passes.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(self.toll.every) {
            work(self.events.swap(0, Ordering::Relaxed) * self.toll.millisteps / 1_000);
        }
        Ok(())
    }

    async fn ledger(&self) -> Result<Ledger, SystemError> {
        self.inner.ledger().await
    }

    async fn statistics(&self) -> Result<Statistics, SystemError> {
        self.inner.statistics().await
    }

    async fn gauges(&self) -> Result<Vec<Gauge>, SystemError> {
        self.inner.gauges().await
    }

    async fn shutdown(&self, grace: Duration) -> Result<Ledger, SystemError> {
        self.inner.shutdown(grace).await
    }
}

#[test]
fn a_toll_survives_being_a_name() {
    let toll = Toll { millisteps: 1_234, every: 10 };
    assert_eq!(toll.to_string().parse(), Ok(toll));
    assert!("CrucibleCore".parse::<Toll>().is_err() && "slowed:1:x".parse::<Toll>().is_err());
}
