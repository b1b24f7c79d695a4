use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use notify::{Event, EventHandler, EventKind};

/// What waits to be taken may not grow without end: some 100 MB.
const MOST_WAITING: usize = 500_000;

/// What notify told, when its thread told it.
#[derive(Debug)]
pub struct Arrived {
    pub at: Instant,
    pub event: notify::Result<Event>,
    /// Others that came before it, and found no room.
    pub lost: u64,
}

#[derive(Debug, Default)]
struct Room {
    waiting: AtomicUsize,
    lost: AtomicU64,
}

/// Where notify's thread leaves what it tells. It never waits: what cannot be taken in is counted.
#[derive(Debug)]
pub struct Entrance {
    send: Sender<Arrived>,
    room: Arc<Room>,
}

#[derive(Debug)]
pub struct Arrivals {
    receive: Receiver<Arrived>,
    room: Arc<Room>,
}

pub fn channel() -> (Entrance, Arrivals) {
    let (send, receive) = mpsc::channel();
    let room = Arc::new(Room::default());
    (Entrance { send, room: room.clone() }, Arrivals { receive, room })
}

impl EventHandler for Entrance {
    fn handle_event(&mut self, event: notify::Result<Event>) {
        let at = Instant::now();
        // That a file was opened or closed is no change, and comes often.
        if matches!(&event, Ok(Event { kind: EventKind::Access(_), .. })) {
            return;
        }
        if self.room.waiting.load(Ordering::Relaxed) >= MOST_WAITING {
            self.room.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.room.waiting.fetch_add(1, Ordering::Relaxed);
        let lost = self.room.lost.swap(0, Ordering::Relaxed);
        // Nobody receives only when all is over.
        let _ = self.send.send(Arrived { at, event, lost });
    }
}

impl Arrivals {
    /// The next one, if it is there within this time.
    pub fn take(&self, within: Duration) -> Option<Arrived> {
        let arrived = self.receive.recv_timeout(within).ok()?;
        self.room.waiting.fetch_sub(1, Ordering::Relaxed);
        Some(arrived)
    }
}
