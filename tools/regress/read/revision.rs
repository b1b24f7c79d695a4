use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Project;
use crucible_profiles::{Refusal, Result};

/// Another revision, checked out beside this one; removed again when this value is dropped.
pub struct WorkTree {
    project: Project,
    of: Project,
    /// The full hash of the revision.
    pub commit: String,
}

/// Which bench counts the systems of the other revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harness {
    /// That of this revision, kernels and all, around the other revision's systems: what differs is the systems.
    This,
    /// That of the other revision: what differs may also be how it is counted.
    Own,
}

/// Which versions of other crates are part of a revision; cargo adds what this harness needs besides.
const LOCK: &str = "Cargo.lock";

/// What is measured, as opposed to what measures.
const SYSTEMS: &str = "src/systems";

impl WorkTree {
    /// Checks `revision` out into `folder`, which may hold what an interrupted run left. Counts will lie in `home`.
    pub fn add(of: &Project, revision: &str, folder: &Path, home: PathBuf) -> Result<Self> {
        let named = format!("{revision}^{{commit}}");
        let commit = of.git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &named]).ok_or_else(|| {
            Refusal::new(format!(
                "git knows no revision `{revision}` here; in a shallow clone, fetch it: git fetch --unshallow"
            ))
        })?;
        let tree = Self { project: Project::at(folder.to_owned(), home), of: of.clone(), commit };
        tree.remove();
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent).map_err(|error| Refusal::file(parent, &error))?;
        }
        tree.git(&[
            "worktree",
            "add",
            "--quiet",
            "--force",
            "--detach",
            &folder.to_string_lossy(),
            &tree.commit,
        ])?;
        Ok(tree)
    }

    /// The project in it.
    pub const fn project(&self) -> &Project {
        &self.project
    }

    /// Takes all but the systems, and the versions of the crates that they are built with, from the project as it is now,
    /// with what is not committed.
    pub fn take_this_harness(&self) -> Result<()> {
        let root = self.project.root();
        for entry in entries(root)? {
            if ![".git", "src", LOCK].map(|kept| root.join(kept)).contains(&entry) {
                remove(&entry)?;
            }
        }
        for entry in entries(&root.join("src"))? {
            if entry != root.join(SYSTEMS) {
                remove(&entry)?;
            }
        }
        let files = self.git(&["ls-files", "-z", "--cached", "--others", "--exclude-standard"])?;
        let ours = files
            .split('\0')
            .filter(|file| !file.is_empty() && *file != LOCK && !file.starts_with("src/systems/"));
        for file in ours {
            let (from, to) = (self.of.root().join(file), root.join(file));
            // A file that was deleted but not committed as such is still listed.
            if from.exists() {
                copy(&from, &to)?;
            }
        }
        Ok(())
    }

    /// The other revision as it is.
    pub fn take_own_harness(&self) -> Result<()> {
        let root = self.project.root().to_string_lossy().into_owned();
        self.git(&["-C", &root, "reset", "--quiet", "--hard", &self.commit])?;
        self.git(&["-C", &root, "clean", "--quiet", "-d", "--force"]).map(drop)
    }

    fn git(&self, arguments: &[&str]) -> Result<String> {
        let failed = |why: String| Refusal::new(format!("git {}: {why}", arguments[0]));
        let output = Command::new("git")
            .args(arguments)
            .current_dir(self.of.root())
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .output()
            .map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Whatever is there; that nothing is there is no failure.
    fn remove(&self) {
        let folder = self.project.root();
        let _ = fs::remove_dir_all(folder);
        let _ = self.git(&["worktree", "prune"]);
    }
}

impl Drop for WorkTree {
    fn drop(&mut self) {
        self.remove();
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| Refusal::file(folder, &error);
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry.map_err(failed)?.path())).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed(error)),
    }
}

fn remove(path: &Path) -> Result<()> {
    let removed =
        if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.map_err(|error| Refusal::file(path, &error))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(|error| Refusal::file(folder, &error))?;
    }
    fs::copy(from, to).map(drop).map_err(|error| Refusal::file(from, &error))
}
