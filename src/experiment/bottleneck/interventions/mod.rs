//! What can be done to a process from outside: fewer cores, slower cores, threads held in their calls. All of it ends when
//! its guard is dropped.

#[cfg(target_os = "linux")]
mod affinity;
#[cfg(target_os = "linux")]
mod burners;
#[cfg(target_os = "linux")]
mod hold;

#[cfg(target_os = "linux")]
pub(super) use linux::{cores_of, half_the_cores, held_calls, slower_cores};
#[cfg(not(target_os = "linux"))]
pub(super) use nowhere::{cores_of, half_the_cores, held_calls, slower_cores};

#[cfg(target_os = "linux")]
mod linux {
    use super::affinity::Confined;
    use super::burners::Burners;
    use super::hold::{Held, Holding};
    use crate::experiment::ProcessError;
    use crate::experiment::bottleneck::Response;
    use crate::experiment::bottleneck::answer::Turns;
    use crate::measure::Reading;
    use crate::measure::threads::ThreadsSeen;

    pub(in crate::experiment::bottleneck) use super::affinity::cores_of;

    /// Half of the cores on which its threads can be at once: of `workers` threads that is no more than their number.
    pub(in crate::experiment::bottleneck) fn half_the_cores(
        turns: &mut Turns<'_>,
        cores: &[usize],
        workers: usize,
    ) -> Result<Reading<Response>, ProcessError> {
        let at_once = cores.len().min(workers);
        if at_once < 2 {
            return Ok(Reading::absent("there is one core, or one thread"));
        }
        let fewer = &cores[..at_once / 2];
        let if_limit = fewer.len() as f64 / at_once as f64;
        turns.take(if_limit, &mut |busy| Confined::to(busy, fewer, cores))
    }

    /// A thread on each core that never rests.
    pub(in crate::experiment::bottleneck) fn slower_cores(
        turns: &mut Turns<'_>,
        cores: &[usize],
        seen: &ThreadsSeen,
    ) -> Result<Reading<Response>, ProcessError> {
        let ready = seen.activity.running + seen.activity.waiting_for_core + seen.beside;
        // Of those on a core, this is one more, and each gets an equal part.
        let of_a_core = (ready / cores.len() as f64).max(1.0);
        turns.take(of_a_core / (of_a_core + 1.0), &mut |_| Burners::on(cores))
    }

    /// Least part of the time for which threads must have been held, so that an answer tells.
    const LEAST_HELD: f64 = 0.15;

    /// Least number of threads blocked in calls on files and sockets for which it is worth to try.
    const LEAST_BLOCKED: f64 = 0.05;

    /// Threads that are seen blocked in a call on a file or socket are held for a while when it ends.
    pub(in crate::experiment::bottleneck) fn held_calls(
        turns: &mut Turns<'_>,
        seen: &ThreadsSeen,
    ) -> Result<Reading<Response>, ProcessError> {
        let blocked = seen.activity.file + seen.activity.socket;
        if blocked < LEAST_BLOCKED {
            return Ok(Reading::absent("no thread was blocked in such a call"));
        }
        let held = Held::default();
        let answer = turns.take(f64::NAN, &mut |busy| Holding::of(busy, &held))?;
        let part = held.part() / blocked.ceil();
        Ok(match answer {
            Reading::Value(_) if part < LEAST_HELD => Reading::absent(format_args!(
                "threads could be held for {:.0} % of the time only",
                100.0 * part
            )),
            // Who is held all the time does a little all the same.
            answer => answer.map(|answer| Response { if_limit: (1.0 - part).max(0.1), ..answer }),
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod nowhere {
    use crate::experiment::ProcessError;
    use crate::experiment::bottleneck::Response;
    use crate::experiment::bottleneck::answer::Turns;
    use crate::measure::threads::ThreadsSeen;
    use crate::measure::{NotMeasured, Reading};

    const WHY: &str = "only Linux lets others act on single threads";

    pub(in crate::experiment::bottleneck) fn cores_of(_pid: u32) -> Result<Vec<usize>, NotMeasured> {
        Err(NotMeasured::new("cores", WHY))
    }

    pub(in crate::experiment::bottleneck) fn half_the_cores(
        _turns: &mut Turns<'_>,
        _cores: &[usize],
        _workers: usize,
    ) -> Result<Reading<Response>, ProcessError> {
        Ok(Reading::absent(WHY))
    }

    pub(in crate::experiment::bottleneck) fn slower_cores(
        _turns: &mut Turns<'_>,
        _cores: &[usize],
        _seen: &ThreadsSeen,
    ) -> Result<Reading<Response>, ProcessError> {
        Ok(Reading::absent(WHY))
    }

    pub(in crate::experiment::bottleneck) fn held_calls(
        _turns: &mut Turns<'_>,
        _seen: &ThreadsSeen,
    ) -> Result<Reading<Response>, ProcessError> {
        Ok(Reading::absent(WHY))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
