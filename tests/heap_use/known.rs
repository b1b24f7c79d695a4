use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crucible_events::event::{Event, Name, Target};
use crucible_events::reference::Reference;
use crucible_events::routing::{
    Capabilities, EventSystem, Gauge, Handler, Ledger, OnFull, Publication, Rule, ServiceSpec, Statistics,
    SystemError,
};
use crucible_perf::experiment::{Lineup, Role};
use crucible_perf::sut;
use crucible_perf::workload::Workload;

/// Keeps a block for one event in 100, and tells of it.
pub(crate) const LEAKING: &str = "leaking";
/// Keeps ever fewer blocks, but goes on.
pub(crate) const SLOWING: &str = "slowing";
/// Takes everything and delivers nothing.
pub(crate) const SINK: &str = "sink";

/// The structure that keeps them.
pub(crate) const HOLDER: &str = "what is kept";

/// Of [`LEAKING`]: events for each block that is kept.
pub(crate) const EVERY: u64 = 100;

/// Those of memory_profiling, and some of which it is known what has to be found.
pub(crate) fn lineup() -> Lineup {
    let leaking = |workload: &Workload| Known::new(workload, |event| event.is_multiple_of(EVERY), false);
    let slowing = |workload: &Workload| Known::new(workload, slows, false);
    let sink = |workload: &Workload| Known::new(workload, |_| false, true);
    crucible_perf::targets::memory_profiling::lineup()
        .with(LEAKING, Role::Candidate, leaking)
        .with(SLOWING, Role::Candidate, slowing)
        .with(SINK, Role::Candidate, sink)
}

/// Some of the lineup.
pub(crate) fn only(names: &'static [&'static str]) -> Lineup {
    lineup().only(|name| names.contains(&name))
}

/// Ten thousand in all, half of them within 7,000 events, half of the rest within 7,000 more, and so on.
fn slows(event: u64) -> bool {
    let kept = |events: u64| 10_000.0 * (1.0 - (-(events as f64) / 10_099.0).exp());
    kept(event).floor() > kept(event - 1).floor()
}

/// A reference, which knows its targets, with a list of its own.
struct Known {
    inner: Reference,
    keeps: fn(u64) -> bool,
    /// Whether nothing is handed on.
    drops: bool,
    events: AtomicU64,
    kept: Mutex<Vec<Box<[u8]>>>,
}

impl Known {
    fn new(workload: &Workload, keeps: fn(u64) -> bool, drops: bool) -> Self {
        let kept = Mutex::new(Vec::with_capacity(1 << 16));
        Self { inner: sut::reference_batched(workload), keeps, drops, events: AtomicU64::new(0), kept }
    }

    fn see(&self, events: &[Arc<Event>]) {
        let mut kept = self.kept.lock().expect("nothing panics while it holds this lock");
        for _ in events {
            if (self.keeps)(self.events.fetch_add(1, Ordering::Relaxed) + 1) {
                kept.push(vec![0; 24].into()); // planted
            }
        }
    }
}

/// The line of this file that allocates what is kept.
pub(crate) fn planted() -> usize {
    let line = include_str!("known.rs").lines().position(|line| line.ends_with("// planted"));
    line.expect("it is marked") + 1
}

impl EventSystem for Known {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn register<H: Handler>(&self, service: ServiceSpec, handler: H) -> Result<(), SystemError> {
        if self.drops { Ok(()) } else { self.inner.register(service, handler).await }
    }

    async fn unregister(&self, service: &Name) -> Result<(), SystemError> {
        self.inner.unregister(service).await
    }

    async fn add_rule(&self, rule: Rule) -> Result<(), SystemError> {
        if self.drops { Ok(()) } else { self.inner.add_rule(rule).await }
    }

    async fn remove_rule(&self, rule: &Name) -> Result<(), SystemError> {
        self.inner.remove_rule(rule).await
    }

    async fn preview(&self, event: &Event) -> Result<Vec<Target>, SystemError> {
        self.inner.preview(event).await
    }

    async fn publish(&self, event: Arc<Event>, on_full: OnFull) -> Result<Publication, SystemError> {
        self.see(std::slice::from_ref(&event));
        if self.drops {
            return Ok(Publication::Accepted { deliveries: Some(1) });
        }
        self.inner.publish(event, on_full).await
    }

    async fn publish_batch(
        &self,
        events: &[Arc<Event>],
        on_full: OnFull,
    ) -> Result<Vec<Publication>, SystemError> {
        self.see(events);
        if self.drops {
            return Ok(vec![Publication::Accepted { deliveries: Some(1) }; events.len()]);
        }
        self.inner.publish_batch(events, on_full).await
    }

    async fn quiesce(&self) -> Result<(), SystemError> {
        self.inner.quiesce().await
    }

    async fn ledger(&self) -> Result<Ledger, SystemError> {
        self.inner.ledger().await
    }

    async fn statistics(&self) -> Result<Statistics, SystemError> {
        self.inner.statistics().await
    }

    async fn gauges(&self) -> Result<Vec<Gauge>, SystemError> {
        let kept = self.kept.lock().expect("nothing panics while it holds this lock").len();
        let mut gauges = self.inner.gauges().await?;
        gauges.push(Gauge::passing(HOLDER, kept));
        Ok(gauges)
    }

    async fn shutdown(&self, grace: Duration) -> Result<Ledger, SystemError> {
        self.inner.shutdown(grace).await
    }
}
