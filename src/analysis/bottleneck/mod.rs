//! What limits a system: from what its threads were seen to do, and from how its throughput answered.
//!
//! The rules are asked in this order; the first that fits answers, with the figures that it rests on:
//!
//! 1. There is nothing more to do than is done: not saturated.
//! 2. Who brings the load can do no more: unclear. Less than half a thread is at work on average, although there is more to do: it
//!    waits on something outside.
//! 3. Of the time in which threads are not waiting to be told, enough is blocked on sockets (network) or files (I/O), the
//!    larger of the two first; over memory; waiting for locks (thread contention).
//! 4. Page faults take much of the CPU time: memory.
//! 5. The cores are used up: CPU; or thread contention, if half of them make each piece of work cheaper by as much as that
//!    takes.
//! 6. Cores are left over, and somebody is at work nearly always: a serial stage.
//! 7. Anything else is unclear.
//!
//! What is told is then held against the answers to the interventions; what they do not confirm becomes unclear. Where the threads
//! would use the cores up if others were not on them, it is unclear, too: a serial stage is told by the cores that it leaves over.

mod confirm;
mod rules;
#[cfg(test)]
pub(crate) mod tests;

use crate::experiment::bottleneck::Observation;
use crate::results::bottleneck::{Bottleneck, Bound, Evidence, Figure, Verdict};

/// What limits it.
pub fn judge(seen: &Observation) -> Verdict {
    let told = rules::tell(seen);
    match confirm::confirm(seen, told.bottleneck) {
        Ok(answers) => {
            let evidence = [told.evidence, answers].concat();
            Verdict { bottleneck: told.bottleneck, looked_like: None, why: told.why, evidence }
        }
        Err(objection) => Verdict {
            bottleneck: Bottleneck::Unclear,
            looked_like: Some(told.bottleneck),
            why: Some(objection.why),
            evidence: [told.evidence, objection.evidence].concat(),
        },
    }
}

/// What the watched figures tell.
struct Told {
    bottleneck: Bottleneck,
    why: Option<String>,
    evidence: Vec<Evidence>,
}

fn at_least(figure: Figure, value: f64, bound: f64) -> Option<Evidence> {
    (value >= bound).then_some(Evidence { figure, value, bound: Bound::AtLeast(bound) })
}

fn at_most(figure: Figure, value: f64, bound: f64) -> Option<Evidence> {
    (value <= bound).then_some(Evidence { figure, value, bound: Bound::AtMost(bound) })
}

/// Threads that can be on a core at once.
fn at_once(seen: &Observation) -> f64 {
    seen.cores.min(seen.workers) as f64
}
