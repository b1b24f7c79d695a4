//! A system and the oracle, given the same, compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crucible_events::event::{Event, EventId, Limits, Name, Target};
use crucible_events::routing::{
    Batch, BatchOutcome, Capability, EventSystem, Filter, GroupSpec, Handler, Lens, OnFull, Oracle,
    Publication, Refusal, Rule, ServiceSpec, State, Strategy, SystemError,
};
use proptest::prelude::{TestCaseError, prop_assert, prop_assert_eq};

use crate::coverage::Coverage;
use crate::script::{Script, Step};

type Verdict = Result<(), TestCaseError>;
/// Who got which event; a service stands there as often as it got it.
type Receivers = BTreeMap<EventId, Vec<Name>>;

/// Runs the script on a system that `make` makes.
pub(crate) fn drive<S: EventSystem>(
    name: &str,
    make: impl Fn() -> S,
    script: &Script,
) -> Result<Coverage, TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| TestCaseError::fail(error.to_string()))?;
    runtime.block_on(async {
        let mut pair = Pair::new(make());
        for (number, step) in script.iter().enumerate() {
            let verdict = pair.step(step).await;
            verdict
                .map_err(|error| TestCaseError::fail(format!("{name}, step {number}, {step:?}: {error}")))?;
        }
        let verdict = pair.finish().await;
        verdict.map_err(|error| TestCaseError::fail(format!("{name}, at the end: {error}")))?;
        Ok(pair.coverage)
    })
}

struct Pair<S> {
    system: S,
    oracle: Oracle,
    /// What is there, to know which changes have to be refused.
    known: BTreeSet<Target>,
    rules: BTreeMap<Name, Rule>,
    received: Arc<Mutex<Receivers>>,
    expected: Receivers,
    /// Groups that choose by what their members have not settled.
    weighing: BTreeSet<Name>,
    /// Deliveries of the call under way, by service.
    unsettled: BTreeMap<Name, u64>,
    /// Ids that were accepted.
    seen: BTreeSet<EventId>,
    duplicates: u64,
    coverage: Coverage,
}

struct Witness(Name, Arc<Mutex<Receivers>>);

impl Handler for Witness {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        let mut received = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        for event in batch.iter() {
            received.entry(event.id).or_default().push(self.0.clone());
        }
        BatchOutcome::Acknowledged
    }
}

/// Whether some part of the filter finds its value in the payload.
fn sees_field(filter: &Filter, lens: &Lens<'_>) -> bool {
    match filter {
        Filter::Field { .. } => filter.matches(lens),
        Filter::All(parts) | Filter::Any(parts) => parts.iter().any(|part| sees_field(part, lens)),
        Filter::Not(part) => sees_field(part, lens),
        _ => false,
    }
}

impl<S: EventSystem> Pair<S> {
    fn new(system: S) -> Self {
        Self {
            system,
            oracle: Oracle::new(Limits::default()),
            known: BTreeSet::new(),
            rules: BTreeMap::new(),
            received: Arc::default(),
            expected: Receivers::new(),
            weighing: BTreeSet::new(),
            unsettled: BTreeMap::new(),
            seen: BTreeSet::new(),
            duplicates: 0,
            coverage: Coverage::default(),
        }
    }

    async fn step(&mut self, step: &Step) -> Verdict {
        match step {
            Step::Register(name) => self.register(name).await,
            Step::Unregister(name) => {
                let fits = self.known.remove(&Target::Service(name.clone()));
                self.oracle.unregister(name);
                self.changed(fits, &self.system.unregister(name).await)
            }
            Step::DefineGroup(group) => self.define_group(group).await,
            Step::RemoveGroup(name) => {
                let fits = self.known.remove(&Target::Group(name.clone()));
                self.oracle.remove_group(name);
                self.weighing.remove(name);
                self.changed(fits, &self.system.remove_group(name).await)
            }
            Step::AddRule(rule) => self.add_rule(rule).await,
            Step::RemoveRule(id) => {
                let fits = self.rules.remove(id).is_some();
                self.oracle.remove_rule(id);
                self.changed(fits, &self.system.remove_rule(id).await)
            }
            Step::PublishEach(events, on_full) => self.publish_each(events, *on_full).await,
            Step::PublishBatch(events, on_full) => self.publish_batch(events, *on_full).await,
            Step::Quiesce => self.compare_receivers().await,
        }
    }

    /// A change has to succeed if, and only if, it fits what is there.
    fn changed(&self, fits: bool, answer: &Result<(), SystemError>) -> Verdict {
        prop_assert_eq!(answer.is_ok(), fits, "the answer was {:?}", answer);
        Ok(())
    }

    async fn register(&mut self, name: &Name) -> Verdict {
        let witness = Witness(name.clone(), self.received.clone());
        let answer = self.system.register(ServiceSpec::new(name), witness).await;
        let fits = self.known.insert(Target::Service(name.clone()));
        self.oracle.register(name);
        self.count_change(fits);
        self.changed(fits, &answer)
    }

    async fn define_group(&mut self, group: &GroupSpec) -> Verdict {
        let target = Target::Group(group.name.clone());
        let in_rounds = group.strategy == Strategy::RoundRobin;
        let offered = in_rounds || self.system.capabilities().offers(Capability::Balancing);
        let sound = group.check(&Limits::default()).is_ok();
        let mut members = group.members.iter();
        let fits = !self.known.contains(&target)
            && sound
            && members.all(|member| self.known.contains(&Target::Service(member.name.clone())));
        self.count_change(fits);
        let answer = self.system.define_group(group.clone()).await;
        if sound && !offered {
            let lacking = matches!(answer, Err(SystemError::NotOffered(Capability::Balancing)));
            prop_assert!(lacking, "the answer was {:?}", answer);
            return Ok(());
        }
        if fits {
            self.known.insert(target);
            self.oracle.define_group(group.clone());
            self.coverage.balanced += u64::from(!in_rounds);
            if group.strategy == Strategy::LeastConnections {
                self.weighing.insert(group.name.clone());
            }
        }
        self.changed(fits, &answer)
    }

    async fn add_rule(&mut self, rule: &Rule) -> Verdict {
        let fits = !self.rules.contains_key(&rule.id)
            && rule.targets.iter().all(|target| self.known.contains(target));
        if fits {
            self.rules.insert(rule.id.clone(), rule.clone());
            self.oracle.add_rule(rule.clone());
        }
        self.count_change(fits);
        self.changed(fits, &self.system.add_rule(rule.clone()).await)
    }

    fn count_change(&mut self, fits: bool) {
        self.coverage.changes += u64::from(fits);
        self.coverage.refused_changes += u64::from(!fits);
    }

    async fn publish_each(&mut self, events: &[Event], on_full: OnFull) -> Verdict {
        for event in events {
            self.weigh_anew().await?;
            self.compare_preview(event).await?;
            let publication = self.system.publish(Arc::new(event.clone()), on_full).await;
            let publication = publication.map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(publication, self.foretell(event));
        }
        Ok(())
    }

    async fn publish_batch(&mut self, events: &[Event], on_full: OnFull) -> Verdict {
        self.weigh_anew().await?;
        let shared: Vec<Arc<Event>> = events.iter().cloned().map(Arc::new).collect();
        let publications = self.system.publish_batch(&shared, on_full).await;
        let publications = publications.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let expected: Vec<Publication> = events.iter().map(|event| self.foretell(event)).collect();
        prop_assert_eq!(publications, expected);
        Ok(())
    }

    async fn compare_preview(&mut self, event: &Event) -> Verdict {
        let told = self.system.preview(event).await;
        let told = told.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let expected = self.oracle.preview(event);
        self.coverage.by_group += u64::from(expected.iter().any(|to| matches!(to, Target::Group(_))));
        prop_assert_eq!(told, expected, "preview");
        Ok(())
    }

    /// Before a call that publishes to groups that weigh: nothing is left to settle, so that what counts is what
    /// the call itself hands over, as long as nobody else has a turn on the one thread.
    async fn weigh_anew(&mut self) -> Verdict {
        if !self.weighing.is_empty() {
            self.system.quiesce().await.map_err(|error| TestCaseError::fail(error.to_string()))?;
            for service in std::mem::take(&mut self.unsettled).keys() {
                self.oracle.observe(service, State::default());
            }
        }
        Ok(())
    }

    fn weigh(&mut self, receivers: &[Name]) {
        if self.weighing.is_empty() {
            return;
        }
        for service in receivers {
            let unsettled = self.unsettled.entry(service.clone()).or_default();
            *unsettled += 1;
            self.oracle.observe(service, State { unsettled: *unsettled, ..State::default() });
        }
    }

    /// What the system has to answer.
    fn foretell(&mut self, event: &Event) -> Publication {
        let offered = self.system.capabilities();
        if self.seen.contains(&event.id) {
            self.coverage.repeated += 1;
            // Neither a duplicate nor what is refused advances a round.
            if offered.offers(Capability::Deduplication) && self.oracle.clone().publish(event).is_ok() {
                self.duplicates += 1;
                return Publication::Duplicate;
            }
        }
        if event.scheduled_at.is_some() && !offered.offers(Capability::Scheduling) {
            let why = Limits::default().check(event).map_or_else(Refusal::from, |()| Refusal::Scheduled);
            return self.refusal(why);
        }
        let unavailable = self.oracle.unavailable(event);
        let receivers = match self.oracle.publish(event) {
            Ok(receivers) => receivers,
            Err(why) => return self.refusal(why),
        };
        self.weigh(&receivers);
        self.coverage.scheduled += u64::from(event.scheduled_at.is_some());
        let count = receivers.len();
        self.coverage.deliveries += count as u64;
        self.coverage.unmatched += u64::from(count == 0);
        self.coverage.by_payload_field += u64::from(count > 0 && self.has_field_rule(event));
        // What nobody gets for want of an available member is not seen.
        if count > 0 || unavailable == 0 {
            self.seen.insert(event.id);
        }
        if count > 0 {
            self.expected.entry(event.id).or_default().extend(receivers);
        }
        let deliveries = u32::try_from(count).unwrap_or(u32::MAX);
        if unavailable > 0 {
            let full = u32::try_from(unavailable).unwrap_or(u32::MAX);
            return Publication::BackPressure { deliveries, full };
        }
        let told = offered.offers(Capability::DeliveryCounts);
        Publication::Accepted { deliveries: told.then_some(deliveries) }
    }

    fn refusal(&mut self, why: Refusal) -> Publication {
        self.coverage.refused += 1;
        Publication::refused(why)
    }

    fn has_field_rule(&self, event: &Event) -> bool {
        let lens = Lens::new(event);
        event.targets.is_empty() && self.rules.values().any(|rule| sees_field(&rule.filter, &lens))
    }

    async fn compare_receivers(&mut self) -> Verdict {
        self.system.quiesce().await.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner).clone();
        received.values_mut().for_each(|services| services.sort_unstable());
        self.expected.values_mut().for_each(|services| services.sort_unstable());
        prop_assert_eq!(received, self.expected.clone(), "who got what");
        Ok(())
    }

    async fn finish(&mut self) -> Verdict {
        self.compare_receivers().await?;
        let failed = |error: SystemError| TestCaseError::fail(error.to_string());
        let ledger = self.system.ledger().await.map_err(failed)?;
        prop_assert_eq!(ledger.check(), Ok(()));
        prop_assert_eq!(
            (ledger.accepted, ledger.acknowledged),
            (self.coverage.deliveries, self.coverage.deliveries)
        );
        let statistics = self.system.statistics().await.map_err(failed)?;
        prop_assert_eq!(statistics.refused_events, self.coverage.refused);
        prop_assert_eq!(statistics.duplicate_events, self.duplicates);
        prop_assert_eq!(statistics.rules, self.rules.len());
        let services = statistics.services.into_iter().map(|service| Target::Service(service.name));
        let known = self.known.iter().filter(|target| matches!(target, Target::Service(_)));
        prop_assert_eq!(services.collect::<Vec<_>>(), known.cloned().collect::<Vec<_>>());
        let closing = self.system.shutdown(std::time::Duration::ZERO).await.map_err(failed)?;
        prop_assert_eq!(closing, ledger, "the ledger at shutdown");
        Ok(())
    }
}
