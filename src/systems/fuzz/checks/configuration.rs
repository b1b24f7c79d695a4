//! A text is a configuration that works or an error.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crucible_events::crucible_core::{Config, CrucibleCore};
use crucible_events::event::{Event, EventId, EventKind, Payload, Target, Timestamp};
use crucible_events::routing::{
    Batch, BatchOutcome, EventSystem, Failure, Handler, OnFull, ServiceSpec, SystemError,
};

use super::bounded::within;

/// What reading TOML may allocate beside what its length accounts for: the parser takes 200 KiB where it goes on after an error.
const BUDGET: usize = 512 << 10;

/// Reads `data` as TOML; what is a configuration is written and read to the same, keeps its own bounds, and a system runs
/// with it. Returns whether it is one.
///
/// # Panics
/// If anything of it does not hold.
pub fn check(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    match within(BUDGET + 512 * data.len(), || Config::from_toml(text)) {
        Ok(config) => {
            keeps_its_bounds(&config);
            let written = toml::to_string(&config).unwrap_or_else(|error| panic!("{error}: {config:?}"));
            assert_eq!(Config::from_toml(&written).as_ref(), Ok(&config), "written as {written}");
            works(config).expect("nothing is refused, and the ledger balances");
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty(), "{error:?} says nothing");
            false
        }
    }
}

/// Every bound that the documentation of a setting tells.
fn keeps_its_bounds(config: &Config) {
    let Config { retry, breaker, window, .. } = config;
    assert!(config.mailbox_capacity >= 1 && config.batch >= 16 && config.concurrent_deliveries >= 1);
    assert!(breaker.threshold >= 1 && breaker.probes >= 1 && window.entries <= 1 << 24);
    assert!(retry.first <= retry.longest && (0.0..=1.0).contains(&retry.jitter));
    assert!(config.byte_budget.is_none_or(|budget| budget >= config.limits.held_bytes()));
    let times = [config.event_timeout, config.handler_timeout, retry.first, breaker.open_for];
    assert!(!times.contains(&Duration::ZERO));
    assert!(window.entries == 0 || !window.time.is_zero());
}

/// Fails the first batch that it gets.
struct FailsOnce(Arc<AtomicBool>);

impl Handler for FailsOnce {
    async fn handle(&self, batch: Batch<'_>) -> BatchOutcome {
        if self.0.swap(true, Ordering::Relaxed) {
            return BatchOutcome::Acknowledged;
        }
        let failure = |position| Failure { position, reason: "the first".to_owned() };
        BatchOutcome::Failed((0..batch.len()).map(failure).collect())
    }
}

/// How long a system may take to end.
const GRACE: Duration = Duration::from_secs(1);

/// A system with these settings takes two events, one of which fails once, and ends at once.
fn works(mut config: Config) -> Result<(), SystemError> {
    config.window.entries = config.window.entries.min(64); // it may be asked to remember 670 MB of ids
    // A payload is to fit, and its names.
    (config.limits.payload_bytes, config.limits.name_bytes, config.limits.targets) = (1, 1, 1);
    let no_pause = config.breaker.threshold > 1 && config.mailbox_capacity > 1;
    let soon_again = no_pause && config.retry.first < GRACE;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime of one thread needs nothing but memory");
    runtime.block_on(async {
        let core = within(64 * 1024, || CrucibleCore::new(config)).expect("it was checked");
        let failed = Arc::new(AtomicBool::new(false));
        core.register(ServiceSpec::new("s"), FailsOnce(failed.clone())).await?;
        for id in 1..=2 {
            let payload = Payload::Binary("p".into());
            let event = Event::new(EventId(id), EventKind::Metrics, "s", Timestamp(0), payload);
            let event = Event { targets: [Target::Service("s".into())].into(), ..event };
            core.publish(Arc::new(event), OnFull::Refuse).await?;
            tokio::task::yield_now().await;
        }
        let ledger = core.shutdown(GRACE).await?;
        assert_eq!(ledger.check(), Ok(()));
        assert!(ledger.accepted >= 1, "an empty mailbox has room: {ledger:?}");
        // A service whose task has panicked does nothing more, and nobody else notices.
        assert!(failed.load(Ordering::Relaxed), "the first was not handed over: {ledger:?}");
        assert!(ledger.acknowledged >= 1 || !no_pause, "the second was not handed over: {ledger:?}");
        assert!(ledger.acknowledged == 2 || !soon_again, "the first was not tried again: {ledger:?}");
        Ok(())
    })
}
