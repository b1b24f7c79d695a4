//! A process that is to run out of memory: how it ended.

use std::io::{self, Read, Seek};
use std::sync::mpsc::channel;
use std::time::Duration;

use super::{ProcessError, SystemProcess, read};
use crate::experiment::worker::{Reply, Request};
use crate::experiment::{Pressure, Standing};

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
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

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
