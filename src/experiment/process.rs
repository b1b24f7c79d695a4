use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use super::worker::{Reply, Request};
use super::{
    Assignment, Blocks, BlocksRun, ClosedLoop, ClosedRound, HeapCycles, HeapRun, HeapSample, Interval,
    LoadRun, OfferedLoad, OpenLoop, OpenRun, Pressure, Standing, Trial, TrialRun, WORKER_ARGUMENT,
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

/// How a process under pressure ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// What was last heard of it.
    pub last: Standing,
    /// With which exit status it died for lack of memory, if it did.
    pub died: Option<String>,
}

/// A process under pressure is heard of several times a second. Out of memory, one may wait for ever for what it holds
/// itself, as where a panic asks for memory in the middle of printing another.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the standard library says of an allocation that failed, before it ends the process.
const OUT_OF_MEMORY: &str = "memory allocation of";

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

    /// Sets up a fresh instance for blocks.
    ///
    /// # Errors
    /// Why there is no figure.
    pub fn begin_blocks(&mut self, spec: &Blocks) -> Result<(), ProcessError> {
        match self.ask(&Request::Blocks(*spec))? {
            Reply::Ready => Ok(()),
            other => Err(self.unexpected(other)),
        }
    }

    /// One block with it; what it took by the worker's own clock.
    ///
    /// # Errors
    /// Why there is no figure.
    pub fn block(&mut self) -> Result<Duration, ProcessError> {
        match self.ask(&Request::Block)? {
            Reply::Block(took) => Ok(took),
            other => Err(self.unexpected(other)),
        }
    }

    /// The last block is done: every delivery of all of them is checked.
    ///
    /// # Errors
    /// What was wrong: all blocks are void.
    pub fn end_blocks(&mut self) -> Result<BlocksRun, ProcessError> {
        match self.ask(&Request::EndBlocks)? {
            Reply::EndedBlocks(run) => Ok(run),
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
    /// Why there is no figure: another end than that for lack of memory, or none.
    pub fn pressure(self, spec: &Pressure) -> Result<Ended, ProcessError> {
        self.pressed(spec, PATIENCE)
    }

    fn pressed(mut self, spec: &Pressure, patience: Duration) -> Result<Ended, ProcessError> {
        // Should it have ended already, what it said tells why.
        let _ = self.send(&Request::Pressure(*spec));
        let (child, replies) = (&mut self.child, &mut self.replies);
        let (told, heard) = channel();
        let mut last = Standing::default();
        // Who reads waits for as long as the process lives: that is done beside.
        let end = std::thread::scope(|scope| {
            scope.spawn(move || {
                let goes_on = |reply: &io::Result<Reply>| {
                    matches!(reply, Ok(Reply::Pressure(Standing { still: None, .. })))
                };
                loop {
                    let reply = read(replies);
                    let more = goes_on(&reply);
                    if told.send(reply).is_err() || !more {
                        break;
                    }
                }
            });
            loop {
                match heard.recv_timeout(patience) {
                    Ok(Ok(Reply::Pressure(standing))) if standing.still.is_none() => last = standing,
                    Ok(end) => break Some(end),
                    Err(_) => {
                        // Its end is the reader's. It may just have come by itself.
                        let _ = child.kill();
                        break None;
                    }
                }
            }
        });
        match end {
            None => Err(ProcessError::Hung { label: self.label.clone(), within: patience }),
            Some(Ok(Reply::Pressure(last))) => Ok(Ended { last, died: None }),
            Some(Ok(other)) => Err(self.unexpected(other)),
            Some(Err(why)) if why.kind() == io::ErrorKind::UnexpectedEof => self.autopsy(last),
            Some(Err(why)) => Err(self.no_answer(why)),
        }
    }

    /// Whether it was lack of memory that it ended by. Its status does not tell: a panic that meets another ends it by the
    /// same signal.
    fn autopsy(&mut self, last: Standing) -> Result<Ended, ProcessError> {
        let status = self.child.wait().map_err(|why| self.no_answer(why))?.to_string();
        let said = self.said().map_err(|why| self.no_answer(why))?;
        if said.contains(OUT_OF_MEMORY) {
            return Ok(Ended { last, died: Some(status) });
        }
        let last_words = said.lines().next_back().unwrap_or("it said nothing").to_owned();
        Err(ProcessError::Ended { label: self.label.clone(), status, last_words })
    }

    fn said(&mut self) -> io::Result<String> {
        let mut said = Vec::new();
        if let Some(file) = &mut self.said {
            file.rewind()?;
            file.read_to_end(&mut said)?;
        }
        Ok(String::from_utf8_lossy(&said).into_owned())
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

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::experiment::{Full, Still};

    const SPEC: Pressure = Pressure { limit: 1, payload_bytes: 1, on_full: Full::Wait };

    /// What comes of a worker that is this script of a shell's.
    fn pressed(script: &str, patience: Duration) -> Result<Ended, ProcessError> {
        let said = tempfile::tempfile().expect("a file");
        let mut command = Command::new("sh");
        command.args(["-c", script]).stderr(said.try_clone().expect("the same file"));
        let mut process = SystemProcess::spawn("worker".to_owned(), command).expect("a shell");
        process.said = Some(said);
        process.pressed(&SPEC, patience)
    }

    fn printed(standing: &Standing) -> String {
        let reply = serde_json::to_string(&Reply::Pressure(standing.clone())).expect("plain data");
        format!("read request; echo '{reply}';")
    }

    fn standing(published: u64, still: Option<Still>) -> Standing {
        Standing { published, still, ..Standing::default() }
    }

    #[test]
    fn one_that_answers_is_still_there() {
        let last = standing(128, Some(Still::Blocks));
        let script = printed(&standing(64, None)) + &printed(&last).replace("read request;", "");
        assert_eq!(pressed(&script, PATIENCE).expect("an answer"), Ended { last, died: None });
    }

    #[test]
    fn one_whose_allocation_fails_dies_of_it() {
        let last = standing(64, None);
        let script = printed(&last) + "echo 'memory allocation of 24 bytes failed' >&2; kill -ABRT $$";
        let ended = pressed(&script, PATIENCE).expect("a death");
        assert_eq!(ended.last, last);
        assert!(ended.died.as_ref().is_some_and(|status| status.contains("signal: 6")), "{ended:?}");
    }

    #[test]
    fn any_other_end_is_an_error_with_its_last_words() {
        for (end, status) in [("exit 101", "exit status: 101"), ("kill -ABRT $$", "signal: 6")] {
            let script = printed(&standing(64, None)) + "echo 'thread panicked' >&2; echo why >&2;" + end;
            let why = pressed(&script, PATIENCE).expect_err("no figure").to_string();
            assert!(why.contains(status) && why.ends_with(": why"), "{why}");
        }
    }

    #[test]
    fn one_that_hangs_is_killed() {
        let script = printed(&standing(64, None)) + "exec sleep 1000";
        let why = pressed(&script, Duration::from_millis(200)).expect_err("no figure");
        assert!(matches!(why, ProcessError::Hung { .. }), "{why}");
    }
}
