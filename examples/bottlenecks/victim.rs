use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crucible_perf::experiment::ProcessError;
use crucible_perf::experiment::bottleneck::Busy;

use crate::injected::Injected;

/// Threads that share the work of each.
pub(crate) const WORKERS: usize = 4;

/// Name of the thread that answers; no part of what is watched.
pub(crate) const LISTENER: &str = "listener";

/// Bytes of an event on its way to the slow peer.
pub(crate) const EVENT_BYTES: usize = 512;

/// So long the peer takes for each event.
const PEER_TAKES: Duration = Duration::from_millis(1);

/// A process with a bottleneck in it. It ends when its standard input does.
pub(crate) struct Victim {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    name: &'static str,
}

impl Victim {
    pub(crate) fn start(injected: Injected, dir: &Path) -> io::Result<Self> {
        let port = slow_peer()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--victim", injected.as_str(), "--port", &port.to_string(), "--dir"]).arg(dir);
        // Larger pieces go back to the kernel at once.
        command.env("MALLOC_MMAP_THRESHOLD_", "262144");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let questions = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let answers = BufReader::new(child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
        Ok(Self { child, questions, answers, name: injected.as_str() })
    }

    /// Events that were done, and those that wait.
    fn ask(&mut self) -> io::Result<(u64, u64)> {
        self.questions.write_all(b"\n")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        let numbers = answer.trim().split_once(' ');
        let numbers = numbers.and_then(|(done, waiting)| Some((done.parse().ok()?, waiting.parse().ok()?)));
        numbers.ok_or_else(|| io::Error::other(format!("it answered `{answer}`")))
    }

    pub(crate) fn is_in_excess(&mut self) -> io::Result<bool> {
        Ok(self.ask()?.1 > 0)
    }
}

impl Busy for Victim {
    fn id(&self) -> u32 {
        self.child.id()
    }

    fn done(&mut self) -> Result<u64, ProcessError> {
        let answer = self.ask();
        let (done, _) =
            answer.map_err(|source| ProcessError::Answer { label: self.name.to_owned(), source })?;
        Ok(done)
    }

    fn is_beside(&self, thread: &str) -> bool {
        thread == LISTENER
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // It has nothing to lose.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes its time for each event and then says so, in threads of this process, which is not watched.
fn slow_peer() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { return };
            std::thread::spawn(move || {
                let mut event = [0; EVENT_BYTES];
                while connection.read_exact(&mut event).is_ok() {
                    std::thread::sleep(PEER_TAKES);
                    if connection.write_all(&[1]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    Ok(port)
}
