use std::ffi::OsString;
use std::fmt::Display;
use std::process::exit;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;

/// Exit status for a command line that is not understood, as clap, getopt and libtest's users expect.
pub const EXIT_USAGE: i32 = 2;

/// Reads the command line of the bench target `target`.
///
/// `--help` prints and ends the process with status 0; what is not understood is told in one line, with
/// status [`EXIT_USAGE`].
pub fn parse<T: Parser>(target: &'static str) -> T {
    try_parse(target, std::env::args_os().skip(1)).unwrap_or_else(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => error.exit(),
        _ => refuse_usage(target, one_line(&error)),
    })
}

/// Says in one line what is wrong with the command line, and ends the process with status [`EXIT_USAGE`].
pub fn refuse_usage(target: &str, what: impl Display) -> ! {
    eprintln!("{target}: {what}; see `cargo bench --bench {target} -- --help`");
    exit(EXIT_USAGE)
}

pub(super) fn try_parse<T: Parser>(
    target: &'static str,
    args: impl IntoIterator<Item = impl Into<OsString>>,
) -> Result<T, clap::Error> {
    let command =
        T::command().name(target).bin_name(format!("cargo bench --bench {target} --")).max_term_width(100);
    let named = [OsString::from(target)].into_iter().chain(args.into_iter().map(Into::into));
    let mut matches = command.try_get_matches_from(named)?;
    T::from_arg_matches_mut(&mut matches)
}

/// Clap's first paragraph without its label: the rest is usage, which `--help` shows.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let paragraph = text.split("\n\n").next().unwrap_or(&text);
    let words: Vec<&str> = paragraph.split_whitespace().collect();
    words.join(" ").trim_start_matches("error: ").to_owned()
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .filter(|&seconds: &f64| seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "wants seconds above 0, such as 5 or 0.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::BenchArgs;

    #[derive(Parser, Debug)]
    struct Args {
        #[command(flatten)]
        _common: BenchArgs,
    }

    #[test]
    fn what_is_not_understood_fits_on_one_line() {
        for (line, why) in [
            ("--frobnicate", "unexpected argument '--frobnicate' found"),
            ("--sample-size", "a value is required for '--sample-size <N>'"),
            ("--sample-size 0", "0 is not in 1.."),
            ("--profile-time soon", "wants seconds above 0"),
            ("--profile-time -1", "-1"),
            ("--profile-time inf", "wants seconds above 0"),
            ("--list --test", "cannot be used with"),
        ] {
            let error = try_parse::<Args>("kernels", line.split(' ')).expect_err(line);
            let told = one_line(&error);
            assert!(told.contains(why) && !told.contains('\n'), "{line}: {told}");
            assert!(!told.starts_with("error"), "{told}");
        }
    }
}
