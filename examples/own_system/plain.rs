use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crucible_events::event::{Event, Limits, Name, Target};
use crucible_events::routing::{
    Batch, Capabilities, Capability, EventSystem, Handler, InvalidRule, Ledger, Lens, OnFull, Publication,
    Refusal, Rule, ServiceSpec, ServiceStatistics, Statistics, SystemError,
};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

/// Rules looked at one after the other under a lock, then an unbounded queue and a task for each
/// service. It has no groups, no priorities and no back-pressure, says so, and is not asked for them.
#[derive(Default)]
pub(crate) struct Plain(Mutex<State>);

#[derive(Default)]
struct State {
    closed: bool,
    /// In the order in which they count.
    rules: Vec<Rule>,
    services: BTreeMap<Name, Service>,
    /// Of all services that ever were: the ledger is their sum.
    accounts: Vec<(Account, AbortHandle)>,
    counts: Statistics,
}

type Account = Arc<watch::Sender<Ledger>>;

struct Service {
    queue: mpsc::UnboundedSender<Arc<Event>>,
    account: Account,
}

/// Ends when the service has left and its queue is empty.
async fn serve(handler: impl Handler, mut queue: mpsc::UnboundedReceiver<Arc<Event>>, account: Account) {
    while let Some(event) = queue.recv().await {
        let failed = handler.handle(Batch::shared(&[event])).await.failed() as u64;
        account.send_modify(|account| {
            // What a shutdown has given up stays given up.
            if account.queued > 0 {
                account.queued -= 1;
                account.failed += failed;
                account.acknowledged += 1 - failed;
            }
        });
    }
}

impl State {
    fn service(&self, target: &Target) -> Option<&Service> {
        match target {
            Target::Service(name) => self.services.get(name),
            Target::Group(_) => None,
        }
    }

    fn targets<'a>(&'a self, event: &'a Event) -> BTreeSet<&'a Target> {
        let lens = Lens::new(event);
        let mut targets: BTreeSet<&Target> = event.targets.iter().collect();
        if targets.is_empty() {
            for rule in self.rules.iter().filter(|rule| rule.filter.matches(&lens)) {
                targets.extend(&rule.targets);
                if rule.last {
                    break;
                }
            }
        }
        targets.retain(|target| self.service(target).is_some());
        targets
    }

    fn check(&self, event: &Event) -> Result<(), Refusal> {
        Limits::default().check(event)?;
        if event.scheduled_at.is_some() {
            return Err(Refusal::Scheduled);
        }
        let unknown = event.targets.iter().find(|target| self.service(target).is_none());
        unknown.map_or(Ok(()), |target| Err(Refusal::UnknownTarget(target.clone())))
    }

    fn publish(&mut self, event: &Arc<Event>) -> Result<usize, Refusal> {
        self.check(event).inspect_err(|_| self.counts.refused_events += 1)?;
        let targets = self.targets(event);
        for service in targets.iter().filter_map(|target| self.service(target)) {
            service.account.send_modify(|account| {
                account.accepted += 1;
                account.queued += 1;
            });
            // Its task has the other end for as long as the service is registered.
            let _ = service.queue.send(event.clone());
        }
        let deliveries = targets.len();
        self.counts.accepted_events += 1;
        self.counts.unmatched_events += u64::from(deliveries == 0);
        Ok(deliveries)
    }

    fn ledger(&self) -> Ledger {
        self.accounts.iter().map(|(account, _)| *account.borrow()).sum()
    }
}

impl Plain {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<MutexGuard<'_, State>, SystemError> {
        let state = self.state();
        if state.closed { Err(SystemError::Closed) } else { Ok(state) }
    }
}

impl EventSystem for Plain {
    fn capabilities(&self) -> Capabilities {
        Capabilities::of(&[Capability::Rules, Capability::ExplicitTargets, Capability::DeliveryCounts])
    }

    async fn register<H: Handler>(&self, service: ServiceSpec, handler: H) -> Result<(), SystemError> {
        let mut state = self.open()?;
        let name = service.name;
        Limits::default().check_name("service", &name)?;
        if state.services.contains_key(&name) {
            return Err(SystemError::Exists { what: "service", name });
        }
        let (queue, events) = mpsc::unbounded_channel();
        let account = Account::default();
        let task = tokio::spawn(serve(handler, events, account.clone()));
        state.accounts.push((account.clone(), task.abort_handle()));
        state.services.insert(name, Service { queue, account });
        Ok(())
    }

    async fn unregister(&self, service: &Name) -> Result<(), SystemError> {
        let left = self.open()?.services.remove(service);
        left.map(drop).ok_or(SystemError::Unknown { what: "service", name: service.clone() })
    }

    async fn add_rule(&self, rule: Rule) -> Result<(), SystemError> {
        let mut state = self.open()?;
        rule.check(&Limits::default())?;
        if state.rules.iter().any(|other| other.id == rule.id) {
            return Err(SystemError::Exists { what: "rule", name: rule.id });
        }
        if let Some(target) = rule.targets.iter().find(|target| state.service(target).is_none()) {
            let target = target.clone();
            return Err(InvalidRule::UnknownTarget { rule: rule.id, target }.into());
        }
        let place = state.rules.partition_point(|other| other.priority >= rule.priority);
        state.rules.insert(place, rule);
        Ok(())
    }

    async fn remove_rule(&self, rule: &Name) -> Result<(), SystemError> {
        let mut state = self.open()?;
        let unknown = SystemError::Unknown { what: "rule", name: rule.clone() };
        let place = state.rules.iter().position(|other| other.id == *rule).ok_or(unknown)?;
        state.rules.remove(place);
        Ok(())
    }

    async fn preview(&self, event: &Event) -> Result<Vec<Target>, SystemError> {
        Ok(self.state().targets(event).into_iter().cloned().collect())
    }

    async fn publish(&self, event: Arc<Event>, _: OnFull) -> Result<Publication, SystemError> {
        Ok(match self.open()?.publish(&event) {
            Ok(deliveries) => Publication::Accepted { deliveries: u32::try_from(deliveries).ok() },
            Err(why) => Publication::refused(why),
        })
    }

    /// Each service was idle at some moment; if nothing was accepted meanwhile, all are.
    async fn quiesce(&self) -> Result<(), SystemError> {
        loop {
            let before = self.state().ledger().accepted;
            let accounts: Vec<_> =
                self.state().accounts.iter().map(|(account, _)| account.subscribe()).collect();
            for mut account in accounts {
                let _ = account.wait_for(|account| account.queued == 0).await;
            }
            if self.state().ledger().accepted == before {
                return Ok(());
            }
        }
    }

    async fn ledger(&self) -> Result<Ledger, SystemError> {
        Ok(self.state().ledger())
    }

    async fn statistics(&self) -> Result<Statistics, SystemError> {
        let state = self.state();
        let services = state.services.iter().map(|(name, service)| {
            let Ledger { queued, acknowledged, failed, .. } = *service.account.borrow();
            ServiceStatistics { queued, acknowledged, failed, ..ServiceStatistics::new(name) }
        });
        Ok(Statistics { rules: state.rules.len(), services: services.collect(), ..state.counts.clone() })
    }

    async fn shutdown(&self, grace: Duration) -> Result<Ledger, SystemError> {
        self.state().closed = true;
        let _ = tokio::time::timeout(grace, self.quiesce()).await;
        let state = self.state();
        for (account, task) in &state.accounts {
            task.abort();
            account.send_modify(|account| account.abandoned += std::mem::take(&mut account.queued));
        }
        Ok(state.ledger())
    }
}
