use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use crucible_events::event::Timestamp;

use crate::refusal::Refusal;
use crate::source::Clock;

/// Lines that wait to be taken; when there are more, whoever writes them waits.
const WAITING: usize = 1024;

/// No payload may be longer than 10 MiB, and not much can stand beside it.
const MAX_LINE_BYTES: usize = 16 << 20;

/// A line, and when it was there.
#[derive(Debug)]
pub struct Arrived {
    pub at: Timestamp,
    /// Without its end.
    pub text: Vec<u8>,
    /// From 1.
    pub number: u64,
}

#[derive(Debug)]
pub enum Taken {
    Line(Arrived),
    Nothing,
    End,
    Failure(io::Error),
}

/// Reads on a thread of its own: reading may wait for hours, Ctrl-C does not.
#[derive(Debug)]
pub struct Reader {
    pub input: String,
    /// Whether all lines are there already.
    pub is_file: bool,
    lines: Receiver<io::Result<Arrived>>,
}

impl Reader {
    /// Of a file, or of standard input if it is called `-`.
    pub fn start(file: &Path) -> Result<Self, Refusal> {
        let is_stdin = file == Path::new("-");
        let input = if is_stdin { "standard input".to_owned() } else { file.display().to_string() };
        let opened: io::Result<Box<dyn BufRead + Send>> = if is_stdin {
            Ok(Box::new(BufReader::new(io::stdin())))
        } else {
            File::open(file).map(|file| Box::new(BufReader::new(file)) as Box<_>)
        };
        let from = opened.map_err(|source| Refusal::Input { input: input.clone(), source })?;
        // A file may have been put in the place of standard input.
        let path = if is_stdin { Path::new("/dev/stdin") } else { file };
        let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        let (send, lines) = mpsc::sync_channel(WAITING);
        thread::spawn(move || read(from, &send));
        Ok(Self { input, is_file, lines })
    }

    /// The next line, if it is there within this time.
    pub fn take(&self, within: Duration) -> Taken {
        match self.lines.recv_timeout(within) {
            Ok(Ok(line)) => Taken::Line(line),
            Ok(Err(error)) => Taken::Failure(error),
            Err(RecvTimeoutError::Timeout) => Taken::Nothing,
            Err(RecvTimeoutError::Disconnected) => Taken::End,
        }
    }
}

fn read(mut from: impl BufRead, send: &SyncSender<io::Result<Arrived>>) {
    let clock = Clock::start();
    for number in 1.. {
        let mut text = Vec::new();
        // With its end, and one more: what is longer is not read into memory.
        let result = from.by_ref().take(MAX_LINE_BYTES as u64 + 2).read_until(b'\n', &mut text);
        let at = clock.now();
        let is_end = text.pop_if(|last| *last == b'\n').is_none() && text.is_empty();
        let next = match result {
            Ok(_) if is_end => return,
            Ok(_) if text.len() > MAX_LINE_BYTES => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("line {number} is longer than 16 MiB"),
            )),
            Ok(_) => Ok(Arrived { at, text, number }),
            Err(error) => Err(error),
        };
        let is_over = next.is_err();
        if send.send(next).is_err() || is_over {
            return;
        }
    }
}
