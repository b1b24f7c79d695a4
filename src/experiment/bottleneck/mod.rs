//! What a busy process does, watched from outside, and how its throughput answers when its cores are made fewer, then
//! slower, and when threads that are blocked in calls on files and sockets are held there. Nothing in its code has to be
//! prepared.

mod answer;
mod interventions;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::answer::Turns;
use super::{LISTENER, PACER, ProcessError, SystemProcess};
use crate::measure::Reading;
use crate::measure::threads::{ThreadsSeen, watch};

/// A process with more to do than it does.
pub trait Busy {
    /// Of the process.
    fn id(&self) -> u32;

    /// Pieces of work that it has done so far, such as deliveries.
    ///
    /// # Errors
    /// It does not answer.
    fn done(&mut self) -> Result<u64, ProcessError>;

    /// Whether the thread of this name is none of what is watched, but brings it its load.
    fn is_beside(&self, thread: &str) -> bool;
}

impl Busy for SystemProcess {
    fn id(&self) -> u32 {
        SystemProcess::id(self)
    }

    fn done(&mut self) -> Result<u64, ProcessError> {
        self.deliveries()
    }

    fn is_beside(&self, thread: &str) -> bool {
        [PACER, LISTENER].contains(&thread)
    }
}

/// How long it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The threads are watched so long.
    pub watched: Duration,
    /// A turn of an intervention, and one without it between any two.
    pub turn: Duration,
    /// Turns of each intervention.
    pub turns: usize,
}

/// What was seen of a busy process, and how it answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Cores that it may use.
    pub cores: usize,
    /// Threads among which it may spread its work.
    pub workers: usize,
    /// More was to be done all the time than was done.
    pub in_excess: bool,
    /// Pieces of work a second, such as deliveries, while nothing was done to it.
    pub per_second: f64,
    /// Its threads meanwhile.
    pub seen: ThreadsSeen,
    /// With half of the cores on which it can be at once.
    pub half_the_cores: Reading<Response>,
    /// With something else that works on each core.
    pub slower_cores: Reading<Response>,
    /// With its threads held where they were blocked in a call on a file or socket.
    pub held_calls: Reading<Response>,
}

/// How throughput answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// Throughput meanwhile over that before and after: the median of several turns.
    pub ratio: f64,
    /// What it would be if all hung on this.
    pub if_limit: f64,
    /// CPU time of a piece of work meanwhile over that before and after. Absent if there was too little to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
}

/// Watches a process, then intervenes. `workers`: threads among which it may spread its work. The answer is absent where
/// threads cannot be watched.
///
/// # Errors
/// It does not say what it has done.
pub fn observe(
    busy: &mut dyn Busy,
    workers: usize,
    in_excess: bool,
    look: &Look,
) -> Result<Reading<Observation>, ProcessError> {
    let before = answer::Count::now(busy)?;
    let seen = match watch(busy.id(), look.watched, &|thread| busy.is_beside(thread)) {
        Ok(seen) => seen,
        Err(why) => return Ok(Reading::absent(why)),
    };
    let per_second = answer::Count::now(busy)?.since(&before).per_second();
    let cores = match interventions::cores_of(busy.id()) {
        Ok(cores) => cores,
        Err(why) => return Ok(Reading::absent(why)),
    };
    let mut turns = Turns { busy, look };
    let half_the_cores = interventions::half_the_cores(&mut turns, &cores, workers)?;
    let slower_cores = interventions::slower_cores(&mut turns, &cores, &seen)?;
    let held_calls = interventions::held_calls(&mut turns, &seen)?;
    Ok(Reading::Value(Observation {
        cores: cores.len(),
        workers,
        in_excess,
        per_second,
        seen,
        half_the_cores,
        slower_cores,
        held_calls,
    }))
}
