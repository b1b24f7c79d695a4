//! A script in progress.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::actor::Actor;
use super::coverage::Count;
use super::generate::PUBLISHERS;
use super::publishing::{Manner, publish};
use super::script::{Draft, Script, Step};
use super::service::Service;
use super::violation::{Promise, Violation};
use super::world::{World, nanos};
use crate::event::{Name, Target};
use crate::routing::{
    Capability, EventSystem, GroupSpec, LetterId, Rule, ServiceSpec, Strategy, SystemError,
};

/// Virtual time after which something that has to come to an end does not.
const HANG: Duration = Duration::from_secs(3_600);

type Call = (Manner, Vec<Draft>);

pub(super) struct Stage<S> {
    pub(super) world: World,
    pub(super) system: Arc<S>,
    publishers: Vec<(UnboundedSender<Call>, JoinHandle<()>)>,
}

impl<S: EventSystem> Stage<S> {
    pub(super) fn new(world: World, system: S) -> Self {
        let system = Arc::new(system);
        let mut stage = Self { world, system, publishers: Vec::new() };
        stage.start_publishers();
        stage
    }

    fn start_publishers(&mut self) {
        for _ in 0..PUBLISHERS {
            let (calls, queue) = unbounded_channel();
            let task = tokio::spawn(publisher(self.world.clone(), self.system.clone(), queue));
            self.publishers.push((calls, task));
        }
    }

    pub(super) async fn play(&mut self, script: &Script) -> Result<(), Violation> {
        for (number, step) in script.steps.iter().enumerate() {
            {
                let mut model = self.world.lock();
                model.step = number;
                model.note(&[number as u64], || format!("step {number}: {}", step.headline()));
            }
            let world = self.world.clone();
            or_hang(&world, step.headline(), self.step(step)).await;
            self.look().await;
            world.lock().verdict()?;
        }
        self.world.lock().step = script.steps.len();
        if !self.world.lock().over {
            self.quiesce().await;
            self.world.lock().verdict()?;
            self.shutdown(10_000).await;
        }
        self.world.lock().verdict()
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Register { service, timeout_ms } => self.register(service, *timeout_ms).await,
            Step::Unregister(service) => self.unregister(service).await,
            Step::DefineGroup(group) => self.define_group(group.clone()).await,
            Step::RemoveGroup(group) => {
                let fits = self.world.lock().groups.remove(group).is_some();
                let answer = self.system.remove_group(group).await;
                self.world.lock().oracle.remove_group(group);
                self.changed(fits, answer);
            }
            Step::AddRule(rule) => self.add_rule(rule).await,
            Step::RemoveRule(rule) => {
                let fits = self.world.lock().rules.remove(rule);
                let answer = self.system.remove_rule(rule).await;
                self.world.lock().oracle.remove_rule(rule);
                self.changed(fits, answer);
            }
            Step::Mood(service, mood) => {
                self.world.lock().moods.insert(service.clone(), *mood);
            }
            Step::Publish { publisher, batch, on_full, drafts } => {
                let manner =
                    Manner { publisher: *publisher, batch: *batch, on_full: *on_full, in_handler: false };
                self.publish(manner, drafts.clone()).await;
            }
            Step::Pass { ms } => tokio::time::sleep(Duration::from_millis(*ms)).await,
            Step::Yield => tokio::task::yield_now().await,
            Step::Replay(at, on_full) => self.replay(*at, *on_full).await,
            Step::Purge(at) => self.purge(*at).await,
            Step::Quiesce => self.quiesce().await,
            Step::Shutdown { grace_ms } => self.shutdown(*grace_ms).await,
        }
    }

    /// A change has to succeed if, and only if, it fits what is there.
    fn changed(&self, fits: bool, answer: Result<(), SystemError>) {
        let mut model = self.world.lock();
        let fits = fits && !model.closing;
        let count = if fits { Count::Changes } else { Count::RefusedChanges };
        model.count(count, 1);
        model.note(&[fits.into()], || format!("  answer: {answer:?}"));
        model.hold(answer.is_ok() == fits, Promise::Answers, || {
            format!("a change that fits {fits}: {answer:?}")
        });
    }

    async fn register(&self, service: &Name, timeout_ms: Option<u64>) {
        let (actor, fits) = {
            let model = self.world.lock();
            (model.actors.len(), model.actor(service).is_none() && !model.closing)
        };
        let own = timeout_ms.map(Duration::from_millis);
        let spec = ServiceSpec { handler_timeout: own, ..ServiceSpec::new(service) };
        let handler = Service { world: self.world.clone(), system: Arc::downgrade(&self.system), actor };
        let answer = self.system.register(spec, handler).await;
        if fits && answer.is_ok() {
            let mut model = self.world.lock();
            let timeout = own.or(model.terms.handler_timeout).map(nanos);
            let (breaker, now) = (model.terms.breaker, model.now());
            model.actors.push(Actor::new(service.clone(), timeout, breaker, now));
            model.oracle.register(service);
        }
        self.changed(fits, answer);
    }

    async fn unregister(&self, service: &Name) {
        // While its publishers wait, nothing is displaced any more.
        let answer = self.system.statistics().await;
        let told = answer.ok().and_then(|told| told.services.into_iter().find(|told| told.name == *service));
        let answer = self.system.unregister(service).await;
        let mut model = self.world.lock();
        let actor = model.actor(service).filter(|_| !model.closing);
        if let (Some(actor), Ok(())) = (actor, &answer) {
            model.actors[actor].left = true;
            model.totals.displaced_before += told.map_or(0, |told| told.displaced);
            model.oracle.unregister(service);
        }
        drop(model);
        self.changed(actor.is_some(), answer);
    }

    async fn define_group(&self, mut group: GroupSpec) {
        if !self.world.lock().offers(Capability::Balancing) {
            group.strategy = Strategy::RoundRobin;
        }
        let unique: BTreeSet<_> = group.members.iter().map(|member| member.name.clone()).collect();
        let fits = {
            let model = self.world.lock();
            let known = unique.iter().all(|member| model.actor(member).is_some());
            known && unique.len() == group.members.len() && !model.groups.contains_key(&group.name)
        };
        let answer = self.system.define_group(group.clone()).await;
        if fits && answer.is_ok() {
            let mut model = self.world.lock();
            model.goes_by_state |= group.strategy != Strategy::RoundRobin;
            model.groups.insert(group.name.clone(), group.clone());
            model.oracle.define_group(group);
        }
        self.changed(fits, answer);
    }

    async fn add_rule(&self, rule: &Rule) {
        let fits = {
            let model = self.world.lock();
            let known = |target: &Target| match target {
                Target::Service(name) => model.actor(name).is_some(),
                Target::Group(name) => model.groups.contains_key(name),
            };
            rule.targets.iter().all(known) && !model.rules.contains(&rule.id)
        };
        let answer = self.system.add_rule(rule.clone()).await;
        if fits && answer.is_ok() {
            let mut model = self.world.lock();
            model.rules.insert(rule.id.clone());
            model.oracle.add_rule(rule.clone());
        }
        self.changed(fits, answer);
    }

    async fn publish(&self, manner: Manner, drafts: Vec<Draft>) {
        let queue = manner.publisher.checked_sub(1).and_then(|at| self.publishers.get(at));
        match queue {
            // Its task ends only when this end of the queue is dropped.
            Some((calls, _)) => drop(calls.send((manner, drafts))),
            None => {
                let drafts: Vec<_> = drafts.into_iter().map(|draft| (None, draft)).collect();
                publish(&self.world, &*self.system, manner, &drafts).await;
            }
        }
    }

    /// Publishers come to their end, and are replaced by others.
    async fn join_publishers(&mut self) {
        let publishers = std::mem::take(&mut self.publishers);
        for (calls, task) in publishers {
            drop(calls);
            or_hang(&self.world, "a publisher".into(), async {
                if let Err(error) = task.await {
                    self.world.lock().violated(Promise::Progress, format!("a publisher ended by {error}"));
                }
            })
            .await;
        }
        self.start_publishers();
    }

    async fn quiesce(&mut self) {
        if self.world.lock().over {
            return;
        }
        self.join_publishers().await;
        let quiet = async {
            if let Err(error) = self.system.quiesce().await {
                self.world.lock().violated(Promise::Answers, format!("quiesce: {error}"));
            }
        };
        or_hang(&self.world, "quiesce".into(), quiet).await;
        if self.world.lock().verdict().is_err() {
            return;
        }
        self.read_letters().await;
        let books = (self.system.ledger().await, self.system.statistics().await);
        let gauges = self.system.gauges().await;
        let mut model = self.world.lock();
        match gauges {
            Ok(gauges) => model.check_gauges(&gauges),
            Err(error) => model.violated(Promise::Answers, format!("gauges: {error}")),
        }
        match books {
            (Ok(ledger), Ok(statistics)) => model.check_quiet(ledger, &statistics),
            (ledger, statistics) => {
                model.violated(Promise::Answers, format!("books: {ledger:?}, {statistics:?}"));
            }
        }
    }

    async fn shutdown(&mut self, grace_ms: u64) {
        {
            let mut model = self.world.lock();
            if model.over {
                return;
            }
            model.closing = true;
            model.deadline = Some(model.now() + nanos(Duration::from_millis(grace_ms)));
        }
        let first = self.system.shutdown(Duration::from_millis(grace_ms)).await;
        self.world.lock().over = true;
        self.join_publishers().await;
        let again = self.system.shutdown(Duration::ZERO).await;
        if self.world.lock().verdict().is_err() {
            return;
        }
        self.read_letters().await;
        let statistics = self.system.statistics().await;
        let mut model = self.world.lock();
        match (first, again, statistics) {
            (Ok(first), Ok(again), Ok(statistics)) => model.check_end(first, again, &statistics),
            answers => model.violated(Promise::Answers, format!("shutdown: {answers:?}")),
        }
    }

    async fn look(&self) {
        let statistics = self.system.statistics().await;
        let mut model = self.world.lock();
        if let Ok(statistics) = statistics {
            model.look(&statistics);
        }
    }

    /// Compares the dead letters, and returns their ids.
    pub(super) async fn read_letters(&self) -> Vec<LetterId> {
        if !self.world.lock().offers(Capability::DeadLetters) {
            return Vec::new();
        }
        match self.system.dead_letters().await {
            Ok(list) => {
                self.world.lock().reconcile(&list);
                list.iter().map(|letter| letter.id).collect()
            }
            Err(error) => {
                self.world.lock().violated(Promise::Answers, format!("dead letters: {error}"));
                Vec::new()
            }
        }
    }

    async fn purge(&self, at: usize) {
        let ids = self.read_letters().await;
        let Some(&id) = ids.get(at) else { return };
        let answer = self.system.purge(id).await;
        let mut model = self.world.lock();
        model.hold(answer.is_ok(), Promise::DeadLetters, || format!("purge of letter {id}: {answer:?}"));
        model.letters.kept.remove(at);
        model.totals.purged += 1;
        model.count(Count::Purges, 1);
    }
}

/// One publisher: publishes what is in its queue, one call after the other.
async fn publisher<S: EventSystem>(world: World, system: Arc<S>, mut calls: UnboundedReceiver<Call>) {
    while let Some((manner, drafts)) = calls.recv().await {
        let drafts: Vec<_> = drafts.into_iter().map(|draft| (None, draft)).collect();
        publish(&world, &*system, manner, &drafts).await;
    }
}

/// Whatever has to come to an end does.
async fn or_hang(world: &World, what: String, future: impl Future<Output = ()>) {
    if tokio::time::timeout(HANG, future).await.is_err() {
        world.lock().violated(Promise::Progress, format!("{what}: does not come to an end"));
    }
}
