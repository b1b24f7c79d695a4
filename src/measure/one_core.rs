//! Processes that take turns, on one core.

use super::{NotMeasured, Reading};

/// While this lives, the calling thread, and every thread and process that it starts, runs on one core. Processes that take turns
/// then do so without waking another core, which costs a virtual machine some 50 µs and leaves its caches and its clock behind; and
/// both have the same core, where two may be unequally fast for as long as the scheduler leaves each process where it is.
#[derive(Debug)]
pub struct OneCore {
    core: usize,
    #[cfg(target_os = "linux")]
    before: rustix::thread::CpuSet,
}

impl OneCore {
    /// The last of those that the thread may run on: the first one has most interrupts.
    ///
    /// # Errors
    /// Where the system does not let threads be held.
    pub fn hold() -> Result<Self, NotMeasured> {
        Self::hold_before_last(0)
    }

    /// So many before the last one, and from there again where there are fewer: for several that go on at the same time.
    ///
    /// # Errors
    /// Where the system does not let threads be held.
    #[cfg(target_os = "linux")]
    pub fn hold_before_last(number: usize) -> Result<Self, NotMeasured> {
        use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
        let refused = |why: rustix::io::Errno| NotMeasured::new("on one core", why);
        let before = sched_getaffinity(None).map_err(refused)?;
        let allowed: Vec<usize> = (0..CpuSet::MAX_CPU).rev().filter(|&core| before.is_set(core)).collect();
        let core = number.checked_rem(allowed.len()).map(|at| allowed[at]);
        let core = core.ok_or_else(|| NotMeasured::new("on one core", "no core is allowed"))?;
        let mut one = CpuSet::new();
        one.set(core);
        sched_setaffinity(None, &one).map_err(refused)?;
        Ok(Self { core, before })
    }

    /// See Linux.
    #[cfg(not(target_os = "linux"))]
    pub fn hold_before_last(_number: usize) -> Result<Self, NotMeasured> {
        Err(NotMeasured::new("on one core", "threads are held to cores on Linux alone"))
    }

    /// Its number, or why none is held.
    pub fn of(held: &Result<Self, NotMeasured>) -> Reading<usize> {
        held.as_ref().map(|held| held.core).map_err(NotMeasured::clone).into()
    }
}

#[cfg(target_os = "linux")]
impl Drop for OneCore {
    fn drop(&mut self) {
        // What was allowed before is allowed again, unless cores went away meanwhile: then those that there are.
        let _ = rustix::thread::sched_setaffinity(None, &self.before);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::thread::{CpuSet, sched_getaffinity};

    use super::*;

    fn allowed() -> Vec<usize> {
        let set = sched_getaffinity(None).expect("a thread may ask");
        (0..CpuSet::MAX_CPU).filter(|&core| set.is_set(core)).collect()
    }

    #[test]
    fn what_a_held_thread_starts_is_held_too_and_it_is_free_again() {
        let before = allowed();
        let held = OneCore::hold().expect("on Linux");
        assert_eq!(allowed(), [held.core]);
        assert_eq!(std::thread::spawn(allowed).join().expect("no panic"), [held.core]);
        let status = std::process::Command::new("grep")
            .args(["-qE", &format!("^Cpus_allowed_list:\\s{}$", held.core), "/proc/self/status"])
            .status();
        assert!(status.expect("grep").success());
        drop(held);
        assert_eq!(allowed(), before);
        let cores = before.len();
        let each =
            [0, cores - 1, cores].map(|number| OneCore::hold_before_last(number).expect("on Linux").core);
        assert_eq!(each, [before[cores - 1], before[0], before[cores - 1]]);
    }
}
