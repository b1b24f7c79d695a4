use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Refusal, Result};

/// Another revision of a project, checked out beside it; removed again when this value is dropped.
pub struct WorkTree {
    root: PathBuf,
    of: PathBuf,
    /// The full hash of the revision.
    pub commit: String,
}

/// Which versions of other crates are part of a revision; cargo adds what this harness needs besides.
const LOCK: &str = "Cargo.lock";

/// What is measured, as opposed to what measures.
const SYSTEMS: &str = "src/systems";

impl WorkTree {
    /// Checks `revision` of the project in the folder `of` out into `folder`, which may hold what an interrupted run left.
    pub fn add(of: &Path, revision: &str, folder: &Path) -> Result<Self> {
        let mut tree = Self { root: folder.to_owned(), of: of.to_owned(), commit: String::new() };
        let named = format!("{revision}^{{commit}}");
        let commit = tree.git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &named]);
        let unknown = |_| {
            Refusal::new(format!(
                "git knows no revision `{revision}` here; in a shallow clone, fetch it: git fetch --unshallow"
            ))
        };
        tree.commit = commit.map_err(unknown)?.trim_end().to_owned();
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

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Takes all but the systems, and the versions of the crates that they are built with, from the project as it is now,
    /// with what is not committed.
    pub fn take_this_harness(&self) -> Result<()> {
        let root = &self.root;
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
            let (from, to) = (self.of.join(file), root.join(file));
            // A file that was deleted but not committed as such is still listed.
            if from.exists() {
                copy(&from, &to)?;
            }
        }
        Ok(())
    }

    /// The other revision as it is.
    pub fn take_own_harness(&self) -> Result<()> {
        let root = self.root.to_string_lossy().into_owned();
        self.git(&["-C", &root, "reset", "--quiet", "--hard", &self.commit])?;
        self.git(&["-C", &root, "clean", "--quiet", "-d", "--force"]).map(drop)
    }

    fn git(&self, arguments: &[&str]) -> Result<String> {
        let failed = |why: String| Refusal::new(format!("git {}: {why}", arguments[0]));
        let output = Command::new("git")
            .args(arguments)
            .current_dir(&self.of)
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
        let _ = fs::remove_dir_all(&self.root);
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
