use std::sync::Arc;

use crucible_events::event::{Event, EventId, EventKind, Name, Payload, Target, Timestamp};
use crucible_events::routing::{
    EventSystem, Filter, Ledger, OnFull, Publication, Recorder, Rule, ServiceSpec,
};
use crucible_faults::{Absences, FaultPlan, Faults};
use tokio::time::Instant;

/// Services `a` and `b` get every event.
pub(crate) struct Scene<S> {
    pub(crate) system: Arc<S>,
    pub(crate) faults: Faults<Recorder>,
    recorders: [Recorder; 2],
    published: u128,
}

impl<S: EventSystem> Scene<S> {
    pub(crate) async fn new(system: S, plan: FaultPlan) -> (Self, Absences<Recorder>) {
        let names = ["a", "b"].map(Name::from);
        plan.check_services(&names).expect("they are all there is");
        let (faults, absences) = Faults::new(plan).expect("it makes sense");
        let recorders = [0, 1].map(|at: usize| Recorder::new(&names[at]));
        for (name, recorder) in names.iter().zip(&recorders) {
            let service = ServiceSpec::new(name);
            let registered = system.register(service.clone(), faults.of(service, recorder.clone())).await;
            registered.expect("a new system accepts services");
        }
        let targets = names.map(Target::Service);
        system.add_rule(Rule::new("all", Filter::everything(), targets)).await.expect("a sound rule");
        faults.begin(Instant::now());
        (Self { system: Arc::new(system), faults, recorders, published: 0 }, absences)
    }

    /// One event; how many get it.
    pub(crate) async fn publish(&mut self) -> Option<u32> {
        self.published += 1;
        let payload = Payload::Text("x".to_owned().into());
        let event = Event::new(EventId(self.published), EventKind::Metrics, "s", Timestamp(0), payload);
        let published = self.system.publish(Arc::new(event), OnFull::Wait).await.expect("it is open");
        self.system.quiesce().await.expect("it is there");
        match published {
            Publication::Accepted { deliveries } => deliveries,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn ledger(&self) -> Ledger {
        self.system.ledger().await.expect("it is there")
    }

    pub(crate) fn received(&self) -> [u64; 2] {
        [0, 1].map(|at: usize| self.recorders[at].tally().deliveries)
    }
}
