use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Makes the report on a run from its stored results: comprehensive_report_YYYYMMDD_HHMMSS.md, .html and .json.
///
/// Without arguments it takes the latest file of each bench target. Measure first: benches/run_performance_tests.sh quick
#[derive(Parser)]
#[command(name = "cargo perf-report", bin_name = "cargo perf-report", after_help = EXIT_CODES, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub verb: Option<Verb>,
    #[command(flatten)]
    pub make: Make,
}

const EXIT_CODES: &str = "\
Exit status:
  0  made, or told
  1  could not be made: no results, a file that cannot be used, a folder that cannot be written to
  2  wrong usage";

#[derive(Args)]
pub struct Make {
    /// Files of results, one of each bench target at most
    #[arg(value_name = "FILE", conflicts_with = "run")]
    pub files: Vec<PathBuf>,
    /// The run that began at this moment, such as 20261123_221340: of each target the first file from then on
    #[arg(long, value_name = "STAMP")]
    pub run: Option<String>,
    /// Where results are looked for
    #[arg(long, value_name = "DIR", default_value = "benchmark_results")]
    pub results: PathBuf,
    /// Where the report is written; by default where the results are looked for
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[derive(Subcommand)]
pub enum Verb {
    /// Tell which figures changed from one run to another
    Diff {
        /// A stamp such as 20261123_221340, a folder of results (its latest run), or a file
        old: String,
        /// Likewise
        new: String,
        /// Show also the figures that did not change
        #[arg(long)]
        all: bool,
        /// Where stamps are looked for
        #[arg(long, value_name = "DIR", default_value = "benchmark_results")]
        results: PathBuf,
    },
}
