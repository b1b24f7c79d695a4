use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::clock::idle;
use super::fault::{Verdict, ensure, same};
use super::stage::{Stage, service};
use super::witness::{Gate, Journal};
use super::{Capability, Case};
use crate::routing::{Batch, BatchOutcome, EventSystem, Filter, Handler, Rule};

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![Case {
        name: "never more in hands",
        promise: "No more deliveries are in the hands of handlers than the terms say, and all get their turn.",
        needs: &[Capability::Rules, Capability::ConcurrencyLimit],
        check: |stage| Box::pin(never_more(stage)),
    }]
}

/// How many deliveries all services together have in hands, and how many they had at most.
#[derive(Debug, Clone, Default)]
struct Hands {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Hands {
    fn take(&self, deliveries: usize) {
        let now = self.now.fetch_add(deliveries, Ordering::SeqCst) + deliveries;
        self.most.fetch_max(now, Ordering::SeqCst);
    }

    fn put_down(&self, deliveries: usize) {
        self.now.fetch_sub(deliveries, Ordering::SeqCst);
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

struct Holding {
    hands: Hands,
    gate: Gate,
    journal: Journal,
}

impl Handler for Holding {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        self.hands.take(batch.len());
        self.gate.pass().await;
        let outcome = self.journal.handle(batch).await;
        self.hands.put_down(batch.len());
        outcome
    }
}

async fn never_more<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let terms = stage.system.terms();
    let limit = stage.term(Capability::ConcurrencyLimit, |terms| terms.concurrent_deliveries)?;
    // Enough for two services more than the limit lets work at the same time.
    let events = terms.batch.unwrap_or(1).min(terms.mailbox_capacity.unwrap_or(usize::MAX)).min(64);
    let names: Vec<String> = (0..limit.div_ceil(events) + 2).map(|number| number.to_string()).collect();
    let (hands, gate) = (Hands::default(), Gate::default());
    for name in &names {
        let journal = stage.journal(name);
        stage.serve(name, Holding { hands: hands.clone(), gate: gate.clone(), journal }).await?;
    }
    for (number, part) in names.chunks(1_000).enumerate() {
        let targets = part.iter().map(|name| service(name));
        stage.rule(Rule::new(number.to_string(), Filter::everything(), targets)).await?;
    }
    let batch = (0..events).map(|_| stage.event()).collect();
    stage.publish_batch(batch).await?;
    idle().await;
    let held = hands.most();
    ensure(held <= limit, format_args!("{held} deliveries are in hands, {limit} at most"))?;
    gate.open();
    stage.settled().await?;
    let held = hands.most();
    ensure(held <= limit, format_args!("{held} deliveries were in hands, {limit} at most"))?;
    same("deliveries in hands at quiet", 0, hands.now.load(Ordering::SeqCst))
}
