use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crucible_events::event::Event;
use crucible_events::routing::EventSystem;

use super::log::{nanoseconds, of_events_due_from, windows};
use super::scene::{AHEAD, Scene};
use super::trial::JUDGED_FROM;
use super::watch::Watch;
use super::{EndedEarly, LoadSample, OfferedLoad, Trial, TrialRun};
use crate::experiment::open_loop::arriving;
use crate::experiment::run::{Material, RunError};
use crate::experiment::worker::PACER;
use crate::load::{Clock, Course, Feed, Pacing, SystemClock, feed_paced};
use crate::measure::{CpuTime, NotMeasured};
use crate::workload::Workload;

/// Sets a system up and does trials with it as long as `next` has one; it is given what the one before came to. At the
/// end every delivery of all trials is checked.
pub(in crate::experiment) fn run<S: EventSystem>(
    make: impl Fn(&Workload) -> S,
    material: &mut Material,
    load: &OfferedLoad,
    next: &mut dyn FnMut(Option<TrialRun>) -> Option<Trial>,
) -> Result<(), RunError> {
    let mut scene = Scene::set_up(make, material, load)?;
    let mut last = None;
    while let Some(trial) = next(last.take()) {
        last = Some(scene.trial(&trial)?);
    }
    scene.close()
}

impl<S: EventSystem> Scene<S> {
    fn trial(&mut self, trial: &Trial) -> Result<TrialRun, RunError> {
        let mut course = Course::default();
        for &(rate, lasting) in &trial.parts {
            course = course.then(rate, rate, lasting)?;
        }
        let fan_out = self.owed.deliveries() as f64 / self.workload.events.len() as f64;
        // Enough of them in each part.
        let slowest = trial.parts.iter().map(|&(rate, _)| rate).min().unwrap_or_default() as f64;
        self.log.expect(slowest * fan_out);
        let cpu = CpuTime::of_this_process();
        let begin = Instant::now();
        let (fed, offered) = self.offer(trial, &course)?;
        let quiet = Instant::now();
        let cpu = cpu.and_then(|before| Ok(CpuTime::of_this_process()?.since(&before)));
        let cpu_percent = cpu.and_then(|cpu| {
            let system = cpu.total().saturating_sub(fed.cpu?);
            Ok(system.as_secs_f64() / (quiet - begin).as_secs_f64() * 100.0)
        });
        let before = self.owed.deliveries_of_first(self.published);
        self.published += offered;
        let (begin_ns, seen) = (nanoseconds(fed.begin - self.origin), self.log.take());
        // The pacer ends later where publishers are behind, and earlier where the load is hopeless.
        let end = fed.end.min(fed.begin + trial.lasting());
        let offered_ns = nanoseconds(end - fed.begin);
        let judged_from = begin_ns + part_of(offered_ns, JUDGED_FROM);
        Ok(TrialRun {
            pacing: fed.pacing,
            ended_early: fed.ended_early,
            offered_ns,
            events: offered,
            deliveries: self.owed.deliveries_of_first(self.published) - before,
            drained_ns: nanoseconds(quiet.saturating_duration_since(end)),
            samples: fed.samples,
            latency: of_events_due_from(&seen, judged_from).summary(),
            windows: windows(&seen, begin_ns),
            cpu_percent: cpu_percent.into(),
        })
    }

    /// Offers all of it and waits for quiet. Returns how many events were published.
    fn offer(&self, trial: &Trial, course: &Course) -> Result<(Fed, u64), RunError> {
        let feed = Arc::new(Feed::new(AHEAD));
        let feeder = self.spawn_feeder(trial, course, feed.clone())?;
        self.publish_all(&feed)?;
        Ok((feeder.join().map_err(|_| RunError::Panicked)?, feed.taken()))
    }

    fn spawn_feeder(
        &self,
        trial: &Trial,
        course: &Course,
        feed: Arc<Feed<Arc<Event>>>,
    ) -> Result<thread::JoinHandle<Fed>, RunError> {
        let schedule = course.schedule(self.load.arrivals, trial.seed);
        let (workload, origin, before) = (self.workload.clone(), self.origin, self.published);
        let watch = Watch::of(self, feed.clone(), trial);
        let feeder = thread::Builder::new().name(PACER.to_owned()).spawn(move || {
            let clock = SystemClock::sleeping();
            let build = |index, intended| Arc::new(arriving(&workload, before + index, intended - origin));
            let begin = clock.now();
            let mut watch = watch.from(begin);
            let pacing = feed_paced(&clock, schedule, &feed, build, |now, due| watch.look(now, due));
            let (end, (samples, ended_early)) = (clock.now(), watch.end());
            Fed { pacing, ended_early, begin, end, samples, cpu: CpuTime::of_this_thread() }
        })?;
        Ok(feeder)
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // less than the whole
fn part_of(whole: u64, part: f64) -> u64 {
    (part * whole as f64) as u64
}

/// What the feeder leaves.
struct Fed {
    pacing: Pacing,
    ended_early: Option<EndedEarly>,
    begin: Instant,
    end: Instant,
    samples: Vec<LoadSample>,
    cpu: Result<Duration, NotMeasured>,
}
