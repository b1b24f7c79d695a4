use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::DataCoordinator;
use super::service::Service;
use crate::event::{Event, Name, Target};
use crate::routing::{
    Capabilities, Capability, EventSystem, Gauge, GroupSpec, Handler, Ledger, OnFull, Publication, Rule,
    ServiceSpec, Statistics, SystemError,
};

impl EventSystem for DataCoordinator {
    fn capabilities(&self) -> Capabilities {
        Capabilities::of(&[
            Capability::Rules,
            Capability::ExplicitTargets,
            Capability::Groups,
            Capability::DeliveryCounts,
        ])
    }

    async fn register<H: Handler>(&self, service: ServiceSpec, handler: H) -> Result<(), SystemError> {
        service.check(&self.shared.limits)?;
        let entry = Service::new(service.name.clone(), Box::new(handler));
        let mut registry = self.shared.write();
        registry.open()?;
        registry.register(&service.name, entry)
    }

    async fn unregister(&self, service: &Name) -> Result<(), SystemError> {
        let unneeded = {
            let mut registry = self.shared.write();
            registry.open()?;
            registry.unregister(service)?
        };
        drop(unneeded);
        Ok(())
    }

    async fn define_group(&self, group: GroupSpec) -> Result<(), SystemError> {
        group.check(&self.shared.limits)?;
        let mut registry = self.shared.write();
        registry.open()?;
        registry.define_group(group)
    }

    async fn remove_group(&self, group: &Name) -> Result<(), SystemError> {
        let mut registry = self.shared.write();
        registry.open()?;
        registry.remove_group(group)
    }

    async fn add_rule(&self, rule: Rule) -> Result<(), SystemError> {
        rule.check(&self.shared.limits)?;
        let mut registry = self.shared.write();
        registry.open()?;
        registry.add_rule(rule)
    }

    async fn remove_rule(&self, rule: &Name) -> Result<(), SystemError> {
        let mut registry = self.shared.write();
        registry.open()?;
        registry.remove_rule(rule)
    }

    async fn preview(&self, event: &Event) -> Result<Vec<Target>, SystemError> {
        let registry = self.shared.read();
        registry.open()?;
        Ok(registry.preview(event))
    }

    /// Its queue has no bound, so there is never a reason to wait or to refuse.
    async fn publish(&self, event: Arc<Event>, _: OnFull) -> Result<Publication, SystemError> {
        self.shared.publish(event)
    }

    async fn quiesce(&self) -> Result<(), SystemError> {
        self.shared.quiet().await;
        Ok(())
    }

    async fn ledger(&self) -> Result<Ledger, SystemError> {
        Ok(self.shared.ledger())
    }

    async fn statistics(&self) -> Result<Statistics, SystemError> {
        Ok(self.shared.statistics())
    }

    async fn gauges(&self) -> Result<Vec<Gauge>, SystemError> {
        Ok(self.shared.gauges())
    }

    /// A delivery in its handler's hands when the grace is over counts as abandoned. Needs the
    /// runtime's time driver only if something is under way.
    async fn shutdown(&self, grace: Duration) -> Result<Ledger, SystemError> {
        self.shared.write().close();
        if !self.shared.is_quiet() && timeout(grace, self.shared.end_of_loop()).await.is_err() {
            self.coordination.abort();
        }
        self.shared.end_of_loop().await;
        Ok(self.shared.ledger())
    }
}
