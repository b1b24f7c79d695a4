use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::{Builder, JoinHandle};

use super::*;

/// A thread of this process, whose name is looked for.
fn named(name: &str, work: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    Builder::new().name(name.to_owned()).spawn(work).expect("a thread")
}

/// Only threads whose name begins so; other tests run beside. On a busy machine threads come late to where they have to be: what is
/// seen then does not count, and is looked at again.
fn watch_these(prefix: &'static str, is_as_it_has_to_be: impl Fn(&ThreadsSeen) -> bool) -> ThreadsSeen {
    let others = move |name: &str| !name.starts_with(prefix);
    let look = || watch(std::process::id(), Duration::from_millis(200), &others);
    let mut seen = look().expect("one's own threads can be watched");
    for _ in 0..50 {
        if is_as_it_has_to_be(&seen) {
            break;
        }
        seen = look().expect("one's own threads can be watched");
    }
    seen
}

#[test]
fn a_lock_is_what_two_threads_wait_for_at_one_address() {
    let lock = Arc::new(Mutex::new(()));
    let held = lock.lock().expect("nobody panicked");
    let wait = |_| {
        let lock = lock.clone();
        named("wants-lock", move || drop(lock.lock()))
    };
    let waiting: Vec<_> = (0..2).map(wait).collect();
    let seen =
        watch_these("wants-lock", |seen| seen.lock.as_ref().is_some_and(|lock| lock.samples == lock.of));
    drop(held);
    waiting.into_iter().for_each(|thread| thread.join().expect("no panic"));
    assert!(seen.activity.lock > 1.5, "{seen:?}");
    let lock = seen.lock.expect("one");
    assert_eq!((lock.threads, lock.samples), (2, lock.of));
    assert!(seen.one_at_work < 0.5, "who waits does not work: {seen:?}");
}

#[test]
fn who_waits_alone_is_parked_and_who_sleeps_sleeps() {
    let all = Arc::new(Barrier::new(2));
    let done = all.clone();
    let waits = named("does-naught", move || {
        done.wait();
    });
    let stop = Arc::new(AtomicBool::new(false));
    let told = stop.clone();
    let sleeps = named("does-naught", move || {
        while !told.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let idle = |seen: &ThreadsSeen| seen.activity.parked > 0.8 && seen.activity.sleeping > 0.8;
    let seen = watch_these("does-naught", idle);
    stop.store(true, Ordering::Relaxed);
    all.wait();
    waits.join().expect("no panic");
    sleeps.join().expect("no panic");
    assert!(idle(&seen), "{seen:?}");
    assert_eq!((seen.threads.len(), seen.lock), (2, None));
}

#[test]
fn who_works_is_at_work_and_who_is_beside_only_uses_cores() {
    let stop = Arc::new(AtomicBool::new(false));
    let spin = |name| {
        let stop = stop.clone();
        named(name, move || {
            while !stop.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        })
    };
    let spinning = [spin("is-at-work"), spin("others-work")];
    let seen = watch_these("is-at-work", |seen| seen.one_at_work > 0.8 && seen.threads.len() == 1);
    stop.store(true, Ordering::Relaxed);
    spinning.into_iter().for_each(|thread| thread.join().expect("no panic"));
    assert!(seen.one_at_work > 0.8, "{seen:?}");
    assert!(seen.activity.running > 0.0, "{seen:?}");
    assert!(seen.others.value().is_some(), "{seen:?}");
    assert!(seen.beside > 0.0 && seen.cpu_ns > 0 && seen.threads.len() == 1, "{seen:?}");
}

#[test]
fn a_call_on_a_socket_is_told_from_one_on_a_pipe() {
    use std::io::Read;
    let (mut socket, peer) = std::os::unix::net::UnixStream::pair().expect("sockets");
    let (mut pipe, into) = std::io::pipe().expect("a pipe");
    let reads = named("reads-much", move || drop(socket.read(&mut [0])));
    let pipes = named("reads-much", move || drop(pipe.read(&mut [0])));
    let reading = |seen: &ThreadsSeen| seen.activity.socket > 0.8 && seen.activity.other > 0.8;
    let seen = watch_these("reads-much", reading);
    drop((peer, into));
    reads.join().expect("no panic");
    pipes.join().expect("no panic");
    assert!(reading(&seen), "{seen:?}");
}

#[test]
fn a_process_that_is_not_there_says_so() {
    let why = watch(u32::MAX, Duration::ZERO, &|_| false).expect_err("no such process");
    assert_eq!(why.what, "threads");
}
