use std::fs::Metadata;
use std::path::Path;
use std::time::Instant;

use crucible_events::event::{Event, EventId, EventKind, JsonText, Payload, Timestamp};
use serde::Serialize;

use crate::source::What;

/// A source that the rules of the suite's scenarios know.
const SOURCE: &str = "vault-watcher-1";

/// What the system told, in our words.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    Change(Change),
    /// Changes that nobody saw.
    Gap {
        at: Instant,
        why: String,
    },
}

/// Something below the folder is another than before.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub at: Instant,
    pub how: How,
    /// From the folder, with `/` between names.
    pub path: String,
    pub facts: Facts,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    Created,
    Modified(Part),
    Deleted,
    Moved {
        from: String,
    },
    /// Half a rename, by its number: gone from here, ...
    Left(usize),
    /// ... and come to here.
    Came(usize),
}

/// Which part of it is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Content,
    /// Permissions, owner, times or number of links.
    Metadata,
}

/// What could be seen of it afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    pub entry: Option<Entry>,
    /// Of a file, bytes.
    pub size: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    File,
    Folder,
    Link,
    /// A socket, a pipe or a device.
    Other,
}

impl Facts {
    pub fn of(metadata: &Metadata) -> Self {
        let kind = metadata.file_type();
        let entry = match (kind.is_file(), kind.is_dir(), kind.is_symlink()) {
            (true, ..) => Entry::File,
            (_, true, _) => Entry::Folder,
            (.., true) => Entry::Link,
            _ => Entry::Other,
        };
        Self { entry: Some(entry), size: (entry == Entry::File).then_some(metadata.len()) }
    }

    pub fn is_folder(&self) -> bool {
        self.entry == Some(Entry::Folder)
    }
}

impl Told {
    pub fn change(at: Instant, how: How, path: &Path, facts: Facts) -> Self {
        Self::Change(Change { at, how, path: name(path), facts })
    }

    pub fn at(&self) -> Instant {
        match self {
            Self::Change(change) => change.at,
            Self::Gap { at, .. } => *at,
        }
    }

    /// As it is recorded.
    pub fn into_what(self, at: Timestamp) -> What {
        match self {
            Self::Change(change) => What::Event(Box::new(change.event(at))),
            Self::Gap { why, .. } => What::Gap(why),
        }
    }
}

/// A path as events have it.
pub fn name(path: &Path) -> String {
    let names: Vec<_> = path.iter().map(|name| name.to_string_lossy()).collect();
    names.join("/")
}

/// What the event says: never contents, and no path outside the folder. In the words of the suite's generated events.
#[derive(Serialize)]
struct Content<'a> {
    /// First part of the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<&'a str>,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Part>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

impl Change {
    fn event(&self, at: Timestamp) -> Event {
        let (kind, from, change) = match &self.how {
            How::Created | How::Came(_) => (EventKind::FileCreated, None, None),
            How::Modified(part) => (EventKind::FileModified, None, Some(*part)),
            How::Deleted | How::Left(_) => (EventKind::FileDeleted, None, None),
            How::Moved { from } => (EventKind::FileMoved, Some(&**from), None),
        };
        let Facts { entry, size } = self.facts;
        let folder = self.path.split_once('/').map(|(first, _)| first);
        let content = Content { folder, path: &self.path, from, entry, change, size };
        let json = serde_json::to_vec(&content).expect("strings and numbers have a text");
        let json = JsonText::new(json).expect("fields of distinct names are an object");
        Event::new(EventId::NIL, kind, SOURCE, at, Payload::Json(json))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str, how: How, facts: Facts) -> (EventKind, String) {
        let change = Change { at: Instant::now(), how, path: path.to_owned(), facts };
        let event = change.event(Timestamp(5));
        assert_eq!((&*event.source, event.created_at), (SOURCE, Timestamp(5)));
        let Payload::Json(json) = event.payload else { panic!("{:?}", event.payload) };
        (event.kind, json.as_str().to_owned())
    }

    #[test]
    fn an_event_says_what_could_be_seen_and_no_more() {
        let file = Facts { entry: Some(Entry::File), size: Some(12) };
        let cases = [
            (
                told("notes/daily/a.md", How::Created, file),
                (
                    EventKind::FileCreated,
                    r#"{"folder":"notes","path":"notes/daily/a.md","entry":"file","size":12}"#,
                ),
            ),
            (
                told("a \"b\".md", How::Modified(Part::Metadata), Facts::default()),
                (EventKind::FileModified, r#"{"path":"a \"b\".md","change":"metadata"}"#),
            ),
            (
                told(
                    "x",
                    How::Moved { from: "y".to_owned() },
                    Facts { entry: Some(Entry::Folder), size: None },
                ),
                (EventKind::FileMoved, r#"{"path":"x","from":"y","entry":"folder"}"#),
            ),
            (told("x", How::Left(1), Facts::default()), (EventKind::FileDeleted, r#"{"path":"x"}"#)),
            (told("x", How::Came(1), Facts::default()), (EventKind::FileCreated, r#"{"path":"x"}"#)),
        ];
        for ((kind, json), expected) in cases {
            assert_eq!((kind, &*json), expected);
        }
    }
}
