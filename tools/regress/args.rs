use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Holds the counts of kernels against a committed baseline, and explains what changed.
///
/// Measure first: cargo bench --bench instructions
#[derive(Parser)]
#[command(name = "cargo regress", bin_name = "cargo regress", after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    pub verb: Verb,
    #[command(flatten)]
    pub common: Common,
}

const EXIT_CODES: &str = "\
Exit status:
  0  nothing to do
  1  could not judge: no, empty, stale or partial measurement; a file that cannot be used; a waiver that does not hold
  2  wrong usage
  3  regressed
  4  the baseline is out of date: a kernel improved, is new or is gone
  5  incomparable: the baseline holds for another compiler, library, valgrind or lock file";

#[derive(Args)]
pub struct Common {
    /// How to print the result
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    pub format: Format,
    /// Also append the result to this file, as Markdown
    #[arg(long, global = true, value_name = "FILE")]
    pub append_markdown: Option<PathBuf>,
    /// Tolerances, budgets and waivers; by default ci/regress.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Where the bench leaves its counts; by default `iai` in cargo's target folder
    #[arg(long, global = true, value_name = "DIR")]
    pub measurement: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal
    Text,
    /// For programs; versioned by `schema`
    Json,
    /// For a pull request or a job summary
    Markdown,
    /// Annotations of GitHub's workflows
    Github,
}

#[derive(Subcommand)]
pub enum Verb {
    /// Compare the last measurement with ci/baseline.json
    Check {
        /// Only these kernels; the others need not be measured
        kernels: Vec<String>,
        /// Show every kernel and metric, also what did not change
        #[arg(long)]
        all: bool,
        /// Compare with this file instead of ci/baseline.json
        #[arg(long, value_name = "FILE")]
        baseline: Option<PathBuf>,
    },
    /// Show by function where the difference of a kernel comes from
    Explain {
        /// The exact name of a kernel
        kernel: String,
        /// Compare with this file instead of ci/baseline.json
        #[arg(long, value_name = "FILE")]
        baseline: Option<PathBuf>,
    },
    /// Measure another revision and this one, on this machine, and compare them
    ///
    /// This harness, with its kernels, is built around the other revision's systems; where that does not compile, each
    /// revision is measured by its own. Both builds take some minutes.
    Against {
        /// What git understands: a branch, a tag, HEAD~1
        revision: String,
        /// Only these kernels; +TOOLCHAIN builds both revisions with another compiler
        #[arg(value_name = "KERNEL|+TOOLCHAIN")]
        words: Vec<String>,
        /// Show every kernel and metric, also what did not change
        #[arg(long)]
        all: bool,
    },
    /// Measure twice and write what changed into ci/baseline.json
    ///
    /// Kernels that are within their tolerance stay as they are. Commit the file with the change that it belongs to.
    Accept {
        /// Only these kernels; by default all
        kernels: Vec<String>,
        /// Why the change is right: it is recorded
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Only what costs less: lowers the limits, never raises one
        #[arg(long)]
        only_improvements: bool,
        /// Write this file instead of ci/baseline.json
        #[arg(long, value_name = "FILE")]
        baseline: Option<PathBuf>,
    },
    /// Show the baseline: counts, tolerances, what was accepted, waivers
    List {
        /// Only kernels that contain one of these
        filters: Vec<String>,
    },
}
