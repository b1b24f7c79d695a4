use std::io::{self, BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::worker::{Reply, Request};
use super::{
    Assignment, ClosedLoop, ClosedRound, HeapCycles, HeapRun, HeapSample, Interval, LoadRun, OfferedLoad,
    OpenLoop, OpenRun, Pressure, Standing, Trial, TrialRun, WORKER_ARGUMENT,
};
use crate::load::LoadTestConfig;

/// A process of its own for one system and scenario: CPU and memory belong to it alone. It builds
/// its workload once and a fresh system for every round.
#[derive(Debug)]
pub struct SystemProcess {
    label: String,
    child: Child,
    requests: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
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
    /// It says why there is no figure.
    #[error("{label}: {why}")]
    Failed {
        /// System and scenario.
        label: String,
        /// Why.
        why: String,
    },
}

/// How a process under pressure ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// What was last heard of it.
    pub last: Standing,
    /// With which exit status it died, if it did.
    pub died: Option<String>,
}

impl SystemProcess {
    /// Starts this very program as a worker (see [`run_if_worker`](super::run_if_worker)), in a
    /// process group of its own: Ctrl-C is for the parent to act on.
    ///
    /// # Errors
    /// [`ProcessError::Start`].
    pub fn start(assignment: &Assignment) -> Result<Self, ProcessError> {
        Self::start_as(assignment, |_| ())
    }

    /// The same for a process whose last words are noise: one that is to run out of memory, and for a trace of its calls
    /// would need more of it, or one that profiles its heap, and praises its viewer.
    ///
    /// # Errors
    /// [`ProcessError::Start`].
    pub fn start_silent(assignment: &Assignment) -> Result<Self, ProcessError> {
        Self::start_as(assignment, |command| {
            command.env("RUST_BACKTRACE", "0").stderr(Stdio::null());
        })
    }

    fn start_as(assignment: &Assignment, change: impl FnOnce(&mut Command)) -> Result<Self, ProcessError> {
        let label = format!("{}, {}", assignment.system, assignment.workload.name());
        let failed = |source| ProcessError::Start { label: label.clone(), source };
        let argument = serde_json::to_string(assignment).map_err(|e| failed(e.into()))?;
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command.args([WORKER_ARGUMENT, &argument]).stdin(Stdio::piped()).stdout(Stdio::piped());
        change(&mut command);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(failed)?;
        let missing = || failed(io::ErrorKind::BrokenPipe.into());
        let requests = child.stdin.take().ok_or_else(missing)?;
        let replies = BufReader::new(child.stdout.take().ok_or_else(missing)?);
        Ok(Self { label, child, requests: Some(requests), replies })
    }

    /// One closed-loop round.
    ///
    /// # Errors
    /// Why there is no figure.
    pub fn closed(&mut self, spec: &ClosedLoop) -> Result<ClosedRound, ProcessError> {
        match self.ask(&Request::Closed(*spec))? {
            Reply::Closed(round) => Ok(round),
            other => Err(self.unexpected(other)),
        }
    }

    /// One run under offered load.
    ///
    /// # Errors
    /// Why there is no figure.
    pub fn open(&mut self, spec: &OpenLoop) -> Result<OpenRun, ProcessError> {
        match self.ask(&Request::Open(spec.clone()))? {
            Reply::Open(run) => Ok(run),
            other => Err(self.unexpected(other)),
        }
    }

    /// Sets up a fresh instance for trials.
    ///
    /// # Errors
    /// Why there is no figure.
    pub fn begin_trials(&mut self, load: &OfferedLoad) -> Result<(), ProcessError> {
        match self.ask(&Request::Trials(*load))? {
            Reply::Ready => Ok(()),
            other => Err(self.unexpected(other)),
        }
    }

    /// One trial with it.
    ///
    /// # Errors
    /// Why there is no figure.
    pub fn trial(&mut self, trial: &Trial) -> Result<TrialRun, ProcessError> {
        match self.ask(&Request::Trial(trial.clone()))? {
            Reply::Trial(run) => Ok(*run),
            other => Err(self.unexpected(other)),
        }
    }

    /// The last trial is done: every delivery of all of them is checked.
    ///
    /// # Errors
    /// What was wrong: the figures of all trials are void.
    pub fn end_trials(&mut self) -> Result<(), ProcessError> {
        match self.ask(&Request::EndTrials)? {
            Reply::EndedTrials => Ok(()),
            other => Err(self.unexpected(other)),
        }
    }

    /// Keeps a fresh instance busy until [`Self::relieve`]: as many events are published as are done.
    ///
    /// # Errors
    /// Why it is not.
    pub fn saturate(&mut self, load: &OfferedLoad) -> Result<(), ProcessError> {
        match self.ask(&Request::Saturate(*load))? {
            Reply::Ready => Ok(()),
            other => Err(self.unexpected(other)),
        }
    }

    /// Deliveries of the instance that is kept busy, so far.
    ///
    /// # Errors
    /// It does not answer.
    pub fn deliveries(&mut self) -> Result<u64, ProcessError> {
        match self.ask(&Request::Count)? {
            Reply::Count(deliveries) => Ok(deliveries),
            other => Err(self.unexpected(other)),
        }
    }

    /// Ends [`Self::saturate`]: every delivery is checked.
    ///
    /// # Errors
    /// What was wrong: whatever was seen meanwhile is void.
    pub fn relieve(&mut self) -> Result<(), ProcessError> {
        match self.ask(&Request::Stop)? {
            Reply::EndedTrials => Ok(()),
            other => Err(self.unexpected(other)),
        }
    }

    /// Of the process, for whoever watches it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// A load test; `watch` sees each second of it, and ends it when it says so: what was sent until then is served.
    ///
    /// # Errors
    /// Why there is no figure.
    pub fn load_test(
        &mut self,
        config: &LoadTestConfig,
        watch: &mut dyn FnMut(Interval) -> ControlFlow<()>,
    ) -> Result<LoadRun, ProcessError> {
        let mut reply = self.ask(&Request::LoadTest(Box::new(config.clone())))?;
        let mut stopped = false;
        loop {
            match reply {
                Reply::LoadTest(run) => return Ok(*run),
                Reply::Interval(interval) => {
                    if watch(*interval).is_break() && !stopped {
                        stopped = true;
                        let sent = self.send(&Request::Stop);
                        sent.map_err(|source| ProcessError::Answer { label: self.label.clone(), source })?;
                    }
                }
                other => return Err(self.unexpected(other)),
            }
            reply = self.next_reply()?;
        }
    }

    /// Cycles with the heap counted; `watch` sees each sample as it comes.
    ///
    /// # Errors
    /// Why there is no figure.
    pub fn heap(
        &mut self,
        spec: &HeapCycles,
        watch: &mut dyn FnMut(HeapSample),
    ) -> Result<HeapRun, ProcessError> {
        let mut reply = self.ask(&Request::Heap(spec.clone()))?;
        loop {
            match reply {
                Reply::Heap(run) => return Ok(run),
                Reply::Sample(sample) => watch(sample),
                other => return Err(self.unexpected(other)),
            }
            reply = self.next_reply()?;
        }
    }

    /// Publishes until memory runs out: how it stood when it ended, or when the process was last heard of.
    ///
    /// # Errors
    /// Why there is no figure.
    pub fn pressure(mut self, spec: &Pressure) -> Result<Ended, ProcessError> {
        let mut last = Standing::default();
        let mut reply = self.ask(&Request::Pressure(*spec));
        loop {
            match reply {
                Ok(Reply::Pressure(standing)) if standing.still.is_some() => {
                    return Ok(Ended { last: standing, died: None });
                }
                Ok(Reply::Pressure(standing)) => last = standing,
                Ok(other) => return Err(self.unexpected(other)),
                Err(ProcessError::Answer { source, .. }) if source.kind() == io::ErrorKind::UnexpectedEof => {
                    let status = self
                        .child
                        .wait()
                        .map_err(|source| ProcessError::Answer { label: self.label.clone(), source })?;
                    return Ok(Ended { last, died: Some(status.to_string()) });
                }
                Err(why) => return Err(why),
            }
            reply = self.next_reply();
        }
    }

    fn next_reply(&mut self) -> Result<Reply, ProcessError> {
        self.read().map_err(|source| ProcessError::Answer { label: self.label.clone(), source })
    }

    fn ask(&mut self, request: &Request) -> Result<Reply, ProcessError> {
        self.exchange(request).map_err(|source| ProcessError::Answer { label: self.label.clone(), source })
    }

    fn exchange(&mut self, request: &Request) -> io::Result<Reply> {
        self.send(request)?;
        self.read()
    }

    fn send(&mut self, request: &Request) -> io::Result<()> {
        let requests = self.requests.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        requests.write_all(&line)?;
        requests.flush()
    }

    fn read(&mut self) -> io::Result<Reply> {
        let mut reply = String::new();
        if self.replies.read_line(&mut reply)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ended"));
        }
        Ok(serde_json::from_str(&reply)?)
    }

    fn unexpected(&self, reply: Reply) -> ProcessError {
        let why = match reply {
            Reply::Failed(why) => why,
            _ => "an answer to another question".to_owned(),
        };
        ProcessError::Failed { label: self.label.clone(), why }
    }
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
