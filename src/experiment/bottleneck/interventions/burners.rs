use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{Builder, JoinHandle};

use nix::sched::sched_setaffinity;
use nix::unistd::Pid;

use super::affinity::set_of;
use crate::measure::NotMeasured;

/// A thread of this process on each of some cores, of the same priority as all others, that never rests until it is
/// dropped.
pub(super) struct Burners {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<nix::Result<()>>>,
}

impl Burners {
    pub(super) fn on(cores: &[usize]) -> Result<Self, NotMeasured> {
        let mut burners = Self { stop: Arc::default(), threads: Vec::new() };
        for &core in cores {
            let (stop, set) = (burners.stop.clone(), set_of(&[core])?);
            let burn = move || {
                sched_setaffinity(Pid::from_raw(0), &set)?;
                while !stop.load(Relaxed) {
                    for _ in 0..100 {
                        std::hint::spin_loop();
                    }
                }
                Ok(())
            };
            let thread = Builder::new().name("burner".to_owned()).spawn(burn);
            burners.threads.push(thread.map_err(|why| NotMeasured::new("with slower cores", why))?);
        }
        Ok(burners)
    }
}

impl Drop for Burners {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            // One that could not keep to its core has not burnt: the ratio stays near 1, and confirms nothing.
            let _ = thread.join();
        }
    }
}
