use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::{Counts, Manifest, ProfileError, hash_of_file, read_summary};

/// Where a run of the bench target `instructions` leaves what it counted.
#[derive(Debug, Clone)]
pub struct Place {
    folder: PathBuf,
}

/// A whole run: the manifest, and the counts of each kernel that was measured.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// Which kernels of which program, and under which circumstances.
    pub manifest: Manifest,
    /// By kernel.
    pub counts: BTreeMap<String, Counts>,
    /// Where the files are.
    pub place: Place,
}

impl Place {
    /// Below iai-callgrind's home, `target/iai`.
    pub fn below(home: &Path) -> Self {
        Self { folder: home.join("crucible-perf").join("instructions") }
    }

    /// The manifest. It is removed before a run and written after it: without it nothing here is a measurement.
    pub fn manifest(&self) -> PathBuf {
        self.folder.join("manifest.json")
    }

    /// iai-callgrind's summary of the kernel with this id.
    pub fn summary(&self, id: &str) -> PathBuf {
        self.of(id).join("summary.json")
    }

    /// Its callgrind profile.
    pub fn callgrind(&self, id: &str) -> PathBuf {
        self.of(id).join(format!("callgrind.{id}.out"))
    }

    /// Its DHAT profile.
    pub fn dhat(&self, id: &str) -> PathBuf {
        self.of(id).join(format!("dhat.{id}.out"))
    }

    fn of(&self, id: &str) -> PathBuf {
        self.folder.join("kernels").join(id)
    }

    /// Sees to it that nothing of an earlier run can pass for a figure of the next one: the manifest goes.
    ///
    /// A finished run leaves a summary of the kernel with this id: only that goes, and iai-callgrind shows the
    /// difference to the rest. A run that failed or was interrupted leaves none, but unfinished files that
    /// iai-callgrind would add to the next counts: all goes.
    ///
    /// # Errors
    /// If something is there and cannot be removed.
    pub fn forget(&self, id: &str) -> Result<(), ProfileError> {
        let (manifest, summary, folder) = (self.manifest(), self.summary(id), self.of(id));
        gone(fs::remove_file(&manifest), &manifest)?;
        if summary.exists() {
            gone(fs::remove_file(&summary), &summary)
        } else {
            gone(fs::remove_dir_all(&folder), &folder)
        }
    }
}

fn gone(result: io::Result<()>, path: &Path) -> Result<(), ProfileError> {
    match result {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(ProfileError::file(path, source)),
        _ => Ok(()),
    }
}

impl Measurement {
    /// Reads the manifest and all summaries that it names.
    ///
    /// # Errors
    /// If one is missing, unreadable, or of another run than the manifest.
    pub fn read(place: Place) -> Result<Self, ProfileError> {
        let manifest = Manifest::read(&place.manifest())?;
        let mut counts = BTreeMap::new();
        for kernel in &manifest.measured {
            let path = place.summary(&kernel.id);
            let count = read_summary(&path)?;
            if hash_of_file(&path)? != kernel.summary_hash {
                return Err(ProfileError::content(
                    &path,
                    "it is not that of the run that the manifest tells of",
                ));
            }
            counts.insert(kernel.name.clone(), count);
        }
        Ok(Self { manifest, counts, place })
    }

    /// What a revision left that wrote no manifest yet: of the kernels of `like`, those that have a summary.
    ///
    /// # Errors
    /// If a summary cannot be used.
    pub fn without_manifest(place: Place, like: &Self) -> Result<Self, ProfileError> {
        let mut manifest = like.manifest.clone();
        manifest.measured.retain(|kernel| place.summary(&kernel.id).exists());
        let mut counts = BTreeMap::new();
        for kernel in &manifest.measured {
            counts.insert(kernel.name.clone(), read_summary(&place.summary(&kernel.id))?);
        }
        Ok(Self { manifest, counts, place })
    }

    /// The id of a kernel that was measured: the name of its folder.
    pub fn id_of(&self, kernel: &str) -> Option<&str> {
        self.manifest
            .measured
            .iter()
            .find(|measured| measured.name == kernel)
            .map(|measured| &measured.id[..])
    }

    /// Listed, but left out of this run.
    pub fn not_measured(&self) -> Vec<&str> {
        let listed = self.manifest.listed.iter().map(String::as_str);
        listed.filter(|name| !self.counts.contains_key(*name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_an_earlier_run_passes_for_the_next_one() {
        let home = tempfile::tempdir().expect("a folder for temporary files");
        let place = Place::below(home.path());
        fs::create_dir_all(place.of("decode")).expect("writable");
        for path in [place.summary("decode"), place.callgrind("decode"), place.manifest()] {
            fs::write(path, "").expect("writable");
        }

        place.forget("decode").expect("removed");
        assert!(!place.manifest().exists() && !place.summary("decode").exists());
        assert!(place.callgrind("decode").exists(), "to be compared with");

        place.forget("decode").expect("removed");
        assert!(!place.of("decode").exists(), "without a summary the files are those of a run that failed");
        place.forget("decode").expect("nothing to remove is no error");
    }
}
