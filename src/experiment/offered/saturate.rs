use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use crucible_events::routing::EventSystem;

use super::OfferedLoad;
use super::scene::{AHEAD, Scene};
use crate::experiment::open_loop::arriving;
use crate::experiment::run::{Material, RunError};
use crate::experiment::worker::PACER;
use crate::load::{Feed, SystemClock, feed_window};
use crate::workload::Workload;

/// Events that are always on their way: enough for every thread to have something to do, and far from filling memory or
/// the mailboxes.
const ON_THEIR_WAY: u64 = 2_048;

/// Reads how many deliveries were made so far.
pub type Deliveries = Box<dyn Fn() -> u64 + Send>;

/// Keeps a system busy until `stop` is set: as many events are published as are done. `begun` gets the counter, for
/// whoever watches meanwhile. At the end every delivery is checked.
pub(in crate::experiment) fn saturate<S: EventSystem>(
    make: impl Fn(&Workload) -> S,
    material: &mut Material,
    load: &OfferedLoad,
    stop: &Arc<AtomicBool>,
    begun: &mut dyn FnMut(Deliveries),
) -> Result<(), RunError> {
    let mut scene = Scene::set_up(make, material, load)?;
    // None is looked at: nobody asks for latencies.
    scene.log.look_at_none();
    let feed = Arc::new(Feed::new(AHEAD));
    let feeder = {
        let (stage, owed, workload) = (scene.stage.clone(), scene.owed.clone(), scene.workload.clone());
        let (feed, stop, origin) = (feed.clone(), stop.clone(), scene.origin);
        let done = move || owed.events_of_first(stage.received().deliveries);
        thread::Builder::new().name(PACER.to_owned()).spawn(move || {
            let clock = SystemClock::sleeping();
            let build = |index, now| Arc::new(arriving(&workload, index, now - origin));
            feed_window(&clock, &feed, ON_THEIR_WAY, done, build, || stop.load(Relaxed));
        })?
    };
    let stage = scene.stage.clone();
    begun(Box::new(move || stage.received().deliveries));
    scene.publish_all(&feed)?;
    feeder.join().map_err(|_| RunError::Panicked)?;
    scene.published = feed.taken();
    scene.close()
}
