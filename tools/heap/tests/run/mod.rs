//! The program among its fixtures.

#![allow(unreachable_pub, dead_code, reason = "a test has no outside, and uses a part of this")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

pub fn fixture(name: &str) -> String {
    fs::read_to_string(fixtures().join(name)).expect("a fixture")
}

/// Runs where the fixtures are, so that reports name no folder of a machine.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heap"));
    command.args(arguments).current_dir(fixtures());
    command
}

pub fn heap(arguments: &[&str]) -> Run {
    let Output { status, stdout, stderr } = command(arguments).output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Run { status: status.code().expect("it ends by itself"), stdout: text(stdout), stderr: text(stderr) }
}

/// The report of a run that found nothing amiss.
pub fn told(arguments: &[&str]) -> String {
    let run = heap(arguments);
    assert_eq!((run.status, &run.stderr[..]), (0, ""), "{arguments:?}");
    run.stdout
}
