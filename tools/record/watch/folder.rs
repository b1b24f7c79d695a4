use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use notify::event::{CreateKind, Event, EventKind, ModifyKind, RemoveKind, RenameMode};
use notify::{Config, RecommendedWatcher, RecursiveMode, Watcher, WatcherKind};

use super::arrivals::{Arrived, Entrance};
use super::change::{Entry, Facts, How, Part, Told};
use super::ignored::Ignored;
use super::look::{Look, Unseen, without_paths};
use crate::refusal::Refusal;

/// Folders that left and may yet come elsewhere. The second half of a rename follows the first at once.
const LEAVING: usize = 64;

/// Who tells what changes, as people call it.
pub fn system() -> &'static str {
    match RecommendedWatcher::kind() {
        WatcherKind::Inotify => "inotify",
        WatcherKind::Fsevent => "FSEvents",
        WatcherKind::Kqueue => "kqueue",
        _ => "notify",
    }
}

/// Turns what notify tells into changes below the folder, each once.
///
/// With inotify a folder is watched only after it was seen to be new, or to have another name. Notify would do that by itself,
/// but loses what happens meanwhile, gives up at what it may not read, and watches what is to be left out. So each folder is
/// watched by itself, and then looked into: what came or went before it was watched shows as a difference to what is known to
/// be there. What was found may be told as well; therefore a path is created only if it was not there, and deleted if it was.
pub struct Folder {
    root: PathBuf,
    ignored: Ignored,
    watcher: Option<RecommendedWatcher>,
    /// All that is there, by path from the folder. Names are compared one by one: what lies below a path follows it.
    known: BTreeSet<PathBuf>,
    /// What lay in folders that are being renamed, from there; by the number of the rename.
    leaving: VecDeque<(usize, Vec<PathBuf>)>,
    is_gone: bool,
}

impl Folder {
    /// Watches `root`, which people call `named`.
    pub fn watch(named: &Path, root: PathBuf, ignored: Ignored, entrance: Entrance) -> Result<Self, Refusal> {
        let refused =
            |error: notify::Error| Refusal::Watching { folder: named.to_owned(), what: without_paths(error) };
        let config = Config::default().with_follow_symlinks(false);
        let mut watcher = RecommendedWatcher::new(entrance, config).map_err(refused)?;
        if !is_inotify() {
            watcher.watch(&root, RecursiveMode::Recursive).map_err(refused)?;
        }
        let (known, leaving) = (BTreeSet::new(), VecDeque::new());
        let mut watched = Self { root, ignored, watcher: Some(watcher), known, leaving, is_gone: false };
        match watched.look_into(Path::new("")).unseen.into_iter().next() {
            Some((path, reason)) => Err(reason.refusal(named, &path)),
            None => Ok(watched),
        }
    }

    /// Nothing more arrives from now on.
    pub fn stop_watching(&mut self) {
        self.watcher = None;
    }

    /// Whether the folder itself was deleted or moved.
    pub fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// What it means for us.
    pub fn take(&mut self, arrived: Arrived) -> Vec<Told> {
        let at = arrived.at;
        let mut told = Vec::new();
        if arrived.lost > 0 {
            let why = format!("{} events came faster than they could be taken in", arrived.lost);
            told.push(Told::Gap { at, why });
        }
        match arrived.event {
            Ok(event) if event.need_rescan() => {
                let why = "the system's queue ran over; how many events were lost is not known".to_owned();
                told.push(Told::Gap { at, why });
                // When what is new came to be is not known.
                told.extend(self.look_into(Path::new("")).gaps(at));
            }
            Ok(event) => told.extend(self.changes(at, &event)),
            Err(error) => {
                told.push(Told::Gap {
                    at,
                    why: format!("the system told a failure: {}", without_paths(error)),
                });
            }
        }
        told
    }

    fn changes(&mut self, at: Instant, event: &Event) -> Vec<Told> {
        let Some(path) = event.paths.first().and_then(|path| path.strip_prefix(&self.root).ok()) else {
            return Vec::new();
        };
        if path.as_os_str().is_empty() {
            let leaves = EventKind::Modify(ModifyKind::Name(RenameMode::From));
            self.is_gone |= event.kind == leaves || event.kind.is_remove();
            return Vec::new();
        }
        if self.ignored.covers(path) {
            return Vec::new();
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(unknown) = parent.filter(|parent| !self.known.contains(*parent)) {
            // For a moment notify goes on calling a folder that was renamed by its old name. What is in it is found under
            // the new one.
            let is_there = self.look_at(unknown).is_folder();
            return if is_there { self.created(at, unknown, true) } else { Vec::new() };
        }
        match event.kind {
            EventKind::Create(kind) => self.created(at, path, kind == CreateKind::Folder),
            EventKind::Remove(kind) => self.deleted(at, path, kind),
            EventKind::Modify(ModifyKind::Name(mode)) => self.renamed(at, path, mode, event.tracker()),
            EventKind::Modify(ModifyKind::Metadata(_)) => self.modified(at, path, Part::Metadata),
            EventKind::Modify(_) => self.modified(at, path, Part::Content),
            EventKind::Any | EventKind::Access(_) | EventKind::Other => Vec::new(),
        }
    }

    fn created(&mut self, at: Instant, path: &Path, is_folder: bool) -> Vec<Told> {
        let mut facts = self.look_at(path);
        if is_folder {
            // It may be gone already.
            facts.entry = Some(Entry::Folder);
        }
        let is_new = self.known.insert(path.to_owned());
        let mut told = Vec::from_iter(is_new.then(|| Told::change(at, How::Created, path, facts)));
        if facts.is_folder() {
            told.extend(self.look_into(path).told(at));
        }
        told
    }

    fn modified(&mut self, at: Instant, path: &Path, part: Part) -> Vec<Told> {
        let facts = self.look_at(path);
        let is_known = self.known.contains(path);
        let modified = Told::change(at, How::Modified(part), path, facts);
        match facts.entry {
            _ if is_known => vec![modified],
            // Whoever has it open may write to what was deleted.
            None => Vec::new(),
            Some(_) => {
                self.known.insert(path.to_owned());
                vec![Told::change(at, How::Created, path, facts), modified]
            }
        }
    }

    /// A folder that is watched tells its end itself, as does the one that it lay in.
    fn deleted(&mut self, at: Instant, path: &Path, kind: RemoveKind) -> Vec<Told> {
        let entry = match kind {
            RemoveKind::File => Some(Entry::File),
            RemoveKind::Folder => Some(Entry::Folder),
            RemoveKind::Any | RemoveKind::Other => None,
        };
        let was_known = self.known.contains(path);
        self.forget(path);
        Vec::from_iter(was_known.then(|| Told::change(at, How::Deleted, path, Facts { entry, size: None })))
    }

    fn renamed(&mut self, at: Instant, path: &Path, mode: RenameMode, number: Option<usize>) -> Vec<Told> {
        match (mode, number) {
            (RenameMode::From, Some(number)) if self.known.contains(path) => {
                let below = self.forget(path);
                self.leaving.truncate(LEAVING);
                self.leaving.push_front((number, below));
                vec![Told::change(at, How::Left(number), path, Facts::default())]
            }
            (RenameMode::To, Some(number)) => self.came(at, path, number),
            // Systems that tell no more than that a name is another one.
            (RenameMode::Any, _) if self.look_at(path).entry.is_some() => self.created(at, path, false),
            (RenameMode::Any, _) => self.deleted(at, path, RemoveKind::Any),
            // Both halves were told; or a folder tells that it was moved, as does the one that it lay in.
            _ => Vec::new(),
        }
    }

    fn came(&mut self, at: Instant, path: &Path, number: usize) -> Vec<Told> {
        let facts = self.look_at(path);
        // What was there is replaced.
        let was_known = self.known.contains(path);
        self.forget(path);
        self.known.insert(path.to_owned());
        let left = self.leaving.iter().position(|(left, _)| *left == number);
        let how = match left.and_then(|left| self.leaving.remove(left)) {
            Some((_, below)) => {
                self.known.extend(below.into_iter().map(|below| path.join(below)));
                How::Came(number)
            }
            // From outside, or from a folder that was too new to be watched.
            None if was_known => How::Modified(Part::Content),
            None => How::Created,
        };
        let mut told = vec![Told::change(at, how, path, facts)];
        if facts.is_folder() {
            told.extend(self.look_into(path).told(at));
        }
        told
    }

    /// What lies here goes away. Returns what lay below it, from here.
    fn forget(&mut self, path: &Path) -> Vec<PathBuf> {
        self.known.remove(path);
        let below = self.below(path);
        below.iter().for_each(|gone| drop(self.known.take(gone)));
        below.iter().filter_map(|gone| Some(gone.strip_prefix(path).ok()?.to_owned())).collect()
    }

    /// Watches a folder and all below it, and compares what is there with what is known; from now on it is known.
    fn look_into(&mut self, folder: &Path) -> Look {
        let mut look = Look::default();
        let mut there = BTreeSet::new();
        let mut ahead = vec![folder.to_owned()];
        while let Some(next) = ahead.pop() {
            let entries = match self.watch_one(&next).and_then(|()| self.entries(&next)) {
                Ok(entries) => entries,
                Err(Unseen::Absent) => continue,
                Err(reason) => {
                    there.extend(self.below(&next));
                    look.unseen.push((next, reason));
                    continue;
                }
            };
            ahead.extend(
                entries.iter().rev().filter(|(_, facts)| facts.is_folder()).map(|(path, _)| path.clone()),
            );
            for (path, facts) in entries {
                if self.known.insert(path.clone()) {
                    look.came.push((path.clone(), facts));
                }
                there.insert(path);
            }
        }
        look.gone = self.below(folder).into_iter().rev().filter(|known| !there.contains(known)).collect();
        look.gone.iter().for_each(|gone| drop(self.known.take(gone)));
        look
    }

    /// What is known below this path, in order.
    fn below(&self, path: &Path) -> Vec<PathBuf> {
        let here = self.known.range(path.to_owned()..).take_while(|known| known.starts_with(path));
        here.filter(|known| *known != path).cloned().collect()
    }

    /// With inotify; others watch all below the one folder.
    fn watch_one(&mut self, folder: &Path) -> Result<(), Unseen> {
        let Some(watcher) = self.watcher.as_mut().filter(|_| is_inotify()) else { return Ok(()) };
        Ok(watcher.watch(&self.root.join(folder), RecursiveMode::NonRecursive)?)
    }

    /// What lies in this folder itself and is not left out, by name.
    fn entries(&self, folder: &Path) -> Result<Vec<(PathBuf, Facts)>, Unseen> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.root.join(folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            match entry.metadata() {
                _ if self.ignored.covers(&path) => {}
                Ok(metadata) => found.push((path, Facts::of(&metadata))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        found.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok(found)
    }

    fn look_at(&self, path: &Path) -> Facts {
        fs::symlink_metadata(self.root.join(path)).map_or(Facts::default(), |found| Facts::of(&found))
    }
}

fn is_inotify() -> bool {
    RecommendedWatcher::kind() == WatcherKind::Inotify
}
