//! Payloads that look like those of their kind and have exactly the size asked for.

mod content;
mod document;
mod filler;

use std::ops::RangeInclusive;

use bytes::Bytes;
use crucible_events::event::{EventKind, JsonText, Payload, Text};

use self::document::Document;
use self::filler::Within;
use super::draw::Draw;
use super::vocabulary;

/// Smallest payload, in bytes: it holds the fields by which rules look at a payload, the longest of
/// which are a tool's name and the scope of its call. Other fields appear as the size allows.
pub const MIN_PAYLOAD_BYTES: usize = 64;

/// What a new or changed file's event carries: mostly a description with an excerpt, for some the
/// note itself, for some an attachment. All other kinds carry JSON, so that of all events about
/// 91 % are JSON, 6 % text, 3 % binary.
const FILE_CONTENT: [(Content, u32); 3] = [(Content::Json, 60), (Content::Text, 25), (Content::Binary, 15)];

#[derive(Debug, Clone, Copy)]
enum Content {
    Json,
    Text,
    Binary,
}

/// Writes one payload after the other. What fills them up has draws of its own, so that their size
/// does not change what they say.
#[derive(Debug)]
pub(super) struct PayloadWriter {
    sizes: RangeInclusive<usize>,
    /// Of the next payload.
    bytes: usize,
    size: Draw,
    filler: Draw,
    document: Document,
}

impl PayloadWriter {
    /// For payloads of so many bytes, at least [`MIN_PAYLOAD_BYTES`]; each size is as likely.
    pub(super) fn new(sizes: RangeInclusive<usize>, filler: Draw, size: Draw) -> Self {
        Self { bytes: *sizes.start(), sizes, size, filler, document: Document::default() }
    }

    /// A payload for an event of this kind; what it says is drawn from `facts`.
    pub(super) fn write(&mut self, kind: &EventKind, facts: &mut Draw) -> Payload {
        self.bytes = self.next_size();
        let content = match kind {
            EventKind::FileCreated | EventKind::FileModified => *facts.weighted(&FILE_CONTENT),
            _ => Content::Json,
        };
        match content {
            Content::Json => self.json(kind, facts),
            Content::Text => self.note(facts),
            Content::Binary => self.attachment(),
        }
    }

    fn next_size(&mut self) -> usize {
        let (least, most) = (*self.sizes.start(), *self.sizes.end());
        let sizes = u32::try_from(most - least + 1).expect("payloads are far below 4 GiB");
        least + usize::try_from(self.size.below(sizes)).expect("below a size")
    }

    fn json(&mut self, kind: &EventKind, facts: &mut Draw) -> Payload {
        self.document.begin();
        let filled = content::describe(kind, &mut self.document, facts);
        let filler = &mut self.filler;
        let bytes = self.document.end(self.bytes, filled.name, |text, end| {
            filler::fill(text, end, filled.lines, Within::JsonString, filler);
        });
        let text = JsonText::new(Bytes::copy_from_slice(bytes));
        Payload::Json(text.expect("fields of distinct names with plain values are an object"))
    }

    /// A Markdown note, as a watcher sends it that ships contents.
    fn note(&mut self, facts: &mut Draw) -> Payload {
        let mut text = String::with_capacity(self.bytes);
        text.push_str("# ");
        text.push_str(facts.pick::<&str>(vocabulary::TOPICS));
        text.push_str("\n\n");
        filler::fill(&mut text, self.bytes, vocabulary::PROSE, Within::Text, &mut self.filler);
        Payload::Text(Text::from(text))
    }

    /// An image: the signature of PNG, then bytes without structure, as compression leaves them.
    fn attachment(&mut self) -> Payload {
        const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
        let mut bytes = vec![0; self.bytes];
        let (head, rest) = bytes.split_at_mut(SIGNATURE.len());
        head.copy_from_slice(SIGNATURE);
        self.filler.fill(rest);
        Payload::Binary(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_the_size_asked_for_and_keeps_what_it_says() {
        for kind in &EventKind::BUILT_IN {
            let sizes = [64, 65, 100, 200, 512, 8_192];
            let written = sizes.map(|bytes| {
                let mut writer = PayloadWriter::new(bytes..=bytes, Draw::new(9, 1), Draw::new(9, 2));
                let mut facts = Draw::new(9, 0);
                let payloads: Vec<Payload> = (0..40).map(|_| writer.write(kind, &mut facts)).collect();
                assert!(payloads.iter().all(|payload| payload.len() == bytes), "{kind} {bytes}");
                payloads.iter().map(routing_field).collect::<Vec<_>>()
            });
            assert!(written.windows(2).all(|pair| pair[0] == pair[1]), "{kind}: {written:?}");
        }
    }

    /// The first field, which rules ask for; of a tool call also the second.
    fn routing_field(payload: &Payload) -> Option<String> {
        let Payload::Json(json) = payload else { return None };
        let fields = if json.as_str().starts_with("{\"tool\"") { 2 } else { 1 };
        let ends = json.as_str().match_indices(',').map(|(end, _)| end);
        Some(json.as_str()[..ends.take(fields).last()?].to_owned())
    }
}
