use super::EXIT_INTERRUPTED;
use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use crate::measure::Moment;
use crate::results::{ResultsDir, StoreError};

/// Set in the process whose output is being kept, so that it does not start another.
const IS_KEPT: &str = "CRUCIBLE_OUTPUT_IS_KEPT";

/// The output of a run could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The folder or the file in it; known before anything is measured if it is the folder.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// This program could not be started again to read what it prints.
    #[error("cannot run this program again to keep its output: {0}")]
    Again(#[from] io::Error),
}

/// What a process printed, and how it ended.
#[derive(Debug)]
pub struct Shown {
    /// Its stdout.
    pub text: String,
    /// Its exit status; `None` if a signal such as Ctrl-C ended it.
    pub code: Option<i32>,
}

/// Whether another process keeps what this one prints: then there is nothing left to do for `--out`.
pub fn output_is_kept() -> bool {
    env::var_os(IS_KEPT).is_some()
}

/// Does what `--out` asks for where all output is a table on stdout: `<folder>/<target>_YYYYMMDD_HHMMSS.txt`.
///
/// Divan writes its table to stdout and nowhere else. So this program runs itself once more with the same
/// arguments, passes on each line when it is finished, and keeps what came also when Ctrl-C ends the other one. The
/// exit status is that of the other one.
///
/// # Errors
/// If the folder cannot be written, or the program not be run again.
pub fn keep_output(target: &str, folder: &Path) -> Result<ExitCode, KeepError> {
    let mut file = ResultsDir::open(folder)?.file(target, Moment::now());
    // The other process gets Ctrl-C as well and ends; this one lives on to keep what came until then.
    ctrlc::set_handler(|| {}).map_err(io::Error::other)?;
    let mut again = Command::new(env::current_exe()?);
    let mut shown = show_output(again.args(env::args_os().skip(1)).env(IS_KEPT, "1"))?;
    if shown.code.is_none() {
        shown.text.push_str("\n\ninterrupted: the rest is not measured\n");
    }
    eprintln!("kept as {}", file.save_text(&shown.text)?.display());
    let code = shown.code.map_or(EXIT_INTERRUPTED, |code| u8::try_from(code).unwrap_or(1));
    Ok(ExitCode::from(code))
}

/// Runs `command` and shows what it prints, each line when it is finished.
///
/// # Errors
/// If it cannot be started or read, or our own stdout cannot be written.
pub fn show_output(command: &mut Command) -> io::Result<Shown> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().expect("stdout is piped");
    let text = copy_lines(output, &mut io::stdout())?;
    Ok(Shown { text, code: child.wait()?.code() })
}

fn copy_lines(from: impl Read, shown: &mut impl Write) -> io::Result<String> {
    let (mut from, mut text) = (BufReader::new(from), String::new());
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        shown.write_all(&line)?;
        shown.flush()?;
        text.push_str(&String::from_utf8_lossy(&line));
        line.clear();
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_what_is_kept() {
        let mut shown = Vec::new();
        let text = copy_lines("a table\n│ its end".as_bytes(), &mut shown).expect("memory");
        assert_eq!(text.as_bytes(), shown);
        assert_eq!(text, "a table\n│ its end");
    }

    #[test]
    fn how_a_process_ended_is_told() {
        let shown = show_output(Command::new("sh").args(["-c", "exit 3"])).expect("there is a shell");
        assert_eq!(shown.code, Some(3));
        // Not INT: who starts tests in the background may have it ignored.
        let shown = show_output(Command::new("sh").args(["-c", "kill -TERM $$"])).expect("there is a shell");
        assert_eq!(shown.code, None);
    }
}
