use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::affinity::{Confined, cores_of};
use super::burners::Burners;
use super::hold::{Held, Holding};
use crate::experiment::ProcessError;
use crate::experiment::bottleneck::Busy;
use crate::measure::threads::{task_ids, task_name};

/// Hands back what comes to its socket.
struct Cat {
    child: Child,
    socket: UnixStream,
}

impl Cat {
    fn start() -> Self {
        let (socket, its) = UnixStream::pair().expect("sockets");
        let out = OwnedFd::from(its.try_clone().expect("the same socket"));
        let mut command = Command::new("cat");
        let child = command.stdin(OwnedFd::from(its)).stdout(out).stderr(Stdio::null()).spawn();
        let mut cat = Self { child: child.expect("cat"), socket };
        // It has its name once it is at work.
        assert_eq!(cat.echo(), 7);
        cat
    }

    fn echo(&mut self) -> u8 {
        let mut byte = [0];
        self.socket.write_all(&[7]).expect("it reads");
        self.socket.read_exact(&mut byte).expect("it writes");
        byte[0]
    }
}

impl Busy for Cat {
    fn id(&self) -> u32 {
        self.child.id()
    }

    fn done(&mut self) -> Result<u64, ProcessError> {
        Ok(0)
    }

    fn is_beside(&self, thread: &str) -> bool {
        thread != "cat"
    }
}

impl Drop for Cat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn threads_keep_to_fewer_cores_until_they_may_have_all_again() {
    let cat = Cat::start();
    let all = cores_of(cat.id()).expect("it has some");
    let confined = Confined::to(&cat, &all[..1], &all).expect("one's own child");
    assert_eq!(cores_of(cat.id()).expect("it has one"), &all[..1]);
    drop(confined);
    assert_eq!(cores_of(cat.id()).expect("it has all"), all);
}

#[test]
fn there_is_a_burner_on_each_core_and_none_afterwards() {
    let own = std::process::id();
    let burners = || -> Vec<Vec<usize>> {
        let tasks = task_ids(own).expect("one's own");
        let burning = tasks.into_iter().filter(|&task| task_name(own, task).as_deref() == Some("burner"));
        burning.filter_map(|task| cores_of(task).ok()).collect()
    };
    let cores = cores_of(own).expect("some");
    let burning = Burners::on(&cores).expect("threads");
    // They keep to their cores once they have begun.
    let each: Vec<Vec<usize>> = cores.iter().map(|&core| vec![core]).collect();
    let begin = std::time::Instant::now();
    while {
        let mut seen = burners();
        seen.sort_unstable();
        seen != each
    } {
        assert!(begin.elapsed().as_secs() < 60, "{:?}", burners());
        std::thread::yield_now();
    }
    drop(burning);
    assert_eq!(burners(), Vec::<Vec<usize>>::new());
}

#[test]
fn who_is_blocked_on_a_socket_is_held_and_then_goes_on() {
    let mut cat = Cat::start();
    let held = Held::default();
    // On a machine that stands still nobody looks within 50 ms.
    for _ in 0..100 {
        let holding = Holding::of(&cat, &held).expect("one's own child may be traced");
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(cat.echo(), 7, "held for a while only");
        drop(holding);
        if held.part() > 0.0 {
            break;
        }
    }
    assert!(held.part() > 0.0 && held.part() <= 1.0, "{}", held.part());
    assert_eq!(cat.echo(), 7);
}

#[test]
fn who_is_not_there_cannot_be_held() {
    let mut cat = Cat::start();
    cat.child.kill().expect("it runs");
    cat.child.wait().expect("it ends");
    assert!(Holding::of(&cat, &Held::default()).is_err());
}
