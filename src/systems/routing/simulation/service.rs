use std::future::pending;
use std::panic::resume_unwind;
use std::sync::Weak;
use std::time::Duration;

use super::behaviour::{Finish, Plan};
use super::generate::PUBLISHERS;
use super::handing::Ended;
use super::publishing::{Manner, publish};
use super::world::World;
use crate::routing::{Batch, BatchOutcome, EventSystem, Failure, Handler};

/// A service that does what its [`Plan`] says, and lets the model look.
pub(super) struct Service<S> {
    pub(super) world: World,
    pub(super) system: Weak<S>,
    pub(super) actor: usize,
}

/// A call of the handler, however it ends.
struct Call<'a> {
    world: &'a World,
    actor: usize,
    ended: Ended,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let ended = std::mem::replace(&mut self.ended, Ended::Dropped);
        self.world.lock().end(self.actor, ended);
    }
}

impl<S: EventSystem> Handler for Service<S> {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        let Plan { failed, follow_ups, on_full, yields, sleep_ms, finish } =
            self.world.lock().begin(self.actor, batch);
        let mut call = Call { world: &self.world, actor: self.actor, ended: Ended::Dropped };
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
        if !follow_ups.is_empty()
            && let Some(system) = self.system.upgrade()
        {
            let publisher = PUBLISHERS + 1 + self.actor;
            let manner = Manner { publisher, batch: yields % 2 == 0, on_full, in_handler: true };
            let drafts: Vec<_> = follow_ups.into_iter().map(|(cause, draft)| (Some(cause), draft)).collect();
            Box::pin(publish(&self.world, &*system, manner, &drafts)).await;
        }
        if sleep_ms > 0 {
            tokio::time::sleep(Duration::from_millis(sleep_ms)).await;
        }
        match finish {
            Finish::Returns => {}
            // Without the hook that prints: it is meant to happen.
            Finish::Panics => {
                call.ended = Ended::Panicked;
                resume_unwind(Box::new("simulated"));
            }
            Finish::Stalls => pending().await,
        }
        let outcome = outcome(&failed);
        call.ended = Ended::Done(failed);
        outcome
    }
}

/// Positions in no order, as a handler may name them.
fn outcome(failed: &[bool]) -> BatchOutcome {
    let failing = failed.iter().enumerate().rev().filter(|&(_, &failed)| failed);
    let failures: Vec<_> =
        failing.map(|(position, _)| Failure { position, reason: "simulated".to_owned() }).collect();
    if failures.is_empty() { BatchOutcome::Acknowledged } else { BatchOutcome::Failed(failures) }
}
