use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crucible_profiles::{Measurement, Place, Refusal, Result, Sources, hash_of_file};

/// What to run where there is no measurement, or none that can be trusted.
const MEASURE: &str = "cargo bench --bench instructions";

/// Also what tells the root of a project.
const POLICY: &str = "ci/regress.toml";

/// The project whose counts are held: the nearest folder from here upwards that has `ci/regress.toml`.
#[derive(Debug, Clone)]
pub struct Project {
    root: PathBuf,
    home: PathBuf,
    policy: PathBuf,
}

impl Project {
    /// The one around the current folder. Counts lie in `home`, or in `iai` beside the folder of this program: both are
    /// in cargo's target folder, wherever that is.
    pub fn around_here(home: Option<PathBuf>, policy: Option<PathBuf>) -> Result<Self> {
        let here =
            env::current_dir().map_err(|error| Refusal::new(format!("the current folder: {error}")))?;
        let root = here.ancestors().find(|folder| folder.join(POLICY).is_file()).ok_or_else(|| {
            Refusal::new(format!(
                "no `ci/regress.toml` in `{}` or above: run this within the project",
                here.display()
            ))
        })?;
        let home = match home {
            Some(home) => home,
            None => {
                let program =
                    env::current_exe().map_err(|error| Refusal::new(format!("this program: {error}")))?;
                program.ancestors().nth(2).unwrap_or(root).join("iai")
            }
        };
        let policy = policy.unwrap_or_else(|| root.join(POLICY));
        Ok(Self { root: root.to_owned(), home, policy })
    }

    /// The same project in another folder, with counts of its own.
    pub fn at(root: PathBuf, home: PathBuf) -> Self {
        let policy = root.join(POLICY);
        Self { root, home, policy }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The committed counts.
    pub fn baseline(&self) -> PathBuf {
        self.root.join("ci/baseline.json")
    }

    /// Tolerances, budgets and waivers.
    pub fn policy(&self) -> PathBuf {
        self.policy.clone()
    }

    /// A file as people know it: from the root, if it is in the project.
    pub fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }

    /// Cargo's target folder.
    pub fn target(&self) -> PathBuf {
        self.home.parent().unwrap_or(&self.home).to_owned()
    }

    /// Where the bench leaves its counts.
    pub fn place(&self) -> Place {
        Place::below(&self.home)
    }

    /// The last measurement of this source by the program that is there now.
    pub fn measurement(&self) -> Result<Measurement> {
        let place = self.place();
        let measurement = Measurement::read(place.clone()).map_err(|error| {
            if error.is_absent() && !place.manifest().exists() {
                let path = place.manifest();
                Refusal::new(format!(
                    "nothing was measured, or it was not finished: no `{}`; run {MEASURE}",
                    path.display()
                ))
            } else {
                Refusal::new(format!("{error}; measure again: {MEASURE}"))
            }
        })?;
        self.refuse_stale(&measurement)?;
        Ok(measurement)
    }

    fn refuse_stale(&self, measurement: &Measurement) -> Result<()> {
        let sources = Sources::of(&self.root)?;
        let changed = measurement.manifest.sources.changed(&sources);
        if !changed.is_empty() {
            return Err(Refusal::new(format!(
                "the measurement is stale: since then {} changed; run {MEASURE}",
                named(&changed)
            )));
        }
        let program = &measurement.manifest.program;
        let hash = hash_of_file(&program.path)
            .map_err(|error| Refusal::new(format!("the measured program is gone: {error}; run {MEASURE}")))?;
        if hash != program.hash {
            return Err(Refusal::new(format!(
                "the measurement is stale: `{}` was built anew since, with other settings; run {MEASURE}",
                program.path.display()
            )));
        }
        Ok(())
    }

    /// What git says, without the newline at the end; `None` if it fails.
    pub fn git(&self, arguments: &[&str]) -> Option<String> {
        let output = Command::new("git")
            .arg("--no-optional-locks")
            .args(arguments)
            .current_dir(&self.root)
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .output()
            .ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }
}

fn named(files: &[&str]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<_> = files.iter().take(SHOWN).map(|file| format!("`{file}`")).collect();
    match files.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
