use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::actor::{Actor, Illness};
use super::clock::{TICK, is_virtual};
use super::fault::{Fault, Verdict, same};
use super::stage::{Stage, group, refused, service};
use super::witness::{Gate, Gated};
use super::{Capability, Case};
use crate::event::{Event, Name};
use crate::routing::{
    EventSystem, Filter, GroupSpec, Health, Member, OnFull, Rule, State, Strategy, SystemError,
};

const NEEDS: &[Capability] = &[Capability::Rules, Capability::Groups, Capability::Balancing];
const WITH_BREAKERS: &[Capability] =
    &[Capability::Rules, Capability::Groups, Capability::Balancing, Capability::CircuitBreakers];

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![
        Case {
            name: "weighted random",
            promise: "Each event goes to the member in whose share the draw of its turn lies.",
            needs: NEEDS,
            check: |stage| Box::pin(weighted_random(stage)),
        },
        Case {
            name: "weights that lead nowhere",
            promise: "A group of weighted members of which none has a weight is refused.",
            needs: NEEDS,
            check: |stage| Box::pin(without_weight(stage)),
        },
        Case {
            name: "least connections",
            promise: "An event goes to the member with the fewest deliveries that are not settled.",
            needs: NEEDS,
            check: |stage| Box::pin(least_connections(stage)),
        },
        Case {
            name: "health-based",
            promise: "The healthy members share a round; without any the degraded do, and never the unhealthy.",
            needs: WITH_BREAKERS,
            check: |stage| Box::pin(by_health(stage, Strategy::HealthBased)),
        },
        Case {
            name: "priority-based",
            promise: "The member of the highest priority gets all, the next one while that is unhealthy.",
            needs: WITH_BREAKERS,
            check: |stage| Box::pin(by_health(stage, Strategy::PriorityBased)),
        },
        Case {
            name: "nobody is available",
            promise: "If no member is available, the group is told as a full target, at once.",
            needs: WITH_BREAKERS,
            check: |stage| Box::pin(nobody_available(stage)),
        },
    ]
}

impl<S: EventSystem> Stage<S> {
    /// A group to which everything goes whose source is none of the services.
    async fn balance(&mut self, strategy: Strategy, members: &[Member]) -> Verdict {
        self.define(GroupSpec::new("g", strategy, members.to_vec())).await?;
        self.rule(Rule::new("to the group", Filter::Source("g".into()), [group("g")])).await
    }

    async fn spread(&mut self, events: usize) -> Verdict {
        for _ in 0..events {
            let event = self.event_from("g");
            self.publish(event).await?;
        }
        Ok(())
    }

    async fn spread_batch(&mut self, events: usize) -> Verdict {
        let batch = (0..events).map(|_| self.event_from("g")).collect();
        self.publish_batch(batch).await
    }
}

async fn weighted_random<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a", "b", "c", "d"]).await?;
    let weights = [("c", 1), ("a", 0), ("b", 6), ("d", u32::MAX)];
    let members = weights.map(|(name, weight)| Member::new(name).with_weight(weight));
    stage.balance(Strategy::WeightedRandom { seed: 7 }, &members[..3]).await?;
    stage.spread(60).await?;
    stage.spread_batch(60).await?;
    stage.dismiss("b").await?;
    stage.spread(10).await?;
    stage.services(&["b"]).await?;
    stage.spread(30).await?;
    stage.settled().await?;
    same("events of the member without weight", 0, stage.journal("a").ids().len())?;
    stage.drop_group("g").await?;
    // Weights whose sum takes more than 32 bits, another seed, and turns from the beginning.
    stage.define(GroupSpec::new("g", Strategy::WeightedRandom { seed: u64::MAX }, members)).await?;
    stage.spread(30).await?;
    stage.settled().await
}

async fn without_weight<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a", "b"]).await?;
    let members = ["a", "b"].map(|name| Member::new(name).with_weight(0));
    let weighted = GroupSpec::new("g", Strategy::WeightedRandom { seed: 1 }, members.clone());
    let answer = stage.system.define_group(weighted).await;
    refused("a group without weight", "Group", &answer, |error| matches!(error, SystemError::Group { .. }))?;
    // Where the strategy does not look at weights, there need be none.
    stage.balance(Strategy::RoundRobin, &members).await?;
    stage.spread(3).await?;
    let some = [Member::new("a").with_weight(0), Member::new("b")];
    stage.define(GroupSpec::new("h", Strategy::WeightedRandom { seed: 1 }, some)).await?;
    stage.rule(Rule::new("h", Filter::Source("h".into()), [group("h")])).await?;
    stage.dismiss("b").await?;
    // Who is left has no share: that is nobody being available, as the oracle says too.
    let event = stage.event_from("h");
    stage.publish(event).await?;
    stage.settled().await
}

async fn least_connections<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    const NAMES: [&str; 3] = ["b", "a", "c"];
    let gates = NAMES.map(|_| Gate::default());
    for (name, gate) in NAMES.into_iter().zip(&gates) {
        let journal = stage.journal(name);
        stage.serve(name, Gated(gate.clone(), journal)).await?;
    }
    stage.balance(Strategy::LeastConnections, &NAMES.map(Member::new)).await?;
    stage.rule(Rule::new("b", Filter::Source("b".into()), [service("b")])).await?;
    let mut unsettled = [0_u64; NAMES.len()];
    for (source, events) in [("g", 2), ("b", 1), ("g", 4)] {
        for _ in 0..events {
            let event = stage.event_from(source);
            stage.weigh(event, &mut unsettled).await?;
        }
    }
    let batch: Vec<Event> = ["g", "g", "b", "g", "g"].map(|source| stage.event_from(source)).to_vec();
    stage.weigh_batch(batch, &mut unsettled).await?;
    // The first is done with all of its own, and the only one to be asked for as many events.
    gates[0].open();
    while stage.counted(NAMES[0]).await?.queued > 0 {
        tokio::task::yield_now().await;
    }
    unsettled[0] = 0;
    stage.oracle.observe(NAMES[0], State::default());
    let event = stage.event_from("g");
    stage.weigh(event, &mut unsettled).await?;
    gates.iter().for_each(Gate::open);
    stage.settled().await
}

impl<S: EventSystem> Stage<S> {
    /// Publishes to members who settle nothing meanwhile.
    async fn weigh(&mut self, event: Event, unsettled: &mut [u64; 3]) -> Verdict {
        let before = self.oracle.clone();
        let receivers = self.oracle.publish(&event).unwrap_or_default();
        self.oracle = before;
        self.publish(event).await?;
        self.load(&receivers, unsettled);
        Ok(())
    }

    /// The same in one call: each event counts for those after it.
    async fn weigh_batch(&mut self, events: Vec<Event>, unsettled: &mut [u64; 3]) -> Verdict {
        let mut told = Vec::new();
        for event in &events {
            let foretold = self.foretell(event).map_err(|why| Fault::new(why.to_string()))?;
            self.load(&foretold.receivers, unsettled);
            told.push(self.accepted(foretold.receivers.len(), 0));
        }
        let events: Vec<_> = events.into_iter().map(Arc::new).collect();
        let publications = self.system.publish_batch(&events, OnFull::Wait).await?;
        same("publications", told, publications)
    }

    fn load(&mut self, receivers: &[Name], unsettled: &mut [u64; 3]) {
        for (name, unsettled) in ["b", "a", "c"].into_iter().zip(unsettled) {
            *unsettled += receivers.iter().filter(|receiver| receiver.as_str() == name).count() as u64;
            self.oracle.observe(name, State { unsettled: *unsettled, ..State::default() });
        }
    }
}

/// Members that can fall ill, beside one that cannot.
struct Infirmary {
    ill: [Illness; 2],
    /// Until then what was told of their health is so.
    until: Instant,
    open_for: Duration,
}

async fn infirmary<S: EventSystem>(stage: &mut Stage<S>) -> Result<Infirmary, Fault> {
    let open_for = stage.breaker()?.open_for;
    let ill = [Illness::default(), Illness::default()];
    for (name, illness) in ["a", "b"].into_iter().zip(&ill) {
        stage.serve(name, Actor::with(illness)).await?;
    }
    stage.services(&["c"]).await?;
    stage.by_source(&["a", "b", "c"]).await?;
    Ok(Infirmary { ill, until: Instant::now(), open_for })
}

impl Infirmary {
    /// Lets the service fail until it is no better than that, and the oracle know.
    async fn worsen<S: EventSystem>(&mut self, stage: &mut Stage<S>, number: usize, to: Health) -> Verdict {
        let name = ["a", "b"][number];
        let threshold = stage.breaker()?.threshold;
        self.until = Instant::now() + self.open_for;
        self.ill[number].begins();
        match to {
            Health::Degraded => stage.suffer(name, 1).await?,
            _ => stage.suffer(name, threshold).await?,
        }
        self.ill[number].ends();
        stage.oracle.observe(name, State { health: to, unsettled: 0 });
        Ok(())
    }

    async fn heal<S: EventSystem>(&self, stage: &mut Stage<S>, number: usize) -> Verdict {
        tokio::time::sleep(self.open_for + TICK).await;
        let name = ["a", "b"][number];
        stage.suffer(name, 1).await?;
        stage.oracle.observe(name, State::default());
        Ok(())
    }

    /// Whether the machine was too slow: then who is ill may have recovered.
    fn is_over(&self) -> bool {
        !is_virtual() && Instant::now() >= self.until
    }
}

async fn by_health<S: EventSystem>(mut stage: Stage<S>, strategy: Strategy) -> Verdict {
    let mut infirmary = infirmary(&mut stage).await?;
    // Of those of equal priority the first in the group, which is not the first by name.
    let members = [("c", 1), ("b", 5), ("a", 5)].map(|(name, rank)| Member::new(name).with_priority(rank));
    stage.balance(strategy, &members).await?;
    stage.spread(5).await?;
    stage.spread_batch(5).await?;
    stage.quiet().await?;
    let verdict = falling_ill(&mut stage, &mut infirmary).await;
    if infirmary.is_over() {
        return Ok(());
    }
    verdict?;
    infirmary.heal(&mut stage, 1).await?;
    stage.spread(4).await?;
    stage.settled_as_foretold().await
}

async fn falling_ill<S: EventSystem>(stage: &mut Stage<S>, infirmary: &mut Infirmary) -> Verdict {
    if stage.breaker()?.threshold > 1 {
        infirmary.worsen(stage, 1, Health::Degraded).await?;
        stage.spread(3).await?;
        stage.quiet().await?;
        stage.dismiss("c").await?;
        stage.dismiss("a").await?;
        // Alone it is asked all the same, and its acknowledgement heals it.
        stage.spread(1).await?;
        stage.quiet().await?;
        stage.oracle.observe("b", State::default());
        stage.services(&["c"]).await?;
        stage.serve("a", Actor::with(&infirmary.ill[0])).await?;
    }
    infirmary.worsen(stage, 1, Health::Unhealthy).await?;
    stage.spread(3).await?;
    stage.spread_batch(3).await?;
    stage.quiet().await?;
    stage.settled_as_foretold().await
}

impl<S: EventSystem> Stage<S> {
    /// Waits for quiet. Then each service had as many events as the oracle said: acknowledged, or failed
    /// when they were to fail.
    async fn settled_as_foretold(&self) -> Verdict {
        let ledger = self.quiet().await?;
        same("accepted deliveries in the ledger", self.deliveries(), ledger.accepted)?;
        self.settled_journals()
    }
}

async fn nobody_available<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    let mut infirmary = infirmary(&mut stage).await?;
    stage.define(GroupSpec::new("h", Strategy::HealthBased, ["a", "b"].map(Member::new))).await?;
    stage.define(GroupSpec::new("p", Strategy::PriorityBased, ["a", "b"].map(Member::new))).await?;
    for (source, targets) in [
        ("h", vec![group("h")]),
        ("p", vec![group("p")]),
        ("all", vec![group("p"), service("c"), group("h")]),
    ] {
        stage.rule(Rule::new(format!("from {source}"), Filter::Source(source.into()), targets)).await?;
    }
    infirmary.worsen(&mut stage, 0, Health::Unhealthy).await?;
    let until = infirmary.until;
    infirmary.worsen(&mut stage, 1, Health::Unhealthy).await?;
    infirmary.until = until;
    let before = stage.system.statistics().await?.turned_away;
    let verdict = turned_away(&mut stage).await;
    if infirmary.is_over() {
        return Ok(());
    }
    verdict?;
    let turned_away = stage.system.statistics().await?.turned_away - before;
    same("deliveries turned away in the statistics", 8, turned_away)?;
    stage.settled_as_foretold().await
}

/// One by one and in a batch; an id that nobody got is new.
async fn turned_away<S: EventSystem>(stage: &mut Stage<S>) -> Verdict {
    let events = ["h", "p", "all"].map(|source| stage.event_from(source));
    for event in &events {
        stage.publish(event.clone()).await?;
    }
    stage.publish_batch(events[..2].to_vec()).await?;
    let all = stage.event_from("all");
    stage.publish_batch(vec![all]).await
}
