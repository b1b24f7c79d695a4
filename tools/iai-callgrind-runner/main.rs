//! The runner that iai-callgrind's benchmarks start, of exactly the library's version.
//!
//! Cargo builds it with the benches and tells them its path, so nobody has to install it.

use std::process::ExitCode;

use iai_callgrind_runner::error::Error;

fn main() -> ExitCode {
    let Err(error) = iai_callgrind_runner::runner::run() else {
        return ExitCode::SUCCESS;
    };
    eprintln!("iai-callgrind-runner: {error}");
    // Its own exit codes: 3 if a limit was exceeded, 1 for all else.
    match error.downcast_ref::<Error>() {
        Some(Error::RegressionError(_)) => ExitCode::from(3),
        _ => ExitCode::FAILURE,
    }
}
