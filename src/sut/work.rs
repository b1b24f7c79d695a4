use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crucible_events::routing::{Batch, BatchOutcome, Handler, Recorder};
use serde::{Deserialize, Serialize};

use crate::measure::Latency;

/// What a handler does with each event, beside keeping the tally.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandlerWork {
    /// Nothing.
    #[default]
    None,
    /// Keeps its core busy for this long.
    Spin(Duration),
    /// Waits for this long, as for a disk or a peer. Tokio's timer rounds up to the next millisecond.
    Await(Duration),
}

impl HandlerWork {
    async fn for_one_event(self) {
        match self {
            Self::None => {}
            Self::Spin(duration) => {
                let begin = Instant::now();
                while begin.elapsed() < duration {
                    std::hint::spin_loop();
                }
            }
            Self::Await(duration) => tokio::time::sleep(duration).await,
        }
    }
}

/// Text that is no work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no work; try none, 100us (of CPU) or \"await 1ms\"")]
pub struct InvalidWork(String);

/// `none`, a time of CPU such as `100us`, or `await 1ms`.
impl FromStr for HandlerWork {
    type Err = InvalidWork;
    fn from_str(text: &str) -> Result<Self, InvalidWork> {
        let invalid = || InvalidWork(text.to_owned());
        let time = |text: &str| humantime::parse_duration(text).ok().filter(|time| !time.is_zero());
        match (text, text.strip_prefix("await ")) {
            ("none", _) => Ok(Self::None),
            (_, Some(awaited)) => time(awaited).map(Self::Await).ok_or_else(invalid),
            (spun, None) => time(spun).map(Self::Spin).ok_or_else(invalid),
        }
    }
}

impl fmt::Display for HandlerWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::None => f.write_str("none"),
            Self::Spin(time) => humantime::format_duration(time).fmt(f),
            Self::Await(time) => write!(f, "await {}", humantime::format_duration(time)),
        }
    }
}

/// What a handler tells of each delivery when it is done with it.
pub trait DeliveryLog: Clone + Send + Sync + 'static {
    /// Asked for before the work begins, and given back at its end: the moment, for logs that need it.
    fn begin(&self) -> u64;

    /// The work that began then is done, for each event of the batch.
    fn done(&self, batch: Batch<'_>, begin: u64);
}

/// Nothing is logged.
impl DeliveryLog for () {
    fn begin(&self) -> u64 {
        0
    }

    fn done(&self, _: Batch<'_>, _: u64) {}
}

/// The latencies of one service's deliveries, from the intended moment to the end of its handler.
///
/// The intended moment is the event's `created_at`, in nanoseconds since `origin`.
#[derive(Debug, Clone)]
pub struct LatencyLog {
    origin: Instant,
    latencies: Arc<Mutex<Latency>>,
}

impl LatencyLog {
    /// Nothing logged yet.
    pub fn new(origin: Instant) -> Self {
        Self { origin, latencies: Arc::default() }
    }

    /// What was logged so far.
    pub fn latencies(&self) -> Latency {
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl DeliveryLog for LatencyLog {
    fn begin(&self) -> u64 {
        0
    }

    fn done(&self, batch: Batch<'_>, _: u64) {
        let now = u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let mut latencies = self.latencies.lock().unwrap_or_else(PoisonError::into_inner);
        for event in batch.iter() {
            latencies.record_ns(now.saturating_sub(event.created_at.0));
        }
    }
}

/// A handler that works, keeps the tally and logs what it has done.
///
/// With work to do, each event counts as done when its own work is: the log then hears of each event, without
/// work of each batch.
#[derive(Debug, Clone)]
pub struct WorkingHandler<L = ()> {
    /// The tally.
    pub recorder: Recorder,
    /// What each event costs.
    pub work: HandlerWork,
    /// Who is told.
    pub log: L,
}

impl<L: DeliveryLog> Handler for WorkingHandler<L> {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        if self.work == HandlerWork::None {
            let begin = self.log.begin();
            self.recorder.note(batch);
            self.log.done(batch, begin);
        } else {
            for event in batch.iter() {
                let begin = self.log.begin();
                self.work.for_one_event().await;
                let event = Batch::owned(std::slice::from_ref(event));
                self.recorder.note(event);
                self.log.done(event, begin);
            }
        }
        BatchOutcome::Acknowledged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_a_time_of_cpu_or_one_that_is_awaited() {
        let micros = Duration::from_micros;
        for (text, work) in [
            ("none", HandlerWork::None),
            ("100us", HandlerWork::Spin(micros(100))),
            ("await 1ms 500us", HandlerWork::Await(micros(1_500))),
        ] {
            assert_eq!(text.parse(), Ok(work));
            assert_eq!(work.to_string(), text);
        }
        for text in ["", "soon", "0s", "await", "await soon", "100"] {
            assert!(text.parse::<HandlerWork>().is_err(), "{text}");
        }
    }
}
