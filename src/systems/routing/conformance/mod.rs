//! Holds any [`EventSystem`] to the contract: [`run`] it on a system of your own.
//!
//! Every case makes a promise in one sentence, gets a fresh system, and compares what happened with
//! the [`Oracle`](super::Oracle). Nothing depends on how long something takes: a case waits for what
//! has to happen, and fails when it does not within [`LIMIT`]. Under tokio's paused clock
//! (`start_paused`) that is known at once.
//!
//! ```no_run
//! # use crucible_events::routing::{EventSystem, conformance};
//! # async fn check<Mine: EventSystem>(new: impl Fn() -> Mine) {
//! let report = conformance::run(new).await;
//! println!("{report}");
//! assert!(report.conforms());
//! # }
//! ```

mod actor;
mod back_pressure;
mod balancing;
mod books;
mod breakers;
mod budget;
mod clock;
mod concurrency;
mod dead_letters;
mod deliveries;
mod drop_lowest;
mod duplicates;
mod fault;
mod gauges;
mod groups;
mod panics;
mod priorities;
mod publishing_handlers;
mod refusals;
mod report;
mod retries;
mod routes;
mod rules;
mod schedules;
mod services;
mod shutdown;
mod stage;
mod timeouts;
mod volume;
mod witness;

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

pub use fault::{Fault, Verdict};
pub use report::{CaseReport, Outcome, Report, Table};

use super::{BoxFuture, Capability, EventSystem, Terms};
use stage::Stage;

/// A case that takes longer, beside what its system's time-outs take, hangs. The longest takes a few seconds
/// in an unoptimized build.
pub const LIMIT: Duration = Duration::from_secs(60);

/// How long a case may take on a system of these terms: none waits for any of their times more often.
fn limit(terms: &Terms) -> Duration {
    const WAITS: u32 = 20;
    let times = [
        terms.event_timeout,
        terms.handler_timeout,
        terms.window.map(|window| window.time),
        terms.retry.map(|retry| retry.longest),
        terms.breaker.map(|breaker| breaker.open_for),
    ];
    let longest = times.into_iter().flatten().max().unwrap_or_default();
    LIMIT.saturating_add(longest.saturating_mul(WAITS))
}

/// One promise, and how it is checked.
struct Case<S> {
    name: &'static str,
    promise: &'static str,
    needs: &'static [Capability],
    check: fn(Stage<S>) -> BoxFuture<'static, Verdict>,
}

fn cases<S: EventSystem>() -> Vec<Case<S>> {
    [
        routes::cases(),
        refusals::cases(),
        rules::cases(),
        services::cases(),
        groups::cases(),
        deliveries::cases(),
        publishing_handlers::cases(),
        books::cases(),
        gauges::cases(),
        priorities::cases(),
        back_pressure::cases(),
        drop_lowest::cases(),
        balancing::cases(),
        duplicates::cases(),
        schedules::cases(),
        timeouts::cases(),
        retries::cases(),
        dead_letters::cases(),
        breakers::cases(),
        budget::cases(),
        concurrency::cases(),
        panics::cases(),
        shutdown::cases(),
        volume::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Holds the systems that `make` makes to all promises, one fresh system each. Runs inside the
/// caller's tokio runtime, which needs its timer; `make` is called inside it too.
pub async fn run<S: EventSystem>(make: impl Fn() -> S) -> Report {
    run_selected(make, |_| true).await
}

/// [`run`] with those cases whose name is selected.
pub async fn run_selected<S: EventSystem>(make: impl Fn() -> S, select: impl Fn(&str) -> bool) -> Report {
    let mut reports = Vec::new();
    for case in cases::<S>() {
        if select(case.name) {
            reports.push(CaseReport {
                name: case.name,
                promise: case.promise,
                outcome: attempt(&case, &make).await,
            });
        }
    }
    Report { cases: reports }
}

async fn attempt<S: EventSystem>(case: &Case<S>, make: &impl Fn() -> S) -> Outcome {
    let system = Arc::new(make());
    let limit = limit(&system.terms());
    match tokio::time::timeout(limit, unwinding(check(case, system))).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => Outcome::Failed(Fault::new(format!("it panicked: {panic}"))),
        Err(_) => Outcome::Failed(Fault::new("it hangs: what has to happen does not")),
    }
}

async fn check<S: EventSystem>(case: &Case<S>, system: Arc<S>) -> Outcome {
    let offered = system.capabilities();
    if let Some(&missing) = case.needs.iter().find(|&&needed| !offered.offers(needed)) {
        return Outcome::NotOffered(missing);
    }
    let verdict = (case.check)(Stage::new(system.clone())).await;
    // Ends the system's tasks; whether it shuts down as promised is for cases of its own to tell.
    let _ = system.shutdown(Duration::ZERO).await;
    verdict.map_or_else(Outcome::Failed, |()| Outcome::Passed)
}

/// Runs a future that may panic; the message of its panic if it does. It is not polled again after
/// that, which is why it needs not be unwind safe.
async fn unwinding<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Err(panic) => Poll::Ready(Err(message(&*panic))),
    })
    .await
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_before_or_after_waiting_is_told_with_its_message() {
        let at_once = unwinding(async { panic!("at {}", "once") }).await;
        assert_eq!(at_once, Err::<(), _>("at once".to_owned()));
        let later = unwinding(async {
            tokio::task::yield_now().await;
            panic!("later");
        });
        assert_eq!(later.await, Err::<(), _>("later".to_owned()));
        assert_eq!(unwinding(async { 7 }).await, Ok(7));
    }

    #[test]
    fn every_case_has_a_name_of_its_own_and_a_promise_in_one_sentence() {
        let cases = cases::<crate::crucible_core::CrucibleCore>();
        let names: std::collections::BTreeSet<_> = cases.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), cases.len());
        assert!(cases.iter().all(|case| case.promise.ends_with('.')));
    }
}
