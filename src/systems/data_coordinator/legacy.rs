use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::event::{Category, Event, EventKind};

const KINDS: usize = EventKind::BUILT_IN.len();

/// How many events of each kind the monitor saw. Custom kinds share the last place, so that no
/// stream of made-up kinds can grow it.
#[derive(Debug, Default)]
pub(super) struct KindCounts([AtomicU64; KINDS + 1]);

impl KindCounts {
    fn count(&self, kind: &EventKind) {
        self.0[kind.ordinal()].fetch_add(1, Relaxed);
    }

    pub(super) fn total(&self) -> u64 {
        self.0.iter().map(|count| count.load(Relaxed)).sum()
    }

    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        let built_in = EventKind::BUILT_IN.iter().map(EventKind::as_str);
        let names = built_in.chain([Category::Custom.as_str()]);
        let counts = self.0.iter().map(|count| count.load(Relaxed));
        let seen = names.zip(counts).filter(|&(_, count)| count > 0);
        seen.map(|(name, count)| (name.to_owned(), count)).collect()
    }
}

/// The channel that older parts listened on. Only the coordination loop is left of its consumers: a
/// monitor that counts kinds.
#[derive(Debug)]
pub(super) struct Legacy {
    sender: UnboundedSender<Event>,
    receiver: UnboundedReceiver<Event>,
    counts: Arc<KindCounts>,
}

impl Legacy {
    pub(super) fn new(counts: Arc<KindCounts>) -> Self {
        let (sender, receiver) = unbounded_channel();
        Self { sender, receiver, counts }
    }

    /// Sends an event, then consumes all that is there: nothing stays behind.
    pub(super) fn pass(&mut self, event: Event) {
        self.sender.send(event).expect("the receiver lives as long as the sender");
        while let Ok(event) = self.receiver.try_recv() {
            self.counts.count(&event.kind);
        }
    }
}
