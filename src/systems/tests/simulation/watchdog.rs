//! Virtual time stands still while a task keeps waking itself: only the machine's clock notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A seed takes milliseconds.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Watchdog(Arc<Watched>);

#[derive(Default)]
struct Watched {
    seed: AtomicU64,
    over: AtomicBool,
}

/// Ends the process if one seed takes longer than [`LIMIT`].
pub(crate) fn watch(system: &'static str) -> Watchdog {
    let watched = Arc::new(Watched { seed: AtomicU64::new(u64::MAX), over: AtomicBool::new(false) });
    let looking = watched.clone();
    std::thread::spawn(move || {
        let mut before = u64::MAX;
        loop {
            std::thread::park_timeout(LIMIT);
            let seed = looking.seed.load(Ordering::Relaxed);
            if looking.over.load(Ordering::Relaxed) {
                return;
            }
            if seed == before {
                println!("seed {seed} of {system} does not come to an end");
                println!(
                    "replay: cargo test -p crucible-events --test simulation -- --system {system} --seed {seed}"
                );
                std::process::exit(101);
            }
            before = seed;
        }
    });
    Watchdog(watched)
}

impl Watchdog {
    pub(crate) fn begin(&self, seed: u64) {
        self.0.seed.store(seed, Ordering::Relaxed);
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}
