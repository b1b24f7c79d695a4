//! The files of one thread under `/proc/PID/task`.

use std::fs;
use std::io;
use std::time::Duration;

use super::calls::{self, Doing};
use crate::measure::NotMeasured;

/// Threads that a process has now.
///
/// # Errors
/// There is no such process.
pub fn task_ids(pid: u32) -> Result<Vec<u32>, NotMeasured> {
    let path = format!("/proc/{pid}/task");
    let tasks = fs::read_dir(&path).map_err(|e| NotMeasured::new("threads", format_args!("{path}: {e}")))?;
    Ok(tasks.flatten().filter_map(|task| task.file_name().to_str()?.parse().ok()).collect())
}

/// Name of a thread; `None` if it has ended.
pub fn task_name(pid: u32, task: u32) -> Option<String> {
    Some(fs::read_to_string(format!("/proc/{pid}/task/{task}/comm")).ok()?.trim_end().to_owned())
}

/// What a thread came to since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    /// On a core, ns.
    pub(super) run_ns: u64,
    /// Ready and without one, ns.
    pub(super) wait_ns: u64,
    /// Page faults that needed no disk.
    pub(super) minor_faults: u64,
    /// Page faults that did.
    pub(super) major_faults: u64,
    /// In the program, ticks of 10 ms.
    pub(super) user_ticks: u64,
    /// In the kernel, ticks of 10 ms.
    pub(super) system_ticks: u64,
}

impl Tally {
    /// Of a thread now; `None` if it has ended.
    pub(super) fn of(pid: u32, task: u32) -> Option<Self> {
        let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/task/{task}/{name}")).ok();
        let (schedstat, stat) = (read("schedstat")?, read("stat")?);
        let mut times = schedstat.split_ascii_whitespace().map(str::parse);
        let (run_ns, wait_ns) = (times.next()?.ok()?, times.next()?.ok()?);
        Some(Self { run_ns, wait_ns, ..Self::of_stat(&stat)? })
    }

    /// The name in it may hold anything, also spaces and brackets: what counts follows the last bracket.
    fn of_stat(stat: &str) -> Option<Self> {
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let field = |index: usize| fields.get(index)?.parse().ok();
        Some(Self {
            minor_faults: field(7)?,
            major_faults: field(9)?,
            user_ticks: field(11)?,
            system_ticks: field(12)?,
            ..Self::default()
        })
    }

    pub(super) fn since(&self, earlier: &Self) -> Self {
        Self {
            run_ns: self.run_ns.saturating_sub(earlier.run_ns),
            wait_ns: self.wait_ns.saturating_sub(earlier.wait_ns),
            minor_faults: self.minor_faults.saturating_sub(earlier.minor_faults),
            major_faults: self.major_faults.saturating_sub(earlier.major_faults),
            user_ticks: self.user_ticks.saturating_sub(earlier.user_ticks),
            system_ticks: self.system_ticks.saturating_sub(earlier.system_ticks),
        }
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.run_ns += other.run_ns;
        self.wait_ns += other.wait_ns;
        self.minor_faults += other.minor_faults;
        self.major_faults += other.major_faults;
        self.user_ticks += other.user_ticks;
        self.system_ticks += other.system_ticks;
    }
}

/// CPU time of the threads of a process, but those beside, since they began.
///
/// # Errors
/// There is no such process.
pub fn cpu_time(pid: u32, beside: &dyn Fn(&str) -> bool) -> Result<Duration, NotMeasured> {
    let watched = |id: &u32| task_name(pid, *id).is_some_and(|name| !beside(&name));
    let times = task_ids(pid)?.into_iter().filter(watched).filter_map(|id| Tally::of(pid, id));
    Ok(Duration::from_nanos(times.map(|tally| tally.run_ns).sum()))
}

/// Whether a thread is blocked in a call on a file or socket right now.
pub fn is_in_call(pid: u32, task: u32) -> bool {
    matches!(doing(pid, task), Ok(Some(Doing::File | Doing::Socket)))
}

/// What a thread does now; `Ok(None)` if it has ended meanwhile.
pub(super) fn doing(pid: u32, task: u32) -> Result<Option<Doing>, NotMeasured> {
    let path = format!("/proc/{pid}/task/{task}/syscall");
    let line = match fs::read_to_string(&path) {
        Ok(line) => line,
        Err(why) if has_ended(&why) => return Ok(None),
        Err(why) => return Err(unreadable(&path, &why)),
    };
    let doing = calls::read(&line);
    let doing = doing.ok_or_else(|| NotMeasured::new("system calls", format_args!("{path}: `{line}`")))?;
    Ok(Some(match doing {
        Doing::Descriptor(descriptor) => on_descriptor(pid, descriptor),
        other => other,
    }))
}

/// ESRCH, too, is how a thread that ends reads.
fn has_ended(why: &io::Error) -> bool {
    why.kind() == io::ErrorKind::NotFound
        || why.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}

fn unreadable(path: &str, why: &io::Error) -> NotMeasured {
    let rights = match why.kind() {
        io::ErrorKind::PermissionDenied => " (who reads it must be allowed to trace the process: ptrace)",
        _ => "",
    };
    NotMeasured::new("system calls", format_args!("{path}: {why}{rights}"))
}

/// `socket:[123]`, `pipe:[123]`, `anon_inode:[eventfd]`, or a path.
fn on_descriptor(pid: u32, descriptor: u64) -> Doing {
    match fs::read_link(format!("/proc/{pid}/fd/{descriptor}")) {
        Ok(target) => match target.to_string_lossy() {
            target if target.starts_with("socket:") => Doing::Socket,
            target if target.starts_with('/') => Doing::File,
            _ => Doing::Other,
        },
        Err(_) => Doing::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_follow_the_last_bracket() {
        let stat = "7 (a) b (c) S 1 2 3 4 5 6 70 8 90 10 110 120 13";
        let tally = Tally::of_stat(stat).expect("all fields");
        assert_eq!((tally.minor_faults, tally.major_faults), (70, 90));
        assert_eq!((tally.user_ticks, tally.system_ticks), (110, 120));
        assert_eq!(Tally::of_stat("7 (a) S 1 2"), None);
    }

    #[test]
    fn a_thread_that_is_not_there_is_none_and_a_process_that_is_not_there_says_so() {
        assert_eq!(Tally::of(std::process::id(), u32::MAX), None);
        assert_eq!(doing(std::process::id(), u32::MAX), Ok(None));
        let why = task_ids(u32::MAX).expect_err("no such process").to_string();
        assert!(why.starts_with("not measured: threads: /proc/4294967295/task"), "{why}");
    }

    #[test]
    fn what_may_not_be_read_says_what_it_takes() {
        let why = unreadable("/proc/1/task/1/syscall", &io::ErrorKind::PermissionDenied.into()).to_string();
        assert!(why.contains("ptrace"), "{why}");
    }
}
