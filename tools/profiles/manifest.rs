use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Fingerprint, ProfileError, Sources};

/// What one run of the bench target `instructions` leaves beside its counts: without it they could be anybody's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of this format.
    schema: Schema,
    /// When the run began, RFC 3339 in UTC.
    pub started: String,
    /// Under which circumstances.
    pub fingerprint: Fingerprint,
    /// What was run.
    pub program: Program,
    /// What it was built from.
    pub sources: Sources,
    /// The names of all kernels of the list, measured or not.
    pub listed: Vec<String>,
    /// Those that were measured.
    pub measured: Vec<Measured>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Schema {
    #[serde(rename = "crucible-instructions/1")]
    One,
}

/// The counted program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Where it is.
    pub path: PathBuf,
    /// Of its content: see [`crate::hash_of_file`].
    pub hash: String,
}

/// One kernel that was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// Its name in the list.
    pub name: String,
    /// The folder of its files.
    pub id: String,
    /// Events that one run handles.
    pub events: u64,
    /// Of its summary: one of another run is refused.
    pub summary_hash: String,
}

impl Manifest {
    /// Of a run that began at `started` (RFC 3339).
    pub const fn new(
        started: String,
        fingerprint: Fingerprint,
        program: Program,
        sources: Sources,
        listed: Vec<String>,
        measured: Vec<Measured>,
    ) -> Self {
        Self { schema: Schema::One, started, fingerprint, program, sources, listed, measured }
    }

    /// Reads one.
    ///
    /// # Errors
    /// If there is none, or none of this schema.
    pub fn read(path: &Path) -> Result<Self, ProfileError> {
        let bytes = fs::read(path).map_err(|source| ProfileError::file(path, source))?;
        serde_json::from_slice(&bytes)
            .map_err(|error| ProfileError::content(path, format!("no manifest of a measurement: {error}")))
    }

    /// Writes it whole or not at all.
    ///
    /// # Errors
    /// If the folder is not there or cannot be written to.
    pub fn write(&self, path: &Path) -> Result<(), ProfileError> {
        let failed = |source| ProfileError::file(path, source);
        let json = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        let mut builder = tempfile::Builder::new();
        // Temporary files are private to their owner, this one is not; the umask still applies.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(path.parent().unwrap_or(Path::new("."))).map_err(failed)?;
        file.write_all(&json).map_err(failed)?;
        file.persist(path).map(drop).map_err(|error| failed(error.error))
    }
}
