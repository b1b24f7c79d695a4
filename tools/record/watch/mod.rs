//! What changes in a folder, as `notify` tells it.
//!
//! ```text
//!  notify's thread ──► Arrivals ──► Folder ──► Renames ──► Change ──► event
//!                      stamped      told once  both halves together
//! ```

mod arrivals;
mod change;
mod folder;
mod ignored;
mod look;
mod renames;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use glob::Pattern;

use self::arrivals::Arrivals;
use self::folder::Folder;
use self::ignored::Ignored;
use self::renames::Renames;
use crate::refusal::Refusal;
use crate::source::{Clock, Next, Seen, Source};

/// A folder that is watched.
pub struct Watch {
    named: PathBuf,
    how: String,
    arrivals: Arrivals,
    folder: Folder,
    renames: Renames,
    clock: Clock,
    closed: bool,
}

impl Watch {
    /// Begins to watch. The file `output` may lie in the folder: it is none of what is recorded.
    pub fn start(named: &Path, ignore: &[Pattern], output: &Path) -> Result<Self, Refusal> {
        let refused = |what: String| Refusal::Folder { folder: named.to_owned(), what };
        // Without links: so do some systems tell paths.
        let root = named.canonicalize().map_err(|error| refused(error.to_string()))?;
        if !root.is_dir() {
            return Err(refused("is no folder".to_owned()));
        }
        let ignored = Ignored::new(ignore, &root, output);
        let (system, without) = (folder::system(), ignored.words());
        let how = format!("cargo record --watch: changes in a folder, told by {system}{without}");
        let clock = Clock::start();
        let (entrance, arrivals) = arrivals::channel();
        let folder = Folder::watch(named, root, ignored, entrance)?;
        let (named, renames) = (named.to_owned(), Renames::default());
        Ok(Self { named, how, arrivals, folder, renames, clock, closed: false })
    }

    /// Takes in what has arrived, and waits for it if need be.
    fn take_in(&mut self, within: Duration) {
        let mut arrived = self.arrivals.take(within);
        while let Some(next) = arrived {
            self.folder.take(next).into_iter().for_each(|told| self.renames.push(told));
            arrived = self.arrivals.take(Duration::ZERO);
        }
    }
}

impl Source for Watch {
    fn what(&self) -> String {
        self.named.display().to_string()
    }

    fn how(&self) -> String {
        self.how.clone()
    }

    fn next(&mut self, within: Duration) -> Result<Next, Refusal> {
        let until = Instant::now() + within;
        self.take_in(Duration::ZERO);
        loop {
            let is_over = self.closed || self.folder.is_gone();
            let now = Instant::now();
            if let Some(told) = self.renames.pop((!is_over).then_some(now)) {
                let at = self.clock.at(told.at());
                return Ok(Next::Seen(Seen { at, what: told.into_what(at) }));
            }
            if is_over {
                let because = || format!("{}: the folder is gone, so this is the end", self.named.display());
                return Ok(Next::End(self.folder.is_gone().then(because)));
            }
            if now >= until {
                return Ok(Next::Nothing);
            }
            let due = self.renames.due().map_or(until, |due| due.min(until));
            self.take_in(due.saturating_duration_since(now));
        }
    }

    fn close(&mut self) {
        if !self.closed {
            self.folder.stop_watching();
            self.take_in(Duration::ZERO);
            self.closed = true;
        }
    }
}
