use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crucible_events::event::{Event, EventId, EventKind, Payload, Priority, Target, Timestamp};
use crucible_events::routing::{
    Batch, BatchOutcome, EventSystem, Filter, Handler, OnFull, Publication, Rule, ServiceSpec,
};
use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;

use super::run::RunError;
use crate::workload::Workload;

/// One service that stands still, and a publisher that does not: what a system does when memory runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pressure {
    /// Bytes that may be allocated beyond what the system and its set-up took.
    pub limit: u64,
    /// Of each event. Every event has a payload of its own.
    pub payload_bytes: usize,
    /// What the publisher asks for.
    pub on_full: Full,
}

/// [`OnFull`] as plain data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Full {
    /// Wait for room.
    Wait,
    /// Be told.
    Refuse,
    /// Let the less urgent go.
    DropLowest,
}

impl From<Full> for OnFull {
    fn from(full: Full) -> Self {
        match full {
            Full::Wait => Self::Wait,
            Full::Refuse => Self::Refuse,
            Full::DropLowest => Self::DropLowest,
        }
    }
}

/// How the program that runs this limits its allocator.
#[derive(Debug, Clone, Copy)]
pub struct HeapLimit {
    /// Bytes that are allocated.
    pub allocated: fn() -> usize,
    /// From now on at most so many: an allocation beyond it fails, which ends the process.
    pub set: fn(usize),
}

/// How far a publisher got.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Standing {
    /// Events handed in.
    pub published: u64,
    /// That the system took.
    pub accepted: u64,
    /// That it did not take.
    pub refused: u64,
    /// Deliveries that it had taken and gave up again; known in the end.
    pub shed: u64,
    /// Bytes allocated since the limit was set.
    pub heap: u64,
    /// How it ended; none as long as it goes on.
    pub still: Option<Still>,
}

/// What a system does that is still there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Still {
    /// Takes nothing more, and says so.
    Refuses {
        /// In its words.
        why: String,
    },
    /// Lets its publisher wait.
    Blocks,
    /// Takes everything, though it comes to several times the limit.
    Holds,
}

/// Events between two looks at how things stand.
const EACH: u64 = 64;

/// In a row: then it refuses.
const REFUSALS: u64 = 1_000;

/// How often all other tasks had their turn: then it waits for what does not come.
const TURNS: usize = 10_000;

/// Publishing so many times the limit without running into it is enough.
const TIMES_THE_LIMIT: u64 = 4;

/// Takes events, and never finishes.
struct StandingStill;

impl Handler for StandingStill {
    async fn handle(&self, _: Batch<'_>) -> BatchOutcome {
        std::future::pending().await
    }
}

pub(super) fn run<S: EventSystem>(
    make: impl Fn(&Workload) -> S,
    spec: &Pressure,
    limit: HeapLimit,
    show: &mut dyn FnMut(&Standing),
) -> Result<Standing, RunError> {
    // Systems give a handler that takes too long up, in the end.
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let none = Workload::generate(&crate::workload::Scenario::LIGHT, 0);
    let standing = runtime.block_on(async {
        let system = make(&none);
        system.register(ServiceSpec::new("still"), StandingStill).await?;
        let rule = Rule::new("all", Filter::everything(), [Target::Service("still".into())]);
        system.add_rule(rule).await?;
        publish(&system, spec, limit, show).await
    });
    // Its task waits for what never comes.
    runtime.shutdown_timeout(Duration::ZERO);
    standing
}

async fn publish<S: EventSystem>(
    system: &S,
    spec: &Pressure,
    limit: HeapLimit,
    show: &mut dyn FnMut(&Standing),
) -> Result<Standing, RunError> {
    let before = (limit.allocated)();
    (limit.set)(before + usize::try_from(spec.limit).unwrap_or(usize::MAX - before));
    let enough = TIMES_THE_LIMIT * spec.limit / spec.payload_bytes as u64;
    let mut standing = Standing::default();
    let mut in_a_row = 0;
    let still = loop {
        if standing.published == enough {
            break Still::Holds;
        }
        standing.published += 1;
        let event = event(standing.published, spec.payload_bytes);
        let Some(publication) = within_turns(system.publish(event, spec.on_full.into())).await else {
            break Still::Blocks;
        };
        let publication = publication?;
        if publication.deliveries() == Some(0) {
            standing.refused += 1;
            in_a_row += 1;
            if in_a_row == REFUSALS {
                break Still::Refuses { why: reason(&publication) };
            }
        } else {
            standing.accepted += 1;
            in_a_row = 0;
        }
        if standing.published.is_multiple_of(EACH) {
            tokio::task::yield_now().await;
            standing.heap = (limit.allocated)().saturating_sub(before) as u64;
            show(&standing);
        }
    };
    standing.heap = (limit.allocated)().saturating_sub(before) as u64;
    // What is left to do needs some memory, too.
    (limit.set)(usize::MAX);
    standing.shed = system.ledger().await?.dead_lettered;
    standing.still = Some(still);
    Ok(standing)
}

fn event(number: u64, bytes: usize) -> Arc<Event> {
    #[allow(clippy::cast_possible_truncation)] // any byte will do
    let payload = Payload::Binary(vec![number as u8; bytes].into());
    let event =
        Event::new(EventId(number.into()), EventKind::FileModified, "disk", Timestamp(number), payload);
    Arc::new(Event {
        priority: Priority::ALL[usize::try_from(number).unwrap_or(0) % Priority::ALL.len()],
        ..event
    })
}

/// What comes of it, unless it waits while nobody else has anything to do.
async fn within_turns<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    for _ in 0..TURNS {
        if let Poll::Ready(done) = poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await {
            return Some(done);
        }
        tokio::task::yield_now().await;
    }
    None
}

fn reason(publication: &Publication) -> String {
    match publication {
        Publication::Refused(why) => why.to_string(),
        _ => "the service's queue is full".to_owned(),
    }
}
