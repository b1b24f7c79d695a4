use super::{Told, at_least, at_most, at_once};
use crate::experiment::bottleneck::Observation;
use crate::results::bottleneck::{Bottleneck, Bound, Evidence, Figure};

/// A share of 0.5 seen in so many independent samples is within 0.14 of the truth, at 95 %.
pub(super) const LEAST_SAMPLES: u64 = 50;

/// Threads at work on average, those without a core included: half a thread is not what a limit inside looks like, since
/// whatever is limited works. By times, not by samples: who looks takes a core, and whoever is woken meanwhile is seen waiting.
pub(super) const AT_WORK: f64 = 0.5;

/// Blocked on sockets. One thread of four that sends while three compute is not what limits them; at this share it may be.
/// With a peer that takes its time, `examples/bottlenecks` sees 0.95 to 0.99.
pub(super) const NETWORK: f64 = 0.25;

/// Blocked on files. Lower than for sockets, since much of a call on a file system is CPU time, which is not seen as
/// blocked. With a file that is synced for each event, 0.37 to 0.86 is seen.
pub(super) const IO: f64 = 0.12;

/// Waiting for locks. With two threads that do all under one lock it is a half, with more of them more; 0.40 to 0.65 is seen
/// with four. A third of the half leaves room for what is done outside of the lock.
pub(super) const LOCK: f64 = 0.15;

/// Blocked over memory, in faults or calls that map: they wait for one lock of the address space. As for locks.
pub(super) const BLOCKED_ON_MEMORY: f64 = 0.15;

/// With memory that is new from the kernel each time, 480,000 to 800,000 are seen: a fault takes one or two µs. Less than a
/// twentieth of that cannot be what the CPU time in the kernel goes on.
pub(super) const FAULTS_PER_CPU_SECOND: f64 = 20_000.0;

/// In the kernel. Together with the faults: it is them on which the time goes.
pub(super) const SYSTEM_SHARE: f64 = 0.4;

/// Of the time, some process of the machine stalled for memory. It is the whole machine's, so it counts only where the
/// process itself had faults that needed the disk.
pub(super) const MEMORY_PRESSURE: f64 = 0.05;

/// Such faults per second.
pub(super) const MAJOR_FAULTS_PER_SECOND: f64 = 50.0;

/// A stage that is the limit has something to do always; handing over to it from thread to thread takes some of the time.
pub(super) const ONE_AT_WORK: f64 = 0.75;

/// Of the cores that could be used. The rest goes to the sampler and whatever else a machine does.
pub(super) const CORES_USED: f64 = 0.8;

/// Cores that those use who bring the load. They are one thread, which cannot do more than this: then there is no telling
/// whether there was more to do.
pub(super) const BESIDE: f64 = 0.9;

/// Cores that all else on the machine uses. A desktop at rest uses some hundredths.
pub(super) const OTHERS_ON_CORES: f64 = 0.25;

/// The bottleneck that the figures show, whether or not that is confirmed.
pub(super) fn tell(seen: &Observation) -> Told {
    if seen.seen.samples < LEAST_SAMPLES {
        let samples = at_most(Figure::Samples, seen.seen.samples as f64, LEAST_SAMPLES as f64);
        return unclear("too few samples".to_owned(), samples.into_iter().collect());
    }
    if let Some((bottleneck, evidence)) = not_saturated(seen) {
        let why = Some("there is not more to do than is done".to_owned());
        return Told { bottleneck, why, evidence };
    }
    if let Some(busy) = at_least(Figure::CoresBeside, seen.seen.beside, BESIDE) {
        return unclear("it may be who brings the load that is the limit".to_owned(), vec![busy]);
    }
    let found = outside(seen).or_else(|| blocked(seen)).or_else(|| faults(seen)).or_else(|| cores(seen));
    if let Some((bottleneck, evidence)) = found {
        return Told { bottleneck, why: None, evidence };
    }
    // What is left is told by the cores that it leaves over.
    if let Some(evidence) = others_had_them(seen) {
        return unclear("others were on the cores; run it again".to_owned(), evidence);
    }
    if let Some((bottleneck, evidence)) = serial_stage(seen) {
        return Told { bottleneck, why: None, evidence };
    }
    let value = seen.seen.one_at_work;
    let one = Evidence { figure: Figure::OneAtWork, value, bound: Bound::AtMost(ONE_AT_WORK) };
    unclear("the cores are not used up, and nothing goes on all the time".to_owned(), vec![used(seen), one])
}

type Found = Option<(Bottleneck, Vec<Evidence>)>;

fn unclear(why: String, evidence: Vec<Evidence>) -> Told {
    Told { bottleneck: Bottleneck::Unclear, why: Some(why), evidence }
}

fn not_saturated(seen: &Observation) -> Found {
    let idle = at_most(Figure::ThreadsAtWork, at_work(seen), AT_WORK);
    (!seen.in_excess).then(|| (Bottleneck::NotSaturated, idle.into_iter().collect()))
}

fn outside(seen: &Observation) -> Found {
    // Who waits for a lock that nobody works under waits for what its holder waits for.
    let idle = at_most(Figure::ThreadsAtWork, at_work(seen), AT_WORK)?;
    Some((Bottleneck::Outside, vec![idle]))
}

fn at_work(seen: &Observation) -> f64 {
    let activity = &seen.seen.activity;
    activity.running + activity.waiting_for_core + activity.socket + activity.file + activity.memory
}

/// By what threads are blocked, of the time in which they are not waiting to be told.
fn blocked(seen: &Observation) -> Found {
    let activity = &seen.seen.activity;
    let engaged = activity.engaged();
    if engaged <= 0.0 {
        return None;
    }
    let (socket, file) = (activity.socket / engaged, activity.file / engaged);
    let network = at_least(Figure::Socket, socket, NETWORK).map(|at| (Bottleneck::Network, vec![at]));
    let io = at_least(Figure::File, file, IO).map(|at| (Bottleneck::Io, vec![at]));
    let memory = at_least(Figure::BlockedOnMemory, activity.memory / engaged, BLOCKED_ON_MEMORY);
    let lock = at_least(Figure::Lock, activity.lock / engaged, LOCK);
    let calls = if socket > file { network.or(io) } else { io.or(network) };
    calls
        .or_else(|| memory.map(|at| (Bottleneck::Memory, vec![at])))
        .or_else(|| lock.map(|at| (Bottleneck::ThreadContention, vec![at])))
}

fn faults(seen: &Observation) -> Found {
    let seen = &seen.seen;
    let cpu_seconds = seen.cpu_ns as f64 / 1e9;
    if cpu_seconds <= 0.0 {
        return None;
    }
    let minor =
        at_least(Figure::FaultsPerCpuSecond, seen.minor_faults as f64 / cpu_seconds, FAULTS_PER_CPU_SECOND);
    let kernel = seen.system_share.and_then(|share| at_least(Figure::SystemShare, share, SYSTEM_SHARE));
    if let (Some(minor), Some(kernel)) = (minor, kernel) {
        return Some((Bottleneck::Memory, vec![minor, kernel]));
    }
    let major = seen.major_faults as f64 / (seen.lasting_ns as f64 / 1e9);
    let pressure = seen.memory_pressure.value();
    let pressure = pressure.and_then(|&share| at_least(Figure::MemoryPressure, share, MEMORY_PRESSURE));
    let pressure = pressure.filter(|_| major >= MAJOR_FAULTS_PER_SECOND)?;
    Some((Bottleneck::Memory, vec![pressure]))
}

/// Something goes on all the time, and cores are left over.
fn serial_stage(seen: &Observation) -> Found {
    if at_once(seen) < 2.0 {
        return None;
    }
    let one = at_least(Figure::OneAtWork, seen.seen.one_at_work, ONE_AT_WORK)?;
    let Evidence { figure, value, .. } = used(seen);
    let left = at_most(figure, value, CORES_USED * could_use(seen))?;
    Some((Bottleneck::SerialStage, vec![one, left]))
}

fn cores(seen: &Observation) -> Found {
    let Evidence { figure, value, .. } = used(seen);
    let used = at_least(figure, value, CORES_USED * could_use(seen))?;
    // Half of them make each piece of work so much cheaper that as much is done: it is not cores that are wanting.
    let half_the_cores = seen.half_the_cores.value();
    let as_much = half_the_cores
        .filter(|answer| at_once(seen) >= 2.0 && answer.ratio >= super::confirm::midway(answer));
    let cheaper = as_much.and_then(|answer| at_most(Figure::CostWithHalfTheCores, answer.cost?, CHEAPER));
    Some(match cheaper {
        Some(cheaper) => (Bottleneck::ThreadContention, vec![used, cheaper]),
        None => (Bottleneck::Cpu, vec![used]),
    })
}

/// Its threads would use the cores up if they had them, and others do. Where nobody tells what others do, wanting is enough.
fn others_had_them(seen: &Observation) -> Option<Vec<Evidence>> {
    let wanting = CORES_USED * could_use(seen) - used(seen).value;
    let waiting = at_least(Figure::WaitingForCore, seen.seen.activity.waiting_for_core, wanting)?;
    match seen.seen.others.value() {
        Some(&cores) => Some(vec![waiting, at_least(Figure::OthersOnCores, cores, OTHERS_ON_CORES)?]),
        None => Some(vec![waiting]),
    }
}

/// CPU time of a piece of work with half the cores: a fifth less is more than caches and clocks do when a neighbour rests.
pub(super) const CHEAPER: f64 = 0.8;

/// Cores on which it and the threads beside can be at once.
fn could_use(seen: &Observation) -> f64 {
    (at_once(seen) + seen.seen.beside).min(seen.cores as f64)
}

/// Together with the threads beside: they are on the same cores.
fn used(seen: &Observation) -> Evidence {
    let value = seen.seen.activity.running + seen.seen.beside;
    Evidence { figure: Figure::CoresUsed, value, bound: Bound::AtMost(CORES_USED * could_use(seen)) }
}
