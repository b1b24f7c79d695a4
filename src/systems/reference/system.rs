use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::timeout;

use super::queue::Queue;
use super::{Member, Mode, Reference, worker};
use crate::event::{Event, Limits, Name, Target};
use crate::routing::{
    Capabilities, Capability, EventSystem, Gauge, Handler, Ledger, OnFull, Publication, Rule, ServiceSpec,
    Statistics, SystemError,
};

impl EventSystem for Reference {
    fn capabilities(&self) -> Capabilities {
        Capabilities::of(&[Capability::BackPressure, Capability::DeliveryCounts])
    }

    async fn register<H: Handler>(&self, service: ServiceSpec, handler: H) -> Result<(), SystemError> {
        let name = service.name;
        Limits::default().check_name("service", &name)?;
        let mut members = self.members();
        self.check_open()?; // under the lock: closing takes it too, and finds whoever came before
        if members.iter().any(|member| member.registered && member.name == name) {
            return Err(SystemError::Exists { what: "service", name });
        }
        // A number beyond the plan's is served like the others; nothing comes for it.
        let in_plan = self.queues.get(members.len()).cloned();
        let queue = in_plan.unwrap_or_else(|| Arc::new(Queue::new(self.capacity)));
        queue.open();
        let worker = tokio::spawn(worker::serve(queue.clone(), handler)).abort_handle();
        members.push(Member { name, queue, worker, registered: true });
        Ok(())
    }

    async fn unregister(&self, service: &Name) -> Result<(), SystemError> {
        self.check_open()?;
        let mut members = self.members();
        let member = members.iter_mut().find(|member| member.registered && member.name == *service);
        let unknown = || SystemError::Unknown { what: "service", name: service.clone() };
        let member = member.ok_or_else(unknown)?;
        member.registered = false;
        member.queue.close();
        Ok(())
    }

    async fn add_rule(&self, _: Rule) -> Result<(), SystemError> {
        Err(SystemError::NotOffered(Capability::Rules))
    }

    async fn remove_rule(&self, _: &Name) -> Result<(), SystemError> {
        Err(SystemError::NotOffered(Capability::Rules))
    }

    async fn preview(&self, _: &Event) -> Result<Vec<Target>, SystemError> {
        Err(SystemError::NotOffered(Capability::Rules))
    }

    async fn publish(&self, event: Arc<Event>, on_full: OnFull) -> Result<Publication, SystemError> {
        self.check_open()?;
        let targets = self.plan.advance(1).next().unwrap_or_default();
        Ok(self.send(event, targets, on_full).await)
    }

    async fn publish_batch(
        &self,
        events: &[Arc<Event>],
        on_full: OnFull,
    ) -> Result<Vec<Publication>, SystemError> {
        self.check_open()?;
        if self.mode == Mode::Batched {
            return Ok(self.send_batched(events, on_full).await);
        }
        let mut publications = Vec::with_capacity(events.len());
        let lists = self.plan.advance(events.len());
        for (event, targets) in events.iter().zip(lists) {
            publications.push(self.send(event.clone(), targets, on_full).await);
        }
        Ok(publications)
    }

    /// In a pass over all queues each was idle at some moment. If no queue accepted anything from one
    /// pass to the next, none was busy in between, and nobody is left who could publish.
    async fn quiesce(&self) -> Result<(), SystemError> {
        let queues = self.served_queues();
        let mut before = None;
        loop {
            let mut accepted = 0;
            for queue in &queues {
                accepted += queue.idle().await;
            }
            if before.replace(accepted) == Some(accepted) {
                return Ok(());
            }
        }
    }

    async fn ledger(&self) -> Result<Ledger, SystemError> {
        let mut ledger = Ledger::default();
        self.members().iter().for_each(|member| member.queue.add_to(&mut ledger));
        Ok(ledger)
    }

    async fn statistics(&self) -> Result<Statistics, SystemError> {
        let (accepted_events, unmatched_events) = self.plan.counts();
        let members = self.members();
        let registered = members.iter().filter(|member| member.registered);
        let mut services: Vec<_> =
            registered.map(|member| member.queue.statistics(member.name.clone())).collect();
        services.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(Statistics {
            accepted_events,
            unmatched_events,
            turned_away: self.turned_away.load(Relaxed),
            services,
            ..Statistics::default()
        })
    }

    /// The plan is given and does not grow. A member that left keeps its place, as the numbers of the plan want it.
    async fn gauges(&self) -> Result<Vec<Gauge>, SystemError> {
        let members = self.members();
        let mut gauges = vec![Gauge::registered("members that ever were", members.len())];
        gauges.extend(self.outboxes.gauges());
        for (number, member) in members.iter().enumerate() {
            let of =
                |(what, len)| Gauge::passing(format!("queue {number} of `{}`: {what}", member.name), len);
            gauges.extend(member.queue.lengths().map(of));
        }
        Ok(gauges)
    }

    /// Needs the runtime's time driver only if something is under way.
    async fn shutdown(&self, grace: Duration) -> Result<Ledger, SystemError> {
        self.close();
        let queues = self.served_queues();
        let quiet = queues.iter().all(|queue| queue.is_idle());
        if !quiet && timeout(grace, all_ended(&queues)).await.is_err() {
            self.members().iter().for_each(|member| member.worker.abort());
        }
        all_ended(&queues).await;
        self.ledger().await
    }
}

async fn all_ended(queues: &[Arc<Queue>]) {
    for queue in queues {
        queue.ended().await;
    }
}
