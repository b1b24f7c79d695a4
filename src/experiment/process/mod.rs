//! A system in a process of its own, and what can be asked of it.

mod ask;
mod pressure;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

pub use pressure::Ended;

use super::worker::{Reply, Request};
use super::{Assignment, WORKER_ARGUMENT};

/// A process of its own for one system and scenario: CPU and memory belong to it alone. It builds
/// its workload once and a fresh system for every round.
#[derive(Debug)]
pub struct SystemProcess {
    label: String,
    child: Child,
    requests: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
    /// What it says on standard error, if it may not say it to people.
    said: Option<File>,
}

/// Why a process gave no figure.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error("{label}: its process could not be started: {source}")]
    Start {
        /// System and scenario.
        label: String,
        /// Why.
        source: io::Error,
    },
    /// It ended or answered nonsense.
    #[error("{label}: its process did not answer: {source}")]
    Answer {
        /// System and scenario.
        label: String,
        /// Why.
        source: io::Error,
    },
    /// It ended, and not by what it was to end by.
    #[error("{label}: its process ended with {status}: {last_words}")]
    Ended {
        /// System and scenario.
        label: String,
        /// How.
        status: String,
        /// The last line of its standard error.
        last_words: String,
    },
    /// It was killed, since nothing came from it.
    #[error("{label}: its process neither answered nor ended for {within:?}, and was killed")]
    Hung {
        /// System and scenario.
        label: String,
        /// So long.
        within: Duration,
    },
    /// It says why there is no figure.
    #[error("{label}: {why}")]
    Failed {
        /// System and scenario.
        label: String,
        /// Why.
        why: String,
    },
}

impl SystemProcess {
    /// Starts this very program as a worker (see [`run_if_worker`](super::run_if_worker)), in a
    /// process group of its own: Ctrl-C is for the parent to act on.
    ///
    /// # Errors
    /// [`ProcessError::Start`].
    pub fn start(assignment: &Assignment) -> Result<Self, ProcessError> {
        Self::start_as(assignment, |_| Ok(()))
    }

    /// The same for another program of this harness: the systems of another revision are in it.
    ///
    /// # Errors
    /// [`ProcessError::Start`].
    pub fn start_of(program: &Path, assignment: &Assignment) -> Result<Self, ProcessError> {
        Self::start_program(program, assignment, |_| Ok(()))
    }

    /// The same for a process whose last words are noise unless it fails: one that is to run out of memory, and for a trace
    /// of its calls would need more of it, or one that profiles its heap, and praises its viewer.
    ///
    /// # Errors
    /// [`ProcessError::Start`].
    pub fn start_silent(assignment: &Assignment) -> Result<Self, ProcessError> {
        let mut said = None;
        let mut process = Self::start_as(assignment, |command| {
            // No pipe: nobody reads while it works.
            let file = tempfile::tempfile()?;
            command.env("RUST_BACKTRACE", "0").stderr(file.try_clone()?);
            said = Some(file);
            Ok(())
        })?;
        process.said = said;
        Ok(process)
    }

    fn start_as(
        assignment: &Assignment,
        change: impl FnOnce(&mut Command) -> io::Result<()>,
    ) -> Result<Self, ProcessError> {
        let this = std::env::current_exe();
        let this = this.map_err(|source| ProcessError::Start { label: label_of(assignment), source })?;
        Self::start_program(&this, assignment, change)
    }

    fn start_program(
        program: &Path,
        assignment: &Assignment,
        change: impl FnOnce(&mut Command) -> io::Result<()>,
    ) -> Result<Self, ProcessError> {
        let label = label_of(assignment);
        let failed = |source: io::Error| ProcessError::Start { label: label.clone(), source };
        let argument = serde_json::to_string(assignment).map_err(|e| failed(e.into()))?;
        let mut command = Command::new(program);
        command.args([WORKER_ARGUMENT, &argument]);
        change(&mut command).map_err(failed)?;
        Self::spawn(label.clone(), command).map_err(failed)
    }

    fn spawn(label: String, mut command: Command) -> io::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let requests = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let replies = BufReader::new(child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
        Ok(Self { label, child, requests: Some(requests), replies, said: None })
    }

    /// Of the process, for whoever watches it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn next_reply(&mut self) -> Result<Reply, ProcessError> {
        read(&mut self.replies).map_err(|source| self.no_answer(source))
    }

    fn ask(&mut self, request: &Request) -> Result<Reply, ProcessError> {
        self.send(request).map_err(|source| self.no_answer(source))?;
        self.next_reply()
    }

    fn send(&mut self, request: &Request) -> io::Result<()> {
        let requests = self.requests.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        requests.write_all(&line)?;
        requests.flush()
    }

    fn no_answer(&self, source: io::Error) -> ProcessError {
        ProcessError::Answer { label: self.label.clone(), source }
    }

    fn unexpected(&self, reply: Reply) -> ProcessError {
        let why = match reply {
            Reply::Failed(why) => why,
            _ => "an answer to another question".to_owned(),
        };
        ProcessError::Failed { label: self.label.clone(), why }
    }
}

fn label_of(assignment: &Assignment) -> String {
    format!("{}, {}", assignment.system, assignment.workload.name())
}

fn read(replies: &mut impl BufRead) -> io::Result<Reply> {
    let mut reply = String::new();
    if replies.read_line(&mut reply)? == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ended"));
    }
    Ok(serde_json::from_str(&reply)?)
}

impl Drop for SystemProcess {
    /// The end of its input ends it; should it not listen any more, it is ended.
    fn drop(&mut self) {
        drop(self.requests.take());
        if std::thread::panicking() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
