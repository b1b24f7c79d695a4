use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::sync_channel;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::affinity::thread;
use crate::experiment::bottleneck::Busy;
use crate::measure::NotMeasured;
use crate::measure::threads::{is_in_call, task_ids, task_name};

/// How often is looked for threads that are in a call.
const LOOKS_EVERY: Duration = Duration::from_micros(500);

/// How long each is held: longer than most calls on a disk or a near host take, so that little is done meanwhile.
const HOLDS_FOR: Duration = Duration::from_millis(3);

/// For how much time threads were held, of how much.
#[derive(Debug, Clone, Default)]
pub(super) struct Held(Arc<HeldNs>);

#[derive(Debug, Default)]
struct HeldNs {
    held: AtomicU64,
    of: AtomicU64,
}

impl Held {
    /// As how many threads it was, all the time.
    pub(super) fn part(&self) -> f64 {
        self.0.held.load(Relaxed) as f64 / (self.0.of.load(Relaxed) as f64).max(1.0)
    }

    fn add(&self, held: Duration, of: Duration) {
        self.0.held.fetch_add(nanoseconds(held), Relaxed);
        self.0.of.fetch_add(nanoseconds(of), Relaxed);
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Whoever of the threads of a process is seen in a call on a file or socket is held when that ends, by `ptrace`: the others go
/// on. Until it is dropped.
pub(super) struct Holding {
    stop: Arc<AtomicBool>,
    tracer: Option<JoinHandle<()>>,
}

impl Holding {
    /// The tracing is a thread's: when it ends the kernel lets all go.
    pub(super) fn of(busy: &dyn Busy, held: &Held) -> Result<Self, NotMeasured> {
        let pid = busy.id();
        let is_watched = |id: &u32| task_name(pid, *id).is_some_and(|name| !busy.is_beside(&name));
        let threads: Vec<u32> = task_ids(pid)?.into_iter().filter(is_watched).collect();
        let (told, begun) = sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, held) = (stop.clone(), held.clone());
        let trace = move || match Tracer::of(pid, &threads) {
            Ok(mut tracer) => {
                let begin = Instant::now();
                let listens = told.send(Ok(())).is_ok();
                while listens && !stopped.load(Relaxed) {
                    tracer.look();
                    std::thread::sleep(LOOKS_EVERY);
                }
                held.add(tracer.release(), begin.elapsed());
            }
            Err(why) => drop(told.send(Err(why))),
        };
        let absent = |why: &dyn std::fmt::Display| NotMeasured::new("with held calls", why);
        let tracer = Builder::new().name("tracer".to_owned()).spawn(trace).map_err(|why| absent(&why))?;
        let holding = Self { stop, tracer: Some(tracer) };
        match begun.recv() {
            Ok(Ok(())) => Ok(holding),
            Ok(Err(why)) => Err(absent(&format_args!("ptrace: {why}"))),
            Err(_) => Err(absent(&"its thread ended")),
        }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(tracer) = self.tracer.take() {
            // If it panicked its threads are free, and nothing was added to what was held.
            let _ = tracer.join();
        }
    }
}

/// What is being done to one thread.
#[derive(Debug, Clone, Copy)]
enum State {
    Free,
    /// It will stop when its call ends.
    Asked,
    Stopped(Instant),
    Gone,
}

struct Tracer {
    process: u32,
    threads: BTreeMap<u32, State>,
    held: Duration,
}

impl Tracer {
    fn of(process: u32, ids: &[u32]) -> Result<Self, Errno> {
        let mut threads = BTreeMap::new();
        for &id in ids {
            match ptrace::seize(thread(id), ptrace::Options::empty()) {
                Ok(()) => drop(threads.insert(id, State::Free)),
                Err(Errno::ESRCH) => {}
                Err(why) => return Err(why),
            }
        }
        Ok(Self { process, threads, held: Duration::ZERO })
    }

    fn look(&mut self) {
        for (&id, state) in &mut self.threads {
            *state = match *state {
                State::Free if is_in_call(self.process, id) => match ptrace::interrupt(thread(id)) {
                    Ok(()) => State::Asked,
                    Err(_) => State::Gone,
                },
                State::Stopped(since) if since.elapsed() >= HOLDS_FOR => {
                    self.held += since.elapsed();
                    let _ = ptrace::cont(thread(id), None);
                    State::Free
                }
                State::Gone => State::Gone,
                same => noticed(thread(id), same),
            };
        }
    }

    /// For how long threads were held, together.
    fn release(self) -> Duration {
        let stopped = self.threads.values().map(|state| match state {
            State::Stopped(since) => since.elapsed(),
            _ => Duration::ZERO,
        });
        self.held + stopped.sum()
    }
}

/// What has become of a thread meanwhile. A signal that it got is passed on.
fn noticed(id: Pid, state: State) -> State {
    match waitpid(id, Some(WaitPidFlag::WNOHANG | WaitPidFlag::__WALL)) {
        Ok(WaitStatus::PtraceEvent(..)) => State::Stopped(Instant::now()),
        Ok(WaitStatus::Stopped(_, signal)) => {
            let _ = ptrace::cont(id, signal);
            state
        }
        Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) | Err(_) => State::Gone,
        Ok(_) => state,
    }
}
