use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use crucible_events::routing::{Capability, EventSystem, Ledger, ServiceStatistics, Statistics, Terms};

use super::feed::{Feed, Pacer, Published, Schedule};
use super::log::{AroundFailures, LoadLog, Logs, nanoseconds};
use super::recovery::{Phase, WINDOW, Windows};
use super::watch::{Counts, Seen, Watch, Word, watch};
use super::{Backlog, FailuresSeen, Interval, LoadRun, Phases, Recovery, Waiting};
use crate::experiment::accounts::{check_services, check_tries};
use crate::experiment::run::{Beginning, Material, MemoryMeter, RunError, Threads, made_in, run_as_task};
use crate::load::faults::{Absences, FaultKind, FaultPlan, Faults, Faulty};
use crate::load::{HEAD_START, LoadTestConfig, Pacing};
use crate::measure::{CpuTime, NotMeasured, Reading};
use crate::sut::{HandlerWork, Stage, WorkingHandler};
use crate::workload::{Owed, Workload};

type LoadHandler = WorkingHandler<LoadLog>;

/// Tests a system that `make` makes. Once `stop` is set no more events are sent; what was sent is served and accounted for.
pub(in crate::experiment) fn run<S: EventSystem>(
    make: impl Fn(&Workload) -> S,
    material: &mut Material,
    config: &LoadTestConfig,
    stop: &Arc<AtomicBool>,
    show: &mut (dyn FnMut(&Interval) + Send),
) -> Result<LoadRun, RunError> {
    let Beginning { workload, owed } = material.beginning(usize::MAX);
    let lasting = config.lasting(&workload)?;
    let plan = config.fault_plan(lasting);
    plan.check_services(workload.services.iter().map(|service| &service.name))?;
    let around = config.failing(lasting).map(|times| AroundFailures::new(Windows::new(lasting, times)));
    let logs = Arc::new(Logs::new(config.threads, around.as_ref()));
    let (faults, absences) = Faults::new(plan)?;
    let (faults, counts) = (Arc::new(faults), Arc::new(Counts::default()));
    let runtime = Threads(config.threads).runtime()?;
    let memory = MemoryMeter::start();
    let system = made_in(&runtime, make, &workload);
    check_offers(&system, faults.plan())?;
    let schedule = config.schedule(&workload)?;
    let (words, heard) = channel();
    let offer = Offer {
        workload,
        owed: owed.clone(),
        logs: logs.clone(),
        faults: faults.clone(),
        counts: counts.clone(),
        work: config.handler,
        awake: config.awake,
        stop: stop.clone(),
    };
    let errors = || faults.injected().failed();
    let source = Watch { logs: &logs, counts: &counts, owed: &owed, errors: &errors };
    let (offered, seen) = std::thread::scope(|scope| {
        let source = &source;
        let watching = scope.spawn(move || watch(&heard, source, show));
        // It ends with the offer, whatever comes of that: the words' sender is gone then.
        let offered =
            run_as_task(&runtime, async move { offer.make(system, schedule, absences, words).await });
        (offered, watching.join())
    });
    let (offered, seen) = (offered?, seen.map_err(|_| RunError::Panicked)?);
    let failures =
        logs.around_failures().map(|around| failures_seen(&around, &offered, &seen, faults.plan()));
    Ok(outcome(offered, &seen, failures, memory.peak()))
}

/// Faults from which a system without this does not come back.
fn check_offers<S: EventSystem>(system: &S, plan: &FaultPlan) -> Result<(), RunError> {
    let offered = system.capabilities();
    for fault in plan.faults.iter().filter(|fault| fault.rate > 0.0) {
        let needed = match fault.kind {
            FaultKind::Hang => Capability::HandlerTimeouts,
            FaultKind::Panic => Capability::PanicIsolation,
            _ => continue,
        };
        if !offered.offers(needed) {
            return Err(RunError::NotOffered { fault: fault.kind.to_string(), needed });
        }
    }
    Ok(())
}

/// A load, and who is told of it.
struct Offer {
    workload: Arc<Workload>,
    owed: Arc<Owed>,
    logs: Arc<Logs>,
    faults: Arc<Faults<LoadHandler>>,
    counts: Arc<Counts>,
    work: HandlerWork,
    awake: bool,
    stop: Arc<AtomicBool>,
}

/// What became of it.
struct Offered {
    pacing: Pacing,
    elapsed: Duration,
    drained: Duration,
    ledger: Ledger,
    statistics: Statistics,
    published: Published,
    waiting: Waiting,
    injected: crate::load::faults::Injected,
    /// Of the process without the pacer.
    cpu: Result<Duration, NotMeasured>,
}

impl Offer {
    async fn make<S: EventSystem>(
        self,
        system: S,
        schedule: Schedule,
        absences: Absences<LoadHandler>,
        words: Sender<Word>,
    ) -> Result<Offered, RunError> {
        let stage = Arc::new(self.set_up(system).await?);
        let begin = Instant::now() + HEAD_START;
        self.logs.begin(begin);
        self.faults.begin(tokio::time::Instant::from_std(begin));
        // Who watches is gone only if that thread panicked, which is reported.
        let _ = words.send(Word::Begin(begin));
        let absent = tokio::spawn({
            let stage = stage.clone();
            async move { absences.drive(&stage.system).await }
        });
        let waiting = Arc::new(Waits::default());
        let polling =
            tokio::spawn(poll(stage.clone(), self.owed.clone(), self.counts.clone(), waiting.clone()));
        let cpu = CpuTime::of_this_process();
        let (published, pacer) = self.publish(&stage, schedule, begin).await?;
        self.faults.end();
        absent.await.map_err(|_| RunError::Panicked)??;
        stage.system.quiesce().await?;
        let elapsed = begin.elapsed();
        let drained = elapsed.saturating_sub(Duration::from_nanos(self.counts.last_due_ns.load(Relaxed)));
        let cpu = cpu.and_then(|before| Ok(CpuTime::of_this_process()?.since(&before).total()));
        let _ = words.send(Word::Quiet);
        polling.abort();
        let (pacing, pacer_cpu) = pacer.join().map_err(|_| RunError::Panicked)?;
        let (ledger, statistics) = self.balance(&stage, &published).await?;
        Ok(Offered {
            pacing,
            elapsed,
            drained,
            ledger,
            statistics,
            published,
            waiting: waiting.seen(&stage.system.terms()),
            injected: self.faults.injected(),
            cpu: cpu.and_then(|cpu| Ok(cpu.saturating_sub(pacer_cpu?))),
        })
    }

    async fn set_up<S: EventSystem>(&self, system: S) -> Result<Stage<S>, RunError> {
        let stage = Stage::set_up_each(system, &self.workload, |service, recorder| -> Faulty<LoadHandler> {
            let within = WorkingHandler { recorder, work: self.work, log: self.logs.next() };
            self.faults.of(service.clone(), within)
        });
        Ok(stage.await?)
    }

    async fn publish<S: EventSystem>(
        &self,
        stage: &Arc<Stage<S>>,
        schedule: Schedule,
        begin: Instant,
    ) -> Result<(Published, Pacer), RunError> {
        let feed = Feed {
            workload: self.workload.clone(),
            owed: self.owed.clone(),
            counts: self.counts.clone(),
            origin: self.logs.origin(),
            begin,
            stop: self.stop.clone(),
        };
        match self.awake {
            true => feed.publish_awake(stage, schedule).await,
            false => feed.publish(stage, schedule).await,
        }
    }

    /// Every delivery is accounted for, and the instance still keeps its promises.
    async fn balance<S: EventSystem>(
        &self,
        stage: &Stage<S>,
        published: &Published,
    ) -> Result<(Ledger, Statistics), RunError> {
        let (ledger, statistics) = (stage.system.ledger().await?, stage.system.statistics().await?);
        ledger.check().map_err(crate::sut::StillWhole::from)?;
        RunError::check("deliveries unsettled when all is quiet", 0, ledger.unsettled())?;
        if let Some(accepted) = published.accepted {
            RunError::check("deliveries in the ledger", accepted, ledger.accepted)?;
        }
        let plan = self.faults.plan();
        // Who was away was owed nothing meanwhile, and counts anew since its return: the ledger alone tells.
        if !plan.faults.iter().any(|fault| matches!(fault.kind, FaultKind::Vanish { .. })) {
            let owed = self.owed.of_first(published.events);
            let in_all = owed.iter().map(|tally| tally.deliveries).sum();
            RunError::check(
                "deliveries accepted or turned away",
                in_all,
                ledger.accepted + published.turned_away,
            )?;
            let missing = check_services(stage, &owed, &statistics)?;
            RunError::check("turned away, service by service", published.turned_away, missing.iter().sum())?;
            check_tries(&statistics, self.faults.injected().failed())?;
        }
        if plan.faults.is_empty() && published.turned_away == 0 && ledger.acknowledged == ledger.accepted {
            stage.check(&self.owed, published.events).await?;
        }
        if let Some(sample) = &published.last {
            stage.check_still_whole(sample).await?;
        }
        Ok((ledger, statistics))
    }
}

/// What waited at most.
#[derive(Debug, Default)]
struct Waits {
    for_one: AtomicU64,
    held_bytes: AtomicU64,
}

/// Asks the system every 100 ms what it gave up and what waits in it.
async fn poll<S: EventSystem>(stage: Arc<Stage<S>>, owed: Arc<Owed>, counts: Arc<Counts>, waits: Arc<Waits>) {
    let mut ticks = tokio::time::interval(WINDOW);
    loop {
        ticks.tick().await;
        // Before the ledger: what is published meanwhile would look as if it had not been taken.
        let owed = owed.deliveries_of_first(counts.published.load(Relaxed));
        // What cannot be asked now is asked again; at the end it is an error.
        let (Ok(ledger), Ok(statistics)) = (stage.system.ledger().await, stage.system.statistics().await)
        else {
            continue;
        };
        let Ledger { accepted, failed, dead_lettered, expired, abandoned, .. } = ledger;
        let never_taken = owed.saturating_sub(accepted);
        counts.given_up.store(failed + dead_lettered + expired + abandoned + never_taken, Relaxed);
        let of = |service: &ServiceStatistics| service.queued + service.waiting;
        waits.for_one.fetch_max(statistics.services.iter().map(of).max().unwrap_or(0), Relaxed);
        waits.held_bytes.fetch_max(statistics.held_bytes.unwrap_or(0), Relaxed);
    }
}

impl Waits {
    fn seen(&self, terms: &Terms) -> Waiting {
        let count = |bound: Option<usize>| bound.map(|bound| bound as u64);
        Waiting {
            most_for_one: self.for_one.load(Relaxed),
            allowed: count(terms.mailbox_capacity),
            batch: count(terms.batch),
            held_bytes: terms.byte_budget.map(|_| self.held_bytes.load(Relaxed)),
            byte_budget: terms.byte_budget,
        }
    }
}

fn failures_seen(around: &AroundFailures, offered: &Offered, seen: &Seen, plan: &FaultPlan) -> FailuresSeen {
    let (from_ns, until_ns) = around.windows.times_ns();
    let [before, during, after] = Phase::ALL.map(|phase| around.phases[phase as usize].summary());
    let sum = |count: fn(&ServiceStatistics) -> u64| offered.statistics.services.iter().map(count).sum();
    let reading = |back: Result<u64, String>| back.map_or_else(Reading::absent, Reading::Value);
    FailuresSeen {
        plan: plan.to_string(),
        from_ns,
        until_ns,
        injected: offered.injected,
        response: Phases { before, during, after },
        recovery: Recovery {
            latency_ns: reading(around.windows.latency_back_ns()),
            backlog_ns: reading(around.windows.backlog_back_ns(&seen.backlog)),
        },
        retried: sum(|service| service.retried),
        timeouts: sum(|service| service.timeouts),
        breakers_opened: sum(|service| service.breaker_opened),
    }
}

fn outcome(
    offered: Offered,
    seen: &Seen,
    failures: Option<FailuresSeen>,
    peak_memory: Reading<u64>,
) -> LoadRun {
    let watching = seen.cpu.clone();
    let percent = |cpu: Duration| 100.0 * cpu.as_secs_f64() / offered.elapsed.as_secs_f64();
    let cpu = offered.cpu.and_then(|cpu| Ok(percent(cpu.saturating_sub(watching?))));
    LoadRun {
        pacing: offered.pacing,
        elapsed_ns: nanoseconds(offered.elapsed),
        ledger: offered.ledger,
        turned_away: offered.published.turned_away,
        response: seen.served.response.summary(),
        service: seen.served.service.summary(),
        backlog: Backlog { drained_ns: nanoseconds(offered.drained), ..seen.most },
        waiting: offered.waiting,
        cpu_percent: cpu.into(),
        peak_memory,
        failures,
    }
}
