use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use glob::Pattern;
use jiff::SignedDuration;

/// Records a trace: what happens, and when, in a file that the bench targets replay with --trace.
///
/// It ends with Ctrl-C, after --for or --limit, or where its input ends; what was recorded until then is kept. A trace holds
/// neither the contents of files nor paths outside the folder.
#[derive(Debug, Parser)]
#[command(name = "cargo record", bin_name = "cargo record", after_help = AFTER)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct Arguments {
    /// Record what changes in this folder and all below it: files and folders created, modified, deleted, moved
    #[arg(long, value_name = "DIR", group = "what")]
    pub watch: Option<PathBuf>,
    /// Record the lines of this file, or of standard input if it is `-`, each a JSON object
    #[arg(long, value_name = "FILE", group = "what")]
    pub jsonl: Option<PathBuf>,
    /// Tell what is in a trace, and check it
    #[arg(long, value_name = "TRACE", group = "what", conflicts_with_all = ["out", "time_limit", "limit", "note"])]
    pub info: Option<PathBuf>,
    /// Where to write the trace; never over a file that is there [default: trace_YYYYMMDD_HHMMSS.jsonl]
    #[arg(short, long, value_name = "TRACE")]
    pub out: Option<PathBuf>,
    /// End after this time, such as 60s or 5m
    #[arg(id = "time_limit", long = "for", value_name = "TIME", value_parser = duration)]
    pub time_limit: Option<Duration>,
    /// End after so many events
    #[arg(long, value_name = "N")]
    pub limit: Option<NonZeroU64>,
    /// Leave out what this pattern matches, and all below it: a name or a path in the folder, such as .git, *.tmp or
    /// build/**/cache; may be given more than once
    #[arg(long, value_name = "PATTERN", conflicts_with_all = ["jsonl", "info"], value_parser = pattern)]
    pub ignore: Vec<Pattern>,
    /// The member of each line that says when it happened [default: timestamp, if the first line has one; else lines are timed
    /// as they arrive]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["watch", "info"])]
    pub time: Option<String>,
    /// What goes on, in words, for whoever reads the trace's header
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

const AFTER: &str = "\
Lines of JSON: `kind`, `source` and `priority` of an object become the event's (else external.webhook, api-gateway and
normal), `payload` its payload (else the whole object). Moments are RFC 3339, or Unix time in s, ms, µs or ns.

Exit status:
  0  recorded, also when Ctrl-C ended it
  1  could not record to the end, or not read a trace; what was recorded is kept
  2  wrong usage";

fn duration(text: &str) -> Result<Duration, String> {
    let duration = text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
    duration
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "a time is such as 60s, 5m or 1h 30m".to_owned())
}

fn pattern(text: &str) -> Result<Pattern, String> {
    match Pattern::new(text.trim_end_matches('/')) {
        Ok(pattern) if !pattern.as_str().is_empty() => Ok(pattern),
        Ok(_) => Err("an empty pattern matches nothing".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
