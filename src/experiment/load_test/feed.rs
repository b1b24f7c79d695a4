use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crucible_events::event::Event;
use crucible_events::routing::{EventSystem, OnFull, Publication, Refusal};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::log::nanoseconds;
use super::watch::Counts;
use crate::experiment::open_loop::arriving;
use crate::experiment::run::RunError;
use crate::load::{Pacing, SystemClock, spawn_pacer};
use crate::measure::NotMeasured;
use crate::sut::{BATCH, Stage};
use crate::workload::{Owed, Workload};

/// When events are due, in nanoseconds from the beginning, ascending.
pub(super) type Schedule = Box<dyn Iterator<Item = u64> + Send>;

/// The pacer's thread, and the CPU time that it took.
pub(super) type Pacer = JoinHandle<(Pacing, Result<Duration, NotMeasured>)>;

/// What publishing told.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) events: u64,
    /// Deliveries, if the system tells them.
    pub(super) accepted: Option<u64>,
    pub(super) turned_away: u64,
    pub(super) last: Option<Arc<Event>>,
}

/// Events on their way to a system.
#[derive(Debug, Clone)]
pub(super) struct Feed {
    pub(super) workload: Arc<Workload>,
    pub(super) owed: Arc<Owed>,
    pub(super) counts: Arc<Counts>,
    /// Of the moments in events.
    pub(super) origin: Instant,
    pub(super) begin: Instant,
    pub(super) stop: Arc<AtomicBool>,
}

impl Feed {
    /// Publishes every event when it is due, or as soon after it as the system takes it; returns when the last one is.
    pub(super) async fn publish<S: EventSystem>(
        &self,
        stage: &Stage<S>,
        schedule: Schedule,
    ) -> Result<(Published, Pacer), RunError> {
        let (pacer, mut due) = self.pace(schedule)?;
        let mut published = Published::nothing();
        let mut events = Vec::with_capacity(BATCH);
        while due.recv_many(&mut events, BATCH).await > 0 {
            let publications = stage.system.publish_batch(&events, OnFull::Wait).await?;
            for publication in &publications {
                published.count(publication, &self.owed)?;
            }
            self.counts.published.store(published.events, Relaxed);
            published.last = events.pop();
            events.clear();
        }
        Ok((published, pacer))
    }

    fn pace(&self, schedule: Schedule) -> io::Result<(Pacer, mpsc::UnboundedReceiver<Arc<Event>>)> {
        let (send, due) = mpsc::unbounded_channel();
        let (feed, stop) = (self.clone(), self.stop.clone());
        let workers = Handle::current().metrics().num_workers();
        let pacer = spawn_pacer(
            move || SystemClock::beside(workers),
            self.begin,
            schedule,
            stop,
            move |index, intended| {
                // The receiver is gone only if publishing failed, and that is reported.
                let _ = send.send(feed.event(index, intended));
            },
        )?;
        Ok((pacer, due))
    }

    /// The same with nobody asleep: the pacer spins until an event is due and publishes it itself, and a task keeps a thread
    /// of the runtime awake. That takes two cores, and leaves out the time that it takes to wake a thread.
    pub(super) async fn publish_awake<S: EventSystem>(
        &self,
        stage: &Arc<Stage<S>>,
        schedule: Schedule,
    ) -> Result<(Published, Pacer), RunError> {
        let awake = tokio::spawn(async {
            loop {
                tokio::task::yield_now().await;
            }
        });
        let published = Arc::new(Mutex::new(Ok(Published::nothing())));
        let (until_dropped, is_dropped) = oneshot::channel::<()>();
        let (feed, stage, told, runtime) =
            (self.clone(), stage.clone(), published.clone(), Handle::current());
        let stop = self.stop.clone();
        let pacer =
            spawn_pacer(SystemClock::spinning, self.begin, schedule, stop, move |index, intended| {
                let _gone_with_the_pacer = &until_dropped;
                let event = feed.event(index, intended);
                let publication = runtime.block_on(stage.system.publish(event.clone(), OnFull::Wait));
                let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                let counted = told.as_mut().map(|published: &mut Published| {
                    published.last = Some(event);
                    publication
                        .map_err(RunError::from)
                        .and_then(|publication| published.count(&publication, &feed.owed))
                });
                match counted {
                    Ok(Ok(())) => feed.counts.published.store(index + 1, Relaxed),
                    Ok(Err(why)) => {
                        *told = Err(why);
                        feed.stop.store(true, Relaxed);
                    }
                    Err(_) => {}
                }
            })?;
        // Nothing is ever sent: the sender goes when the pacer has ended.
        let _ = is_dropped.await;
        awake.abort();
        let told = std::mem::replace(
            &mut *published.lock().unwrap_or_else(PoisonError::into_inner),
            Ok(Published::nothing()),
        );
        Ok((told?, pacer))
    }

    fn event(&self, index: u64, intended: Instant) -> Arc<Event> {
        self.counts.sent.store(index + 1, Relaxed);
        self.counts.last_due_ns.store(nanoseconds(intended - self.begin), Relaxed);
        Arc::new(arriving(&self.workload, index, intended - self.origin))
    }
}

impl Published {
    fn nothing() -> Self {
        Self { events: 0, accepted: Some(0), turned_away: 0, last: None }
    }

    fn count(&mut self, publication: &Publication, owed: &Owed) -> Result<(), RunError> {
        let owed = owed.deliveries_of_first(self.events + 1) - owed.deliveries_of_first(self.events);
        self.events += 1;
        match publication {
            Publication::Accepted { deliveries: Some(deliveries) } => {
                self.accepted = self.accepted.map(|sum| sum + u64::from(*deliveries));
            }
            Publication::Accepted { deliveries: None } => self.accepted = None,
            Publication::Refused(why) if matches!(**why, Refusal::OverBudget { .. }) => {
                self.turned_away += owed
            }
            Publication::BackPressure { deliveries, full } => {
                self.accepted = self.accepted.map(|sum| sum + u64::from(*deliveries));
                self.turned_away += u64::from(*full);
            }
            other => return Err(RunError::accounts(format!("a new event: {other:?}"), 1, 0)),
        }
        Ok(())
    }
}
