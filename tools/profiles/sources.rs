use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_128;

use crate::ProfileError;

/// What the counted program is built from: the hash of each file, by its path from the root of the project.
///
/// Content, not time: a checkout touches files without changing them. A changed comment counts as a change: it moves
/// lines, and to tell whether it moves more takes a compiler.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sources(BTreeMap<String, String>);

/// Folders as a whole, and single files that need not exist. The tests of a crate are not part of the program.
const FOLDERS: [&str; 3] = ["src", "tools/profiles", "tools/tables"];
const FILES: [&str; 6] = [
    ".cargo/config.toml",
    "Cargo.lock",
    "Cargo.toml",
    "benches/instructions.rs",
    "build.rs",
    "rust-toolchain.toml",
];

impl Sources {
    /// Of the project at `root`, as they are now.
    ///
    /// # Errors
    /// If a file or folder cannot be read.
    pub fn of(root: &Path) -> Result<Self, ProfileError> {
        let mut sources = Self::default();
        for folder in FOLDERS {
            sources.add_folder(root, folder)?;
        }
        for file in FILES {
            if root.join(file).exists() {
                sources.add(root, file)?;
            }
        }
        Ok(sources)
    }

    /// The folders and files that are looked at.
    pub fn watched() -> impl Iterator<Item = &'static str> {
        FOLDERS.into_iter().chain(FILES)
    }

    /// One hash for all of them, in hexadecimal.
    pub fn digest(&self) -> String {
        let mut hasher = XxHash3_128::new();
        for (path, hash) in &self.0 {
            hasher.write(format!("{path}\0{hash}\n").as_bytes());
        }
        format!("{:032x}", hasher.finish_128())
    }

    /// The files that `now` has otherwise, more or less of.
    pub fn changed<'a>(&'a self, now: &'a Self) -> Vec<&'a str> {
        let gone = self.0.keys().filter(|path| !now.0.contains_key(*path));
        let other = now.0.iter().filter(|&(path, hash)| self.0.get(path) != Some(hash)).map(|(path, _)| path);
        let mut changed: Vec<_> = gone.chain(other).map(String::as_str).collect();
        changed.sort_unstable();
        changed
    }

    fn add_folder(&mut self, root: &Path, folder: &str) -> Result<(), ProfileError> {
        let path = root.join(folder);
        let failed = |source| ProfileError::file(&path, source);
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // What fuzzing leaves, and what editors hide.
            if name.starts_with('.') || name == "target" || name == "corpus" || name == "artifacts" {
                continue;
            }
            let below = format!("{folder}/{name}");
            if entry.file_type().map_err(failed)?.is_dir() {
                self.add_folder(root, &below)?;
            } else {
                self.add(root, &below)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, root: &Path, file: &str) -> Result<(), ProfileError> {
        let hash = hash_of_file(&root.join(file))?;
        self.0.insert(file.to_owned(), hash);
        Ok(())
    }
}

/// XXH3 (128 bits) of a file's content, in hexadecimal: told apart from others, not sealed.
///
/// # Errors
/// If it cannot be read.
pub fn hash_of_file(path: &Path) -> Result<String, ProfileError> {
    let hash = || -> io::Result<u128> {
        let mut file = File::open(path)?;
        let mut hasher = XxHash3_128::new();
        let mut buffer = vec![0; 1 << 18];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hasher.finish_128()),
                count => hasher.write(&buffer[..count]),
            }
        }
    };
    hash().map(|hash| format!("{hash:032x}")).map_err(|source| ProfileError::file(path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary folder");
        for folder in FOLDERS {
            fs::create_dir_all(root.path().join(folder).join("deep")).expect("writable");
        }
        for file in ["Cargo.toml", "src/lib.rs", "src/deep/a.rs", "tools/profiles/lib.rs", "README.md"] {
            fs::write(root.path().join(file), file).expect("writable");
        }
        root
    }

    #[test]
    fn what_changed_is_named_and_time_does_not_count() {
        let root = project();
        let path = |file| root.path().join(file);
        let before = Sources::of(root.path()).expect("readable");
        fs::write(path("src/lib.rs"), "src/lib.rs").expect("the same again");
        fs::write(path("README.md"), "not a source").expect("writable");
        let same = Sources::of(root.path()).expect("readable");
        assert!(before.changed(&same).is_empty() && before.digest() == same.digest());

        fs::write(path("src/deep/a.rs"), "other").expect("writable");
        fs::write(path("src/deep/b.rs"), "new").expect("writable");
        fs::remove_file(path("Cargo.toml")).expect("removed");
        let after = Sources::of(root.path()).expect("readable");
        assert_ne!(before.digest(), after.digest());
        assert_eq!(before.changed(&after), ["Cargo.toml", "src/deep/a.rs", "src/deep/b.rs"]);
    }

    #[test]
    fn a_project_without_sources_is_an_error() {
        let root = tempfile::tempdir().expect("a temporary folder");
        assert!(Sources::of(root.path()).expect_err("no src").is_absent());
    }
}
