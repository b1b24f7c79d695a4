//! What every bench target understands on its command line: libtest's arguments, since `cargo bench -- …` and
//! `cargo test -- …` send the same ones to all targets, and a few of our own.
//!
//! ```no_run
//! use crucible_perf::cli::{Action, BenchArgs, parse};
//!
//! #[derive(clap::Parser)]
//! struct Args {
//!     #[command(flatten)]
//!     common: BenchArgs,
//!     /// Only this scenario
//!     #[arg(long, value_name = "NAME")]
//!     scenario: Option<String>,
//! }
//! let args: Args = parse("daemon_performance");
//! let selected = args.common.select("daemon_performance", &["route/light", "route/heavy"], |name| *name);
//! match args.common.action() {
//!     Action::List => {}
//!     Action::Test => {}
//!     Action::Profile(_each) => {}
//!     Action::Measure => {}
//! }
//! ```

mod interrupt;
mod kept_output;
mod libtest;
mod parse;
mod progress;
mod session;

use std::path::{Path, PathBuf};
use std::time::Duration;

use interrupt::catch_interrupt;
pub use interrupt::{EXIT_INTERRUPTED, interrupted};
pub use kept_output::{KeepError, Shown, keep_output, output_is_kept, show_output};
pub use libtest::{list, test_each};
pub use parse::{EXIT_USAGE, parse, refuse_usage};
pub use progress::Progress;
pub use session::{Session, Taken, fail};

/// A threshold did not hold.
pub const EXIT_CROSSED: u8 = 3;

/// The load was not the one that was asked for: nothing can be said, and it may be tried again.
pub const EXIT_INVALID: u8 = 4;

/// Arguments that all bench targets share. Flatten it into the target's own.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct BenchArgs {
    /// Only benchmarks whose name contains one of these
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,
    /// A filter is the whole name, not a part of it
    #[arg(long)]
    pub exact: bool,
    /// Leave out benchmarks whose name contains this (may be given more than once)
    #[arg(long, value_name = "FILTER")]
    pub skip: Vec<String>,
    /// Print the names and measure nothing
    #[arg(long, conflicts_with = "test")]
    pub list: bool,
    /// Run each benchmark once and check its work, without figures
    #[arg(long)]
    pub test: bool,
    /// Run each selected benchmark that long, without statistics: for a profiler
    #[arg(long, value_name = "SECS", value_parser = parse::seconds, conflicts_with_all = ["list", "test"])]
    pub profile_time: Option<Duration>,
    /// Samples per benchmark
    #[arg(long, visible_alias = "sample-count", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub sample_size: Option<u32>,
    /// Also write what is measured into this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    cargo: FromCargo,
}

/// What cargo and users of libtest send along, and what means nothing to a bench target but `--bench`. Part of
/// [`BenchArgs`]; a test target with a `main` of its own flattens it into its arguments.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct FromCargo {
    /// `cargo bench` says this, `cargo test` doesn't.
    #[arg(long, hide = true)]
    bench: bool,
    #[arg(long, hide = true)]
    nocapture: bool,
    #[arg(long, hide = true)]
    no_capture: bool,
    #[arg(long, hide = true)]
    show_output: bool,
    #[arg(long, hide = true)]
    include_ignored: bool,
    #[arg(long, hide = true)]
    ignored: bool,
    #[arg(long, short, hide = true)]
    quiet: bool,
    #[arg(long, hide = true)]
    test_threads: Option<String>,
    #[arg(long, hide = true)]
    format: Option<String>,
    #[arg(long, hide = true)]
    color: Option<String>,
}

impl FromCargo {
    /// Whether only tests that are marked as ignored are asked for.
    pub fn only_ignored(&self) -> bool {
        self.ignored
    }
}

/// What a target is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Print the names.
    List,
    /// Run each once and check it. Also what happens under `cargo test`, which does not say `--bench`.
    Test,
    /// Run each that long, for a profiler.
    Profile(Duration),
    /// Take figures.
    Measure,
}

impl BenchArgs {
    /// What to do with what is selected.
    pub fn action(&self) -> Action {
        match self.profile_time {
            _ if self.list => Action::List,
            _ if self.test => Action::Test,
            Some(each) => Action::Profile(each),
            None if self.cargo.bench => Action::Measure,
            None => Action::Test,
        }
    }

    /// The folder of results: where somebody says, or `benchmark_results`.
    pub fn results(&self) -> &Path {
        self.out.as_deref().unwrap_or_else(|| Path::new("benchmark_results"))
    }

    /// Whether the filters let this name through: contained (or equal, with `--exact`) in one of them, if there are
    /// any, and in none of `--skip`.
    pub fn selects(&self, name: &str) -> bool {
        let matches = |filter: &String| {
            if self.exact { name == filter } else { name.contains(&**filter) }
        };
        (self.filters.is_empty() || self.filters.iter().any(matches)) && !self.skip.iter().any(matches)
    }

    /// Those of `items` that the filters let through.
    ///
    /// If nothing remains, a line on stderr says so and names `target`. That is no error: cargo sends one filter
    /// to all targets, and most of them have nothing to do with it.
    pub fn select<'a, T>(&self, target: &str, items: &'a [T], name: impl Fn(&T) -> &str) -> Vec<&'a T> {
        let selected: Vec<&T> = items.iter().filter(|item| self.selects(name(item))).collect();
        if selected.is_empty() {
            eprintln!("{target}: {}", self.nothing_selected());
        }
        selected
    }

    fn nothing_selected(&self) -> String {
        let quoted: Vec<String> = self.filters.iter().map(|filter| format!("`{filter}`")).collect();
        match (quoted.is_empty(), self.skip.is_empty()) {
            (true, true) => "there are no benchmarks".to_owned(),
            (true, false) => "no benchmark is left by --skip".to_owned(),
            (false, true) => format!("no benchmark matches {}", quoted.join(" or ")),
            (false, false) => format!("no benchmark matches {} and is left by --skip", quoted.join(" or ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse::try_parse;
    use super::*;

    #[derive(clap::Parser)]
    struct Args {
        #[command(flatten)]
        common: BenchArgs,
    }

    fn args(line: &str) -> BenchArgs {
        let parsed: Args = try_parse("t", line.split_whitespace()).expect(line);
        parsed.common
    }

    #[test]
    fn the_action_is_what_was_asked_for() {
        let secs = Duration::from_millis(1500);
        for (line, action) in [
            ("--bench", Action::Measure),
            ("", Action::Test),
            ("--bench --test", Action::Test),
            ("--bench --list", Action::List),
            ("--list", Action::List),
            ("--bench --profile-time 1.5", Action::Profile(secs)),
            ("--profile-time 1.5", Action::Profile(secs)),
            ("--bench --nocapture -q --test-threads 1 --format=pretty", Action::Measure),
        ] {
            assert_eq!(args(line).action(), action, "{line}");
        }
    }

    #[test]
    fn filters_are_parts_of_names_or_whole_ones() {
        let names = ["match/core/10", "match/core/100", "encode/json"];
        for (line, selected) in [
            ("", &names[..]),
            ("core/10", &names[..2]),
            ("core/10 --exact", &[]),
            ("match/core/10 --exact", &names[..1]),
            ("100 json", &names[1..]),
            ("match --skip 100", &names[..1]),
            ("match --skip 1", &[]),
            ("--skip 100 --skip json", &names[..1]),
        ] {
            let got: Vec<&str> = args(line).select("t", &names, |name| name).into_iter().copied().collect();
            assert_eq!(got, selected, "{line}");
        }
    }

    #[test]
    fn nothing_selected_is_said_with_the_reason() {
        assert_eq!(args("x y").nothing_selected(), "no benchmark matches `x` or `y`");
        assert_eq!(args("--skip a").nothing_selected(), "no benchmark is left by --skip");
    }
}
