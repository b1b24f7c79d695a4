use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::calls::{Doing, KNOWN};
use super::machine::{Busy, memory_stall};
use super::task::{Tally, doing, task_ids, task_name};
use super::{Activity, LockSeen, PERIOD, ThreadSeen, ThreadsSeen};
use crate::measure::{NotMeasured, Reading};

/// Threads that are told one by one.
const TOLD: usize = 16;

/// Ticks of CPU time from which on their division into program and kernel means something: to 5 %, if each is drawn by
/// chance.
const LEAST_TICKS: u64 = 20;

/// Watches the threads of a process for so long. Threads whose name is one of `beside` are those of who offers the load,
/// not of what is watched: of them only the CPU time counts.
///
/// # Errors
/// There is no such process, its system calls may not be read, or they are not known on this machine.
pub fn watch(pid: u32, lasting: Duration, beside: &dyn Fn(&str) -> bool) -> Result<ThreadsSeen, NotMeasured> {
    if !KNOWN {
        let arch = std::env::consts::ARCH;
        return Err(NotMeasured::new(
            "threads",
            format_args!("the system calls of {arch} are not known here"),
        ));
    }
    let (pressure, busy) = (memory_stall(), Busy::now());
    let begin = Instant::now();
    let mut watched = Watched::default();
    let mut next = begin;
    while begin.elapsed() < lasting {
        watched.look(pid, beside)?;
        next += PERIOD;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    watched.look(pid, beside)?;
    let passed = begin.elapsed();
    let pressure = pressure
        .and_then(|before| Ok(memory_stall()?.saturating_sub(before).as_secs_f64() / passed.as_secs_f64()));
    let busy = busy.and_then(|before| Busy::now()?.since(&before));
    let mut seen = watched.summary(passed, pressure.into());
    let own = seen.activity.running + seen.beside;
    seen.others = busy.map(|cores| (cores - own).max(0.0)).into();
    Ok(seen)
}

/// One thread, as far as it was seen.
#[derive(Debug, Default)]
struct Thread {
    name: String,
    beside: bool,
    first: Tally,
    last: Tally,
    /// How often it was seen doing what.
    seen: Counts,
    /// How often it waited as for a lock, by address.
    lock_waits: BTreeMap<u64, u64>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    socket: u64,
    file: u64,
    memory: u64,
    sleeping: u64,
    parked: u64,
    other: u64,
}

#[derive(Debug, Default)]
struct Watched {
    threads: BTreeMap<u32, Thread>,
    samples: u64,
    one_at_work: u64,
}

impl Watched {
    fn look(&mut self, pid: u32, beside: &dyn Fn(&str) -> bool) -> Result<(), NotMeasured> {
        let mut at_work = false;
        for task in task_ids(pid)? {
            let Some(tally) = Tally::of(pid, task) else { continue };
            let first = self.samples == 0;
            let thread = self.threads.entry(task).or_insert_with(|| {
                // Who came later came with nothing.
                let before = if first { tally } else { Tally::default() };
                Thread { first: before, ..Thread::default() }
            });
            thread.last = tally;
            // A thread gives itself its name, some time after it has begun.
            if let Some(name) = task_name(pid, task).filter(|name| *name != thread.name) {
                thread.beside = beside(&name);
                thread.name = name;
            }
            if !thread.beside
                && let Some(doing) = doing(pid, task)?
            {
                at_work |= thread.saw(doing);
            }
        }
        self.samples += 1;
        self.one_at_work += u64::from(at_work);
        Ok(())
    }

    fn summary(self, passed: Duration, memory_pressure: Reading<f64>) -> ThreadsSeen {
        let samples = self.samples as f64;
        let (beside, own): (Vec<Thread>, Vec<Thread>) =
            self.threads.into_values().partition(|thread| thread.beside);
        let locks = Locks::of(&own);
        let mut threads: Vec<ThreadSeen> = own
            .iter()
            .map(|thread| ThreadSeen {
                name: thread.name.clone(),
                activity: thread.activity(&locks, samples, passed),
            })
            .collect();
        threads.sort_by(|a, b| b.activity.running.total_cmp(&a.activity.running));
        let mut activity = Activity::default();
        threads.iter().for_each(|thread| activity += thread.activity);
        threads.truncate(TOLD);
        let mut tally = Tally::default();
        own.iter().for_each(|thread| tally += thread.last.since(&thread.first));
        let beside_ns: u64 = beside.iter().map(|thread| thread.last.since(&thread.first).run_ns).sum();
        let ticks = tally.user_ticks + tally.system_ticks;
        ThreadsSeen {
            lasting_ns: u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX),
            samples: self.samples,
            activity,
            one_at_work: self.one_at_work as f64 / samples,
            beside: beside_ns as f64 / passed.as_nanos() as f64,
            others: Reading::absent("not looked at"),
            lock: locks.most(),
            minor_faults: tally.minor_faults,
            major_faults: tally.major_faults,
            cpu_ns: tally.run_ns,
            system_share: (ticks >= LEAST_TICKS).then(|| tally.system_ticks as f64 / ticks as f64),
            memory_pressure,
            threads,
        }
    }
}

impl Thread {
    /// Whether that is work.
    fn saw(&mut self, doing: Doing) -> bool {
        let seen = &mut self.seen;
        match doing {
            Doing::Runnable => return true,
            Doing::Socket => seen.socket += 1,
            Doing::File => seen.file += 1,
            Doing::Memory => seen.memory += 1,
            Doing::Sleeping => seen.sleeping += 1,
            Doing::Parked => seen.parked += 1,
            Doing::Other | Doing::Descriptor(_) => seen.other += 1,
            Doing::LockWait(address) => *self.lock_waits.entry(address).or_default() += 1,
        }
        matches!(doing, Doing::Socket | Doing::File | Doing::Memory)
    }

    fn activity(&self, locks: &Locks, samples: f64, passed: Duration) -> Activity {
        let (used, share) = (self.last.since(&self.first), |count: u64| count as f64 / samples);
        let of_time = |ns: u64| ns as f64 / passed.as_nanos() as f64;
        let waits: u64 = self.lock_waits.values().sum();
        let lock: u64 = self.lock_waits.iter().filter(|(at, _)| locks.is_one(**at)).map(|(_, n)| n).sum();
        Activity {
            running: of_time(used.run_ns),
            waiting_for_core: of_time(used.wait_ns),
            lock: share(lock),
            socket: share(self.seen.socket),
            file: share(self.seen.file),
            memory: share(self.seen.memory),
            sleeping: share(self.seen.sleeping),
            // Nobody else waits where it does: it waits to be told.
            parked: share(self.seen.parked + waits - lock),
            other: share(self.seen.other),
        }
    }
}

/// Where several threads waited as for a lock: how many, and in how many samples.
struct Locks(BTreeMap<u64, (u64, u64)>);

impl Locks {
    fn of(threads: &[Thread]) -> Self {
        let (mut waits, mut who) = (BTreeMap::<u64, u64>::new(), BTreeMap::<u64, BTreeSet<usize>>::new());
        for (number, thread) in threads.iter().enumerate() {
            for (&address, &count) in &thread.lock_waits {
                *waits.entry(address).or_default() += count;
                who.entry(address).or_default().insert(number);
            }
        }
        let shared = waits.into_iter().filter(|(address, _)| who[address].len() >= 2);
        Self(shared.map(|(address, samples)| (address, (who[&address].len() as u64, samples))).collect())
    }

    fn is_one(&self, address: u64) -> bool {
        self.0.contains_key(&address)
    }

    fn most(&self) -> Option<LockSeen> {
        let of = self.0.values().map(|(_, samples)| samples).sum();
        let (&address, &(threads, samples)) = self.0.iter().max_by_key(|(_, (_, samples))| *samples)?;
        Some(LockSeen { address, threads, samples, of })
    }
}

impl std::ops::AddAssign for Activity {
    fn add_assign(&mut self, other: Self) {
        self.running += other.running;
        self.waiting_for_core += other.waiting_for_core;
        self.lock += other.lock;
        self.socket += other.socket;
        self.file += other.file;
        self.memory += other.memory;
        self.sleeping += other.sleeping;
        self.parked += other.parked;
        self.other += other.other;
    }
}

#[cfg(test)]
mod tests;
