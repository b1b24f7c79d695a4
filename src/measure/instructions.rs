//! Exact counts by callgrind, as iai-callgrind's summaries have them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What glibc finds out about the CPU decides which copy and search loops run, and so the counts: a machine
/// with AVX2 or ERMS would count differently from one without. Masked, and with the sizes fixed that it takes from the
/// caches, all run the SSE2 ones that every x86-64 has. Elsewhere the names mean nothing and are ignored.
pub const GLIBC_TUNABLES: &str = "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-AVX_Fast_Unaligned_Load,\
-ERMS,-FSRM,-RTM,-MOVBE,-BMI1,-BMI2,-LZCNT,-SSSE3,-SSE4_1,-SSE4_2\
:glibc.cpu.x86_data_cache_size=0x8000:glibc.cpu.x86_shared_cache_size=0x100000\
:glibc.cpu.x86_non_temporal_threshold=0xc0000:glibc.cpu.x86_rep_movsb_threshold=0x800";

/// What one run of a kernel costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Instructions executed: callgrind's `Ir`.
    pub instructions: u64,
    /// Atomic read-modify-writes, which cost far more time than other instructions: callgrind's `Ge`.
    pub bus_events: u64,
}

/// Where iai-callgrind leaves a summary for each benchmark of a group.
pub struct Summaries {
    group: PathBuf,
}

/// No counts for a benchmark.
#[derive(Debug, thiserror::Error)]
pub enum SummaryError {
    /// It was not written, or an old one is in the way.
    #[error("`{}`: {source}", path.display())]
    File {
        /// The summary.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Written, but not as the version of iai-callgrind writes it for which this was made.
    #[error("`{}`: {what}", path.display())]
    Content {
        /// The summary.
        path: PathBuf,
        /// What is missing or wrong.
        what: String,
    },
}

/// The version of the summary's schema: iai-callgrind 0.16.
const SCHEMA: &str = "6";

impl Summaries {
    /// Those below iai-callgrind's `home`, of this package's bench `target` and its `group`.
    pub fn new(home: &Path, target: &str, group: &str) -> Self {
        // The runner takes the package's name from the environment, which cargo sets, too.
        let package = std::env::var_os("CARGO_PKG_NAME").unwrap_or_default();
        Self { group: home.join(package).join(target).join(group) }
    }

    /// Sees to it that nothing of an earlier run can pass for a figure of the next one.
    ///
    /// A finished run leaves a summary: only that goes, and iai-callgrind compares with the rest. A run that failed or
    /// was interrupted leaves none, but unfinished files that iai-callgrind would add to the next counts: all goes.
    ///
    /// # Errors
    /// If it exists and cannot be removed.
    pub fn forget(&self, benchmark: &str) -> Result<(), SummaryError> {
        let summary = self.path(benchmark);
        let folder = self.group.join(benchmark);
        let (path, removed) = match fs::remove_file(&summary) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => (&folder, fs::remove_dir_all(&folder)),
            result => (&summary, result),
        };
        match removed {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(SummaryError::File { path: path.clone(), source })
            }
            _ => Ok(()),
        }
    }

    /// The counts of one benchmark.
    ///
    /// # Errors
    /// If there is no summary, or none of the known schema.
    pub fn read(&self, benchmark: &str) -> Result<Counts, SummaryError> {
        let path = self.path(benchmark);
        match fs::read(&path) {
            Ok(bytes) => counts(&bytes).map_err(|what| SummaryError::Content { path, what }),
            Err(source) => Err(SummaryError::File { path, source }),
        }
    }

    fn path(&self, benchmark: &str) -> PathBuf {
        self.group.join(benchmark).join("summary.json")
    }
}

fn counts(summary: &[u8]) -> Result<Counts, String> {
    let summary: Value = serde_json::from_slice(summary).map_err(|error| error.to_string())?;
    let version = &summary["version"];
    if version != SCHEMA {
        return Err(format!("version is {version}, not \"{SCHEMA}\""));
    }
    let profiles = summary["profiles"].as_array().ok_or("no profiles")?;
    let callgrind = profiles.iter().find(|profile| profile["tool"] == "Callgrind");
    let summaries = &callgrind.ok_or("no profile by callgrind")?["summaries"];
    let parts = summaries["parts"].as_array().ok_or("no parts")?;
    let new = parts.iter().filter(|part| part["details"].get("Right").is_none()).count();
    if new != 1 {
        return Err(format!("counts of {new} processes or threads, not of one"));
    }
    let total = &summaries["total"]["summary"]["Callgrind"];
    Ok(Counts { instructions: count(total, "Ir")?, bus_events: count(total, "Ge")? })
}

/// `Left` is the new run alone, `Both` a pair of the new and the one before, `Right` the one before alone.
fn count(total: &Value, kind: &str) -> Result<u64, String> {
    let metrics = &total[kind]["metrics"];
    let new = metrics.get("Left").or_else(|| metrics.get("Both")?.get(0));
    new.and_then(|new| new["Int"].as_u64()).ok_or_else(|| format!("no count of {kind}"))
}

/// Which valgrind there is, e.g. `valgrind-3.19.0`; `None` if there is none.
pub fn valgrind_version() -> Option<String> {
    let output = Command::new("valgrind").arg("--version").output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !version.is_empty()).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(version: &str, metrics: &str) -> String {
        format!(
            r#"{{"version":"{version}","profiles":[{{"tool":"DHAT"}},{{"tool":"Callgrind","summaries":{{"parts":[{{"details":{{"Left":{{}}}}}}],
               "total":{{"summary":{{"Callgrind":{metrics}}},"regressions":[]}}}}}}]}}"#
        )
    }

    #[test]
    fn the_new_counts_are_read_with_and_without_an_earlier_run() {
        let both = r#"{"Ir":{"diffs":{},"metrics":{"Both":[{"Int":7},{"Int":9}]}},"Ge":{"metrics":{"Left":{"Int":2}}}}"#;
        let both = summary(SCHEMA, both).replace("\"parts\":[", "\"parts\":[{\"details\":{\"Right\":{}}},");
        let read = counts(both.as_bytes()).expect("both counts are there");
        assert_eq!((read.instructions, read.bus_events), (7, 2));
    }

    #[test]
    fn what_is_missing_is_named_never_zero() {
        let alone = r#"{"Ir":{"metrics":{"Left":{"Int":7}}}}"#;
        let old = r#"{"Ir":{"metrics":{"Right":{"Int":7}}},"Ge":{"metrics":{"Left":{"Int":2}}}}"#;
        for (text, what) in [
            (summary(SCHEMA, alone), "no count of Ge"),
            (summary(SCHEMA, old), "no count of Ir"),
            (
                summary(SCHEMA, alone).replace("\"parts\":[", "\"parts\":[{\"details\":{\"Both\":[]}},"),
                "counts of 2 processes",
            ),
            (summary("7", alone), "version is \"7\""),
            (format!(r#"{{"version":"{SCHEMA}","profiles":[]}}"#), "no profile by callgrind"),
            (String::new(), "EOF"),
        ] {
            let refusal = counts(text.as_bytes()).expect_err(&text);
            assert!(refusal.contains(what), "{refusal}");
        }
    }

    #[test]
    fn nothing_of_an_earlier_run_passes_for_the_next_one() {
        let home = tempfile::tempdir().expect("a folder for temporary files");
        let summaries = Summaries::new(home.path(), "instructions", "kernels");
        let (summary_path, folder) = (summaries.path("decode"), summaries.group.join("decode"));
        let text = r#"{"Ir":{"metrics":{"Left":{"Int":7}}},"Ge":{"metrics":{"Left":{"Int":2}}}}"#;
        fs::create_dir_all(&folder).expect("writable");
        fs::write(&summary_path, summary(SCHEMA, text)).expect("writable");
        fs::write(folder.join("callgrind.decode.out"), "").expect("writable");
        assert!(summaries.read("decode").is_ok());

        summaries.forget("decode").expect("removed");
        let refusal = summaries.read("decode").expect_err("gone").to_string();
        assert!(refusal.contains("decode/summary.json"), "{refusal}");
        assert!(folder.join("callgrind.decode.out").exists(), "to be compared with");

        summaries.forget("decode").expect("removed");
        assert!(!folder.exists(), "without a summary the files are those of a run that failed");
        summaries.forget("decode").expect("nothing to remove is no error");
    }
}
