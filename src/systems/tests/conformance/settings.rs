//! Settings of a CrucibleCore that the suite has to hold for as well.

use std::time::Duration;

use crucible_events::crucible_core::Config;
use crucible_events::routing::{BreakerPolicy, RetryPolicy, WindowPolicy};

/// Everything that has a bound at a small one, so that it is met by whatever a case does.
pub(crate) fn small() -> Config {
    let millis = Duration::from_millis;
    Config {
        mailbox_capacity: 16,
        batch: 16,
        concurrent_deliveries: 24,
        event_timeout: millis(2_000),
        handler_timeout: millis(500),
        window: WindowPolicy { entries: 16, time: millis(1_000) },
        retry: RetryPolicy { first: millis(10), longest: millis(30), jitter: 0.9, seed: 3 },
        breaker: BreakerPolicy { threshold: 2, open_for: millis(300), probes: 3 },
        dead_letters: 8,
        byte_budget: Some(Config::default().limits.held_bytes()),
        ..Config::default()
    }
}

/// Cases that wait for a time of the terms, and the settings which make that short where it is the real
/// clock that passes; and those that need a byte budget. All other times stay what they are: so none comes in the way of a slow machine.
pub(crate) fn short() -> [(&'static [&'static str], Config); 6] {
    let with = |shorten: fn(&mut Config)| {
        let mut config = Config::default();
        shorten(&mut config);
        config
    };
    [
        (&["new in time"], with(|config| config.window.time = Duration::from_secs(1))),
        (
            &["not begun in time", "begun in time", "late from when it is due"],
            with(|config| config.event_timeout = Duration::from_millis(500)),
        ),
        (
            &["a handler that stalls", "a time-out of its own"],
            with(|config| config.handler_timeout = Duration::from_millis(100)),
        ),
        (
            &[
                "left alone",
                "tried and found ill",
                "a row ends",
                "health is told",
                "panics count together",
                "nothing piles up",
            ],
            with(|config| config.breaker.open_for = Duration::from_millis(200)),
        ),
        (
            &["no more than the budget", "a batch at the budget", "held until settled", "letters give way"],
            with(|config| config.byte_budget = Some(config.limits.held_bytes())),
        ),
        // They show nothing to a machine that is slower than this.
        (
            &["health-based", "priority-based", "nobody is available", "a panic is a failure"],
            with(|config| config.breaker.open_for = Duration::from_secs(1)),
        ),
    ]
}

/// The settings of [`short`] for this case, if there are.
pub(crate) fn short_for(case: &str) -> Option<Config> {
    short().into_iter().find(|(cases, _)| cases.contains(&case)).map(|(_, config)| config)
}
