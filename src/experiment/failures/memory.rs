use std::sync::Arc;

use crucible_events::crucible_core::Config;
use crucible_events::event::{Event, Limits, decode, encode};

use super::crew::Crew;
use crate::experiment::run::{Beginning, Material, RunError, Threads, run_as_task};
use crate::load::faults::FaultPlan;
use crate::measure::{NotMeasured, Reading, ResidentMemory};
use crate::sut::{BATCH, HandlerWork};
use crate::workload::Edition;

/// What a system kept while a service stalled and publishing went on, and what its configuration allows.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// Events that were published.
    pub events: u64,
    /// Deliveries that were turned away after the mailbox had filled up.
    pub turned_away: u64,
    /// Deliveries that a mailbox holds.
    pub mailbox_capacity: u64,
    /// What was kept at most at any time.
    pub seen: KeptMost,
    /// What may be kept.
    pub allowed: KeptMost,
    /// Resident memory when the mailbox was full, beyond what was resident before the first event, bytes.
    pub resident_when_full: Reading<u64>,
    /// The most that was resident until the end, likewise.
    pub resident_peak: Reading<u64>,
    /// Events that a full mailbox may keep alive: services share the envelopes they came in.
    pub events_pinned_at_most: u64,
    /// Size of an event as it arrives, on average, bytes.
    pub event_bytes: u64,
}

/// Counts of what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeptMost {
    /// Deliveries that wait for the stalled service or are in its hands.
    pub deliveries: u64,
    /// Dead letters.
    pub dead_letters: u64,
    /// Ids that count as seen.
    pub ids: u64,
}

/// As [`Config::mailbox_capacity`] says.
const PINNED_FOR_EACH: u64 = 8;

/// Stalls one service of a fresh instance and publishes until `times` as many deliveries were turned away as
/// its mailbox holds. Every event is decoded anew, as from the wire, and shares memory with no other. None is
/// tried again, so that the `failing` part of deliveries becomes dead letters.
///
/// # Errors
/// Why there is no figure; more is kept than is allowed.
pub fn keep_publishing(
    material: &mut Material,
    events: usize,
    times: u64,
    failing: f64,
) -> Result<Kept, RunError> {
    let beginning = material.beginning(events);
    let runtime = Threads(1).runtime()?;
    run_as_task(&runtime, async move { fill_and_go_on(&beginning, times, failing).await })
}

async fn fill_and_go_on(beginning: &Beginning, times: u64, failing: f64) -> Result<Kept, RunError> {
    let config = Config::default();
    let mailbox_capacity = config.mailbox_capacity as u64;
    let enough = times * mailbox_capacity;
    let allowed = KeptMost {
        deliveries: (config.mailbox_capacity + config.batch) as u64,
        dead_letters: config.dead_letters as u64,
        ids: config.window.entries as u64,
    };
    let events_pinned_at_most = PINNED_FOR_EACH * mailbox_capacity;
    let plan = FaultPlan::errors(failing, beginning.workload.seed);
    let mut crew = Crew::assemble(beginning, config, plan, HandlerWork::None).await?;
    let memory = Growth::begin();
    let (mut seen, mut resident_when_full, mut bytes) = (KeptMost::default(), None, 0);
    crew.stall();
    let mut last = None;
    'publishing: for edition in (0..).map(Edition) {
        for chunk in beginning.workload.events.chunks(BATCH) {
            let (events, size) = off_the_wire(edition, chunk);
            bytes += size;
            crew.publish(&events).await?;
            last = events.into_iter().next_back();
            seen = most(seen, &crew).await?;
            if crew.published.turned_away > 0 && resident_when_full.is_none() {
                resident_when_full = Some(memory.now());
            }
            if crew.published.turned_away >= enough {
                break 'publishing;
            }
        }
    }
    let (resident_peak, published) = (memory.peak(), crew.published);
    crew.close(last.as_ref()).await?;
    for (what, seen, allowed) in [
        ("deliveries that wait", seen.deliveries, allowed.deliveries),
        ("dead letters", seen.dead_letters, allowed.dead_letters),
        ("ids that count as seen", seen.ids, allowed.ids),
    ] {
        if seen > allowed {
            return Err(RunError::accounts(format!("{what} at most"), allowed, seen));
        }
    }
    Ok(Kept {
        events: published.events,
        turned_away: published.turned_away,
        mailbox_capacity,
        seen,
        allowed,
        resident_when_full: resident_when_full
            .unwrap_or_else(|| Reading::absent("the mailbox was never full")),
        resident_peak,
        events_pinned_at_most,
        event_bytes: bytes / published.events.max(1),
    })
}

/// Events of an edition in memory of their own, and their size on the wire.
fn off_the_wire(edition: Edition, events: &[Arc<Event>]) -> (Vec<Arc<Event>>, u64) {
    let mut bytes = 0;
    let arrive = |event: &Arc<Event>| {
        let event = Event { retry_limit: 0, ..edition.of(event) };
        let wire = encode(&event);
        bytes += wire.len() as u64;
        let limits = Limits::default();
        Arc::new(decode(&wire, &limits).expect("a workload keeps within the limits, as its tests show"))
    };
    let events = events.iter().map(arrive).collect();
    (events, bytes)
}

async fn most(so_far: KeptMost, crew: &Crew) -> Result<KeptMost, RunError> {
    let (statistics, stalled) = (crew.statistics().await?, crew.of_stalled().await?);
    Ok(KeptMost {
        deliveries: so_far.deliveries.max(stalled.queued + stalled.waiting),
        dead_letters: so_far.dead_letters.max(statistics.dead_letters as u64),
        ids: so_far.ids.max(statistics.remembered_ids as u64),
    })
}

/// Resident memory beyond what was resident at the beginning.
struct Growth(Result<(ResidentMemory, u64), NotMeasured>);

impl Growth {
    fn begin() -> Self {
        Self(ResidentMemory::open().and_then(|memory| {
            memory.reset_peak()?;
            let before = memory.now_bytes()?;
            Ok((memory, before))
        }))
    }

    fn read(&self, read: impl Fn(&ResidentMemory) -> Result<u64, NotMeasured>) -> Reading<u64> {
        match &self.0 {
            Ok((memory, before)) => read(memory).map(|bytes| bytes.saturating_sub(*before)).into(),
            Err(why) => Reading::absent(why),
        }
    }

    fn now(&self) -> Reading<u64> {
        self.read(ResidentMemory::now_bytes)
    }

    fn peak(&self) -> Reading<u64> {
        self.read(ResidentMemory::peak_bytes)
    }
}
