use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::fault::{Fault, Verdict, ensure, same};
use super::stage::{Stage, service};
use super::witness::{Failing, Gate, Gated, Journal};
use super::{Capability, Case};
use crate::event::{Event, Timestamp};
use crate::routing::{EventSystem, Filter, Gauge, Holds, OnFull, Rule};

pub(super) fn cases<S: EventSystem>() -> Vec<Case<S>> {
    vec![Case {
        name: "nothing piles up",
        promise: "After a load no gauge tells of what waits, and after the same load again none has grown.",
        needs: &[],
        check: |stage| Box::pin(nothing_piles_up(stage)),
    }]
}

/// Events of a round.
const LOAD: usize = 96;

async fn nothing_piles_up<S: EventSystem>(mut stage: Stage<S>) -> Verdict {
    stage.services(&["a", "b"]).await?;
    stage.serve("failing", Failing(fails)).await?;
    let mut before = None;
    for _ in 0..3 {
        stage.round().await?;
        before = Some(stage.at_rest(before).await?);
    }
    stage.told_while_held().await
}

/// Some at the first try, few for good, and never so many in a row that a breaker opens for long.
fn fails(event: &Event) -> bool {
    event.id.0 % 16 == 3 && event.retry_count == 0 || event.id.0 % 48 == 3
}

impl<S: EventSystem> Stage<S> {
    async fn gauges(&self) -> Result<Vec<Gauge>, Fault> {
        let gauges = self.system.gauges().await?;
        let names: BTreeSet<_> = gauges.iter().map(|gauge| &gauge.structure).collect();
        same("structures of different names", gauges.len(), names.len())?;
        Ok(gauges)
    }

    /// One load, with everything that the system offers: a guest that comes and goes, with a rule and a group.
    async fn round(&mut self) -> Verdict {
        let (rules, groups) = (self.offers(Capability::Rules), self.offers(Capability::Groups));
        self.services(&["guest"]).await?;
        if groups {
            self.group("pair", &["a", "guest"]).await?;
        }
        if rules {
            self.everything_to(&["a", "b", "failing", "guest"]).await?;
            self.rule(Rule::new("guest", Filter::Source("vault".into()), [service("guest")])).await?;
        }
        let events: Vec<Arc<Event>> = (0..LOAD).map(|number| Arc::new(self.laden(number))).collect();
        let (one_by_one, batch) = events.split_at(LOAD / 3);
        for event in one_by_one {
            self.system.publish(event.clone(), OnFull::Wait).await?;
        }
        self.system.publish_batch(batch, OnFull::Wait).await?;
        self.quiet().await?;
        if rules {
            self.drop_rule("everything").await?;
            self.drop_rule("guest").await?;
        }
        if groups {
            self.drop_group("pair").await?;
        }
        self.dismiss("guest").await
    }

    /// An event for a round: some are due later, some are tried again.
    fn laden(&mut self, number: usize) -> Event {
        let later = self.offers(Capability::Scheduling) && number.is_multiple_of(8);
        let soon = Timestamp(self.system.now().0 + 1_000_000);
        Event { scheduled_at: later.then_some(soon), retry_limit: 1, ..self.event() }
    }

    /// Waits until services that left are forgotten; what the gauges tell then, by name.
    async fn at_rest(&self, before: Option<BTreeMap<String, u64>>) -> Result<BTreeMap<String, u64>, Fault> {
        const TRIES: usize = 1_000;
        for tries in 1.. {
            self.quiet().await?;
            let gauges = self.gauges().await?;
            match held_too_long(&gauges, before.as_ref()) {
                Ok(()) => return Ok(registered(&gauges)),
                Err(fault) if tries == TRIES => return Err(fault),
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
        unreachable!("the last try returns")
    }

    /// While a handler holds what it was given, a system that tells gauges tells of it.
    async fn told_while_held(&mut self) -> Verdict {
        let gate = Gate::default();
        self.serve("stuck", Gated(gate.clone(), Journal::default())).await?;
        let target = [service("stuck")];
        if self.offers(Capability::Rules) {
            self.rule(Rule::new("stuck", Filter::everything(), target)).await?;
        } else if self.offers(Capability::ExplicitTargets) {
            let event = Event { targets: target.into(), ..self.event() };
            self.system.publish(Arc::new(event), OnFull::Wait).await?;
        } else {
            return Ok(());
        }
        for _ in 0..4 {
            let event = self.event();
            self.system.publish(Arc::new(event), OnFull::Wait).await?;
        }
        gate.approached(1).await;
        let gauges = self.gauges().await?;
        let passing = gauges.iter().filter(|gauge| gauge.holds == Holds::Passing && gauge.len > 0).count();
        ensure(gauges.is_empty() || passing > 0, "a gauge tells of what is in a handler's hands")?;
        gate.open();
        self.quiet().await?;
        held_too_long(&self.gauges().await?, None)
    }
}

/// At a quiet moment: nothing passes, bounds are kept, and nothing else is more than it was.
fn held_too_long(gauges: &[Gauge], before: Option<&BTreeMap<String, u64>>) -> Verdict {
    for Gauge { structure, len, holds } in gauges {
        match holds {
            Holds::Passing => same(format_args!("entries of `{structure}` at quiet"), 0, *len)?,
            Holds::Kept { most } => {
                ensure(len <= most, format_args!("`{structure}` keeps at most {most} entries ({len})"))?;
            }
            Holds::Registered => {
                let most = before.map(|before| before.get(&**structure).copied().unwrap_or(0));
                let grown = most.is_some_and(|most| *len > most);
                ensure(!grown, format_args!("`{structure}` is no longer than before ({most:?}, now {len})"))?;
            }
        }
    }
    Ok(())
}

fn registered(gauges: &[Gauge]) -> BTreeMap<String, u64> {
    let registered = gauges.iter().filter(|gauge| gauge.holds == Holds::Registered);
    registered.map(|gauge| (gauge.structure.clone().into_owned(), gauge.len)).collect()
}
