//! Which source was measured, asked of git.

use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::NotMeasured;

/// A commit, and whether the files differed from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Full hash.
    pub commit: String,
    /// Whether anything was changed or added since, other than ignored files.
    pub dirty: bool,
}

impl Source {
    /// Of the folder from which this crate was built, as it is now. Without git, or outside a repository (an unpacked
    /// archive), it says so.
    pub fn of_this_crate() -> Result<Self, NotMeasured> {
        Self::of(Path::new(env!("CARGO_MANIFEST_DIR")))
    }

    fn of(folder: &Path) -> Result<Self, NotMeasured> {
        let commit = git(folder, &["rev-parse", "--verify", "HEAD"])?;
        let changes = git(folder, &["status", "--porcelain"])?;
        Ok(Self { commit, dirty: !changes.is_empty() })
    }
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String, NotMeasured> {
    let absent = |why: String| NotMeasured::new("commit", format_args!("git {}: {why}", arguments[0]));
    if !folder.is_dir() {
        return Err(absent("the folder that it was built from is gone".to_owned()));
    }
    // A hook or an editor may point these to another repository; the index is left untouched while others use it.
    let output = Command::new("git")
        .arg("--no-optional-locks")
        .args(arguments)
        .current_dir(folder)
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .output()
        .map_err(|e| absent(e.to_string()))?;
    if !output.status.success() {
        return Err(absent(complaint(&String::from_utf8_lossy(&output.stderr))));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Git's first line, unless it names a folder: results are published.
fn complaint(stderr: &str) -> String {
    let first = stderr.lines().next().unwrap_or_default().trim();
    if first.contains("dubious ownership") {
        return "the repository belongs to somebody else (git's safe.directory)".to_owned();
    }
    if first.is_empty() || first.contains('\'') { "it failed".to_owned() } else { first.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn repository() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("kept"), "1").expect("writable");
        for arguments in [
            &["init", "-q"][..],
            &["add", "kept"],
            &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--no-gpg-sign", "-m", "a"],
        ] {
            git(folder.path(), arguments).expect("git makes a repository");
        }
        folder
    }

    #[test]
    fn a_commit_is_clean_until_a_file_changes() {
        let folder = repository();
        let clean = Source::of(folder.path()).expect("a repository with a commit");
        assert!(clean.commit.len() >= 40 && clean.commit.chars().all(|c| c.is_ascii_hexdigit()));
        assert!(!clean.dirty);
        fs::write(folder.path().join("kept"), "2").expect("writable");
        assert_eq!(Source::of(folder.path()), Ok(Source { dirty: true, ..clean }));
    }

    #[test]
    fn an_added_file_makes_it_dirty() {
        let folder = repository();
        fs::write(folder.path().join("added"), "1").expect("writable");
        assert!(Source::of(folder.path()).expect("a repository with a commit").dirty);
    }

    #[test]
    fn outside_a_repository_there_is_a_reason_without_a_path() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let missing = Source::of(folder.path()).expect_err("no repository");
        assert!(missing.why.starts_with("git rev-parse: "), "{missing}");
        assert!(!missing.why.contains(&*folder.path().to_string_lossy()), "{missing}");
        let gone = Source::of(&folder.path().join("gone")).expect_err("no folder");
        assert!(gone.why.ends_with("is gone"), "{gone}");
    }
}
