use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// What may move a count without a change of our source. Counts under different fingerprints cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// `rustc -V`.
    pub rustc: String,
    /// Target triple.
    pub target: String,
    /// Target features that the compiler may use; `target-cpu=native` shows here.
    pub target_features: String,
    /// RUSTFLAGS from wherever cargo took them; empty if none.
    pub rustflags: String,
    /// The cargo profile's settings, from the manifest and the environment.
    pub profile: String,
    /// Name and version of the C library, e.g. `glibc 2.36`.
    pub libc: String,
    /// Features of the processor by which libraries choose their loops at run time, as valgrind passes them on: those of
    /// glibc are masked, others are not.
    pub cpu_features: String,
    /// E.g. `valgrind-3.19.0`.
    pub valgrind: String,
    /// iai-callgrind's version, and how it starts valgrind: options and the pinned environment.
    pub instruments: String,
    /// Crates that Cargo.lock links into the counted program, with their versions: several if there are several.
    pub crates: BTreeMap<String, String>,
}

/// One part in which two fingerprints differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// E.g. `rustc`, `crate tokio`.
    pub part: String,
    /// Under which the baseline holds; `none` if there it did not exist.
    pub baseline: String,
    /// Of the present run; `none` if it does not exist any more.
    pub now: String,
}

impl Fingerprint {
    /// In what `now` differs; empty if counts can be compared.
    pub fn differences(&self, now: &Self) -> Vec<Difference> {
        let parts = [
            ("rustc", &self.rustc, &now.rustc),
            ("target", &self.target, &now.target),
            ("target features", &self.target_features, &now.target_features),
            ("RUSTFLAGS", &self.rustflags, &now.rustflags),
            ("profile", &self.profile, &now.profile),
            ("libc", &self.libc, &now.libc),
            ("CPU features", &self.cpu_features, &now.cpu_features),
            ("valgrind", &self.valgrind, &now.valgrind),
            ("instruments", &self.instruments, &now.instruments),
        ];
        let parts = parts.into_iter().map(|(part, baseline, now)| (part.to_owned(), baseline, now));
        let names: BTreeSet<_> = self.crates.keys().chain(now.crates.keys()).collect();
        let crates = names.into_iter().map(|name| {
            let of = |fingerprint: &'_ BTreeMap<String, String>| fingerprint.get(name).cloned();
            (format!("crate {name}"), of(&self.crates), of(&now.crates))
        });
        let parts = parts.map(|(part, baseline, now)| (part, Some(baseline.clone()), Some(now.clone())));
        let differing = parts.chain(crates).filter(|(_, baseline, now)| baseline != now);
        let told = |version: Option<String>| {
            version.filter(|version| !version.is_empty()).unwrap_or_else(|| "none".to_owned())
        };
        differing
            .map(|(part, baseline, now)| Difference { part, baseline: told(baseline), now: told(now) })
            .collect()
    }

    /// The crates that `root` of a Cargo.lock depends on, directly or not, without `left_out` and what only these
    /// need. Cargo.lock does not tell features and targets apart: some crates of other platforms are among them.
    ///
    /// # Errors
    /// If the text does not name `root`.
    pub fn crates_of(lock: &str, root: &str, left_out: &[&str]) -> Result<BTreeMap<String, String>, String> {
        let packages = packages(lock);
        if !packages.iter().any(|package| package.name == root) {
            return Err(format!("Cargo.lock knows no package `{root}`"));
        }
        let (mut reached, mut ahead) = (BTreeSet::new(), vec![root]);
        while let Some(dependency) = ahead.pop() {
            // `name`, or `name version` where there are several.
            let (name, version) =
                dependency.split_once(' ').map_or((dependency, None), |(n, v)| (n, Some(v)));
            let wanted = |package: &&Package<'_>| {
                package.name == name && version.is_none_or(|version| package.version == version)
            };
            for package in packages.iter().filter(wanted) {
                if !left_out.contains(&name) && reached.insert((package.name, package.version)) {
                    ahead.extend(&package.dependencies);
                }
            }
        }
        let mut crates = BTreeMap::<String, String>::new();
        for (name, version) in reached {
            let versions = crates.entry(name.to_owned()).or_default();
            *versions =
                if versions.is_empty() { version.to_owned() } else { format!("{versions}, {version}") };
        }
        Ok(crates)
    }
}

#[derive(Default)]
struct Package<'a> {
    name: &'a str,
    version: &'a str,
    dependencies: Vec<&'a str>,
}

/// Cargo writes its lock file one value a line, and has done so since its first version.
fn packages(lock: &str) -> Vec<Package<'_>> {
    let mut packages = Vec::new();
    for line in lock.lines() {
        if line == "[[package]]" {
            packages.push(Package::default());
        }
        let Some(package) = packages.last_mut() else { continue };
        let quoted = line.split('"').nth(1).unwrap_or_default();
        if line.starts_with("name = ") {
            package.name = quoted;
        } else if line.starts_with("version = ") {
            package.version = quoted;
        } else if line.starts_with(" \"") {
            package.dependencies.push(quoted);
        }
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
version = 4

[[package]]
name = "suite"
version = "0.1.0"
dependencies = [
 "bytes",
 "runner",
 "syn 2.0.1",
]

[[package]]
name = "bytes"
version = "1.12.2"
source = "registry+https://example.org"

[[package]]
name = "runner"
version = "0.16.1"
dependencies = [
 "regex",
]

[[package]]
name = "regex"
version = "1.0.0"

[[package]]
name = "syn"
version = "1.0.9"

[[package]]
name = "syn"
version = "2.0.1"
dependencies = [
 "bytes",
 "suite",
]

[[package]]
name = "another-tool"
version = "0.1.0"
"#;

    #[test]
    fn only_crates_that_are_linked_count() {
        let crates = Fingerprint::crates_of(LOCK, "suite", &["runner"]).expect("it is there");
        let expected = [("bytes", "1.12.2"), ("suite", "0.1.0"), ("syn", "2.0.1")];
        assert_eq!(crates, expected.map(|(n, v)| (n.to_owned(), v.to_owned())).into());
        assert!(Fingerprint::crates_of(LOCK, "tool", &[]).expect_err("no such package").contains("`tool`"));
    }

    #[test]
    fn differences_name_the_part() {
        let fingerprint = |rustc: &str, crates: &[(&str, &str)]| Fingerprint {
            rustc: rustc.to_owned(),
            target: String::new(),
            target_features: String::new(),
            rustflags: String::new(),
            profile: String::new(),
            libc: "glibc 2.36".to_owned(),
            cpu_features: String::new(),
            valgrind: String::new(),
            instruments: String::new(),
            crates: crates.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect(),
        };
        let old = fingerprint("rustc 1.95.0", &[("bytes", "1.0.0"), ("tokio", "1.54.1")]);
        let new = fingerprint("rustc 1.96.0", &[("mio", "1.0.0"), ("tokio", "1.55.0")]);
        assert!(old.differences(&old).is_empty());
        let told: Vec<_> = old
            .differences(&new)
            .into_iter()
            .map(|d| format!("{}: {} -> {}", d.part, d.baseline, d.now))
            .collect();
        let expected = [
            "rustc: rustc 1.95.0 -> rustc 1.96.0",
            "crate bytes: 1.0.0 -> none",
            "crate mio: none -> 1.0.0",
            "crate tokio: 1.54.1 -> 1.55.0",
        ];
        assert_eq!(told, expected);
    }
}
