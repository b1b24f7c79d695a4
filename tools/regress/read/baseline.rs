use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use crucible_profiles::{Counts, Fingerprint, Metric, Refusal, Result};
use serde::{Deserialize, Serialize};

use super::KernelCosts;

/// The committed counts: `ci/baseline.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    schema: Schema,
    /// Under which they hold.
    pub fingerprint: Fingerprint,
    /// When that changed, and why; since then counts began anew.
    #[serde(default)]
    pub rebased: Vec<Rebased>,
    /// By name.
    pub kernels: BTreeMap<String, Kernel>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Schema {
    #[serde(rename = "crucible-baseline/1")]
    One,
}

/// What one kernel costs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// Of one run.
    pub counts: Counts,
    /// Changes that somebody accepted, oldest first.
    #[serde(default)]
    pub accepted: Vec<Accepted>,
    /// Where the counts come from.
    #[serde(flatten)]
    pub costs: KernelCosts,
}

/// A change that somebody accepted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// The day, UTC.
    pub date: String,
    /// The commit on which the change was built; the change itself is in the next one.
    pub commit: String,
    /// In somebody's words.
    pub reason: String,
    /// Counts before and after; empty for a new kernel.
    pub changes: BTreeMap<Metric, [u64; 2]>,
}

/// A change of circumstances after which all counts were taken anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rebased {
    /// The day, UTC.
    pub date: String,
    /// The commit on which it was built.
    pub commit: String,
    /// In somebody's words.
    pub reason: String,
    /// The parts of the fingerprint that changed.
    pub parts: Vec<String>,
}

impl Baseline {
    /// Without kernels.
    pub fn new(fingerprint: Fingerprint) -> Self {
        Self { schema: Schema::One, fingerprint, rebased: Vec::new(), kernels: BTreeMap::new() }
    }

    /// Reads it; `None` if there is none.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        match fs::read(path) {
            Ok(bytes) => Self::parse(&bytes).map(Some).map_err(|what| {
                Refusal::new(format!("`{}`: {what}; take it from git again", path.display()))
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Refusal::file(path, &error)),
        }
    }

    /// From the content of its file.
    pub fn parse(bytes: &[u8]) -> std::result::Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| format!("no baseline: {error}"))
    }

    /// Writes it whole or not at all.
    pub fn write(&self, path: &Path) -> Result<()> {
        let failed = |error| Refusal::new(format!("`{}` was left as it was: {error}", path.display()));
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".unfinished-");
        // Temporary files are private to their owner, this one is not; the umask still applies.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder).map_err(failed)?;
        file.write_all(self.to_text().as_bytes()).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(path).map(drop).map_err(|error| failed(error.error))
    }

    /// JSON for reviews: sorted, a block a kernel, a line for each thing that can change.
    fn to_text(&self) -> String {
        let mut text = String::from("{\n");
        let mut put = |line: String| text.push_str(&line);
        put(format!(" \"schema\": {},\n", json(&self.schema)));
        let fingerprint = serde_json::to_string_pretty(&self.fingerprint).unwrap_or_default();
        put(format!(" \"fingerprint\": {},\n", fingerprint.replace('\n', "\n ")));
        put(format!(" \"rebased\": {},\n", list(&self.rebased)));
        put(" \"kernels\": {".to_owned());
        for (number, (name, kernel)) in self.kernels.iter().enumerate() {
            let separator = if number > 0 { "," } else { "" };
            put(format!("{separator}\n  {}: {}", json(name), block(kernel)));
        }
        text.push_str("\n }\n}\n");
        text
    }
}

fn block(kernel: &Kernel) -> String {
    let mut text = String::from("{\n");
    let mut put = |key: &str, value: String, last: bool| {
        let separator = if last { "" } else { "," };
        writeln!(text, "   \"{key}\": {value}{separator}").expect("a string takes all");
    };
    put("counts", map(&kernel.counts), false);
    put("accepted", list(&kernel.accepted), false);
    put("functions", map(&kernel.costs.functions), false);
    put("allocations", map(&kernel.costs.allocations), true);
    text.push_str("  }");
    text
}

fn map<K: Serialize, V: Serialize>(entries: &BTreeMap<K, V>) -> String {
    let lines = entries.iter().map(|(key, value)| {
        // A metric as a key is a string, too.
        format!("{}: {}", json(key), json(value))
    });
    enclosed('{', lines, '}')
}

fn list<T: Serialize>(entries: &[T]) -> String {
    enclosed('[', entries.iter().map(json), ']')
}

fn enclosed(open: char, lines: impl Iterator<Item = String>, close: char) -> String {
    let lines: Vec<_> = lines.map(|line| format!("\n    {line}")).collect();
    if lines.is_empty() { format!("{open}{close}") } else { format!("{open}{}\n   {close}", lines.join(",")) }
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data with strings for keys has a form in JSON")
}
