use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use notify::ErrorKind;

use super::change::{self, Facts, How, Told};
use crate::refusal::Refusal;

/// What looking into a folder brought.
#[derive(Debug, Default)]
pub struct Look {
    /// It is there, and was not known.
    pub came: Vec<(PathBuf, Facts)>,
    /// It was known, and is not there; what lay deeper first.
    pub gone: Vec<PathBuf>,
    /// What could not be looked into.
    pub unseen: Vec<(PathBuf, Unseen)>,
}

/// Why it is not known what happens in a folder.
#[derive(Debug)]
pub enum Unseen {
    /// It is not there any more.
    Absent,
    Unreadable(io::Error),
    /// The system's limit of watches is reached.
    Limit,
    Failure(String),
}

impl Look {
    pub fn told(self, at: Instant) -> Vec<Told> {
        let gone = self.gone.iter().map(|path| Told::change(at, How::Deleted, path, Facts::default()));
        let came = self.came.iter().map(|(path, facts)| Told::change(at, How::Created, path, *facts));
        let mut told: Vec<Told> = gone.chain(came).collect();
        told.extend(self.gaps(at));
        told
    }

    pub fn gaps(self, at: Instant) -> impl Iterator<Item = Told> {
        self.unseen.into_iter().map(move |(path, reason)| Told::Gap { at, why: reason.gap(&path) })
    }
}

impl Unseen {
    /// Why there is no recording.
    pub fn refusal(self, named: &Path, path: &Path) -> Refusal {
        let folder = named.to_owned();
        match self {
            Self::Absent => Refusal::Folder { folder, what: "is not there any more".to_owned() },
            Self::Unreadable(source) => Refusal::Unreadable { path: folder.join(path), source },
            Self::Limit => Refusal::Watches { folder },
            Self::Failure(what) => Refusal::Watching { folder, what },
        }
    }

    /// Why changes are missing from here on, for a trace, which names no path of the machine.
    fn gap(self, path: &Path) -> String {
        let why = match self {
            Self::Absent => "it is not there any more".to_owned(),
            Self::Unreadable(error) => format!("it cannot be read: {error}"),
            Self::Limit => "the system allows no more watches (fs.inotify.max_user_watches)".to_owned(),
            Self::Failure(what) => what,
        };
        format!("changes in `{}` are missing: {why}", change::name(path))
    }
}

impl From<io::Error> for Unseen {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // Another thing may be there by now.
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Absent,
            _ => Self::Unreadable(error),
        }
    }
}

impl From<notify::Error> for Unseen {
    fn from(error: notify::Error) -> Self {
        match error.kind {
            ErrorKind::PathNotFound => Self::Absent,
            ErrorKind::Io(error) => error.into(),
            ErrorKind::MaxFilesWatch => Self::Limit,
            _ => Self::Failure(without_paths(error)),
        }
    }
}

/// Traces name no path of the machine.
pub fn without_paths(error: notify::Error) -> String {
    error.set_paths(Vec::new()).to_string()
}
