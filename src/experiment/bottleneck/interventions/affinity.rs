use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::experiment::bottleneck::Busy;
use crate::measure::NotMeasured;
use crate::measure::threads::{task_ids, task_name};

/// On which a process may run.
pub(in crate::experiment::bottleneck) fn cores_of(pid: u32) -> Result<Vec<usize>, NotMeasured> {
    let set = sched_getaffinity(thread(pid)).map_err(|why| NotMeasured::new("cores", why))?;
    Ok((0..CpuSet::count()).filter(|&core| set.is_set(core).unwrap_or(false)).collect())
}

pub(super) fn thread(id: u32) -> Pid {
    Pid::from_raw(id.cast_signed())
}

pub(super) fn set_of(cores: &[usize]) -> Result<CpuSet, NotMeasured> {
    let mut set = CpuSet::new();
    for &core in cores {
        set.set(core).map_err(|why| NotMeasured::new("cores", format_args!("core {core}: {why}")))?;
    }
    Ok(set)
}

/// The threads of a process, but those beside, keep to some cores; when dropped, to all of them.
pub(super) struct Confined {
    threads: Vec<u32>,
    all: CpuSet,
}

impl Confined {
    pub(super) fn to(busy: &dyn Busy, fewer: &[usize], all: &[usize]) -> Result<Self, NotMeasured> {
        let pid = busy.id();
        let fewer = set_of(fewer)?;
        let mut confined = Self { threads: Vec::new(), all: set_of(all)? };
        for id in task_ids(pid)? {
            if task_name(pid, id).is_none_or(|name| busy.is_beside(&name)) {
                continue;
            }
            match sched_setaffinity(thread(id), &fewer) {
                Ok(()) => confined.threads.push(id),
                // It has ended.
                Err(nix::errno::Errno::ESRCH) => {}
                Err(why) => {
                    return Err(NotMeasured::new(
                        "with half the cores",
                        format_args!("sched_setaffinity: {why}"),
                    ));
                }
            }
        }
        Ok(confined)
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        for &id in &self.threads {
            // One that has ended needs no cores; what was allowed before is allowed again.
            let _ = sched_setaffinity(thread(id), &self.all);
        }
    }
}
