use std::fs::File;
use std::io;
use std::path::Path;

use crucible_profiles::dhat::Profile;
use crucible_profiles::{ProfileError, Refusal, Result};

use super::progress::Progress;

/// Reads a profile, and shows how far it is if that takes long.
pub fn open(path: &Path) -> Result<Profile> {
    let file = File::open(path).map_err(|error| refusal(path, error))?;
    let metadata = file.metadata().map_err(|error| refusal(path, error))?;
    if metadata.is_dir() {
        return Err(Refusal::new(format!(
            "`{}` is a folder; name the profile in it, such as dhat-heap.json or dhat.out.1234",
            path.display()
        )));
    }
    let profile = Profile::from_reader(Progress::new(file, path, metadata.len()));
    Ok(profile.map_err(|what| ProfileError::content(path, what))?)
}

fn refusal(path: &Path, error: io::Error) -> Refusal {
    if error.kind() != io::ErrorKind::NotFound {
        return Refusal::file(path, &error);
    }
    Refusal::new(format!(
        "there is no file `{}`; the crate dhat writes dhat-heap.json, valgrind dhat.out.PID, where the program ran",
        path.display()
    ))
}
