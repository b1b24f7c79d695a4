use std::sync::Arc;
use std::time::{Duration, Instant};

use crucible_events::event::Event;
use crucible_events::routing::{EventSystem, OnFull};
use tokio::runtime::Runtime;

use super::OfferedLoad;
use super::log::SampledLog;
use crate::experiment::open_loop::arriving;
use crate::experiment::run::{Beginning, Material, RunError, made_in, run_as_task};
use crate::load::Feed;
use crate::sut::{BATCH, Stage, WorkingHandler};
use crate::workload::{Owed, Workload};

/// Events built ahead of time: a millisecond at four millions a second, and some megabyte.
pub(super) const AHEAD: usize = 4_096;

/// A system with what was published to it.
pub(super) struct Scene<S> {
    runtime: Runtime,
    pub(super) stage: Arc<Stage<S>>,
    pub(super) workload: Arc<Workload>,
    pub(super) owed: Arc<Owed>,
    pub(super) log: SampledLog,
    pub(super) origin: Instant,
    pub(super) load: OfferedLoad,
    /// Events, in all trials.
    pub(super) published: u64,
}

impl<S: EventSystem> Scene<S> {
    pub(super) fn set_up(
        make: impl Fn(&Workload) -> S,
        material: &mut Material,
        load: &OfferedLoad,
    ) -> Result<Self, RunError> {
        let Beginning { workload, owed } = material.beginning(usize::MAX);
        let runtime = load.threads.runtime()?;
        let system = made_in(&runtime, make, &workload);
        let origin = Instant::now();
        let log = SampledLog::new(origin);
        let stage = {
            let (workload, log, work) = (workload.clone(), log.clone(), load.work);
            run_as_task(&runtime, async move {
                let handler = |recorder| WorkingHandler { recorder, work, log: log.clone() };
                Ok(Stage::set_up(system, &workload, handler).await?)
            })?
        };
        Ok(Self { runtime, stage: Arc::new(stage), workload, owed, log, origin, load: *load, published: 0 })
    }

    /// Publishes all that the feed brings until it ends, and waits for quiet.
    pub(super) fn publish_all(&self, feed: &Arc<Feed<Arc<Event>>>) -> Result<(), RunError> {
        let publishers: Vec<_> = (0..self.load.publishers)
            .map(|_| self.runtime.spawn(publish_due(self.stage.clone(), feed.clone())))
            .collect();
        let stage = self.stage.clone();
        run_as_task(&self.runtime, async move {
            for publisher in publishers {
                publisher.await.map_err(|_| RunError::Panicked)??;
            }
            Ok(stage.system.quiesce().await?)
        })
    }

    /// Every delivery is checked, and whether the system still does what it promises.
    pub(super) fn close(self) -> Result<(), RunError> {
        let Self { runtime, stage, workload, owed, published, .. } = self;
        run_as_task(&runtime, async move {
            stage.check(&owed, published).await?;
            if let Some(last) = published.checked_sub(1) {
                let last = arriving(&workload, last, Duration::ZERO);
                stage.check_still_whole(&last).await?;
            }
            Ok(())
        })
    }
}

/// Publishes what is due until nothing more will be.
async fn publish_due<S: EventSystem>(
    stage: Arc<Stage<S>>,
    feed: Arc<Feed<Arc<Event>>>,
) -> Result<(), RunError> {
    let mut events = Vec::with_capacity(BATCH);
    while feed.take(BATCH, &mut events).await {
        stage.system.publish_batch(&events, OnFull::Wait).await?;
        events.clear();
        tokio::task::yield_now().await;
    }
    Ok(())
}
