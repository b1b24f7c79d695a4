use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::limiter::Limiter;
use super::mailbox::SMALLEST_BATCH;
use super::window::Window;
use crate::event::Limits;
use crate::routing::{BreakerPolicy, RetryPolicy, Terms, WindowPolicy};

/// Settings of a [`CrucibleCore`](super::CrucibleCore). In TOML every setting may be left out, and durations
/// are texts such as `"250ms"`, `"30s"` or `"1m 30s"`:
///
/// ```
/// # use crucible_events::crucible_core::Config;
/// let config = Config::from_toml(r#"
///     mailbox_capacity = 4096
///     event_timeout = "5s"
///     [breaker]
///     threshold = 10
/// "#)?;
/// assert_eq!(config.breaker.threshold, 10);
/// assert_eq!(config.batch, Config::default().batch);
/// # Ok::<(), crucible_events::crucible_core::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Deliveries that wait for one service at most, those that wait for a retry or their scheduled moment
    /// included; 1 or more. With the default a service that takes 10 µs an event is 10 ms behind when its
    /// mailbox is full. Since services share the envelopes in which events were published together, a full
    /// mailbox may keep alive up to 8 events for each that waits in it.
    pub mailbox_capacity: usize,
    /// Deliveries handed to a service at once at most; 16 or more, so that every priority has a place in
    /// each batch. At 64 the cost of a wake-up, a lock and a handler's future is spread thin enough to
    /// vanish beside the work per event, and an urgent event waits for 64 others at most.
    pub batch: usize,
    /// Deliveries in the hands of all handlers together at most; 1 or more. The default lets a thousand
    /// services work at full batches.
    pub concurrent_deliveries: usize,
    /// A delivery that was not begun this long after it was accepted, or due, has expired; longer than 0.
    #[serde(with = "humantime_serde")]
    pub event_timeout: Duration,
    /// A handler that takes longer for a batch has failed; longer than 0. A service may have its own.
    #[serde(with = "humantime_serde")]
    pub handler_timeout: Duration,
    /// Which ids count as seen.
    pub window: WindowPolicy,
    /// When failed deliveries are tried again.
    pub retry: RetryPolicy,
    /// When a service is left alone.
    pub breaker: BreakerPolicy,
    /// Dead letters kept at most; older ones make room. 0: none.
    pub dead_letters: usize,
    /// Bytes of events held at most, from when they are accepted until nobody is to get them any more and no dead letter
    /// is kept of them; at least as many as the largest event that `limits` allow. What would exceed it is refused, but
    /// for dead letters that can make room: the oldest go first. An event that nobody gets needs none. Left out: no bound
    /// but those of the mailboxes, which count deliveries and not bytes.
    ///
    /// An event counts once, with [`Event::held_bytes`](crate::event::Event::held_bytes), however many services get it
    /// and however often it is tried; as long as one event of an [envelope](crate::routing::Envelope) is held, all of it
    /// is. What does not count is bounded by the other settings: for each event some 200 bytes around it; for each
    /// delivery in a mailbox its entry, about 50 bytes, so `mailbox_capacity` of them for a service; for each retry in
    /// the hands of a handler a copy of the event without its payload, so `batch` of them for a service.
    ///
    /// The budget is one for all. What a service that stands still has not taken counts against everybody: where it
    /// holds all of it, nothing is accepted for others either, however urgent, until `handler_timeout` ends
    /// what it is at. A smaller `mailbox_capacity` bounds what one service can hold.
    pub byte_budget: Option<u64>,
    /// What is refused.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mailbox_capacity: 1024,
            batch: 64,
            concurrent_deliveries: 65_536,
            event_timeout: Duration::from_secs(30),
            handler_timeout: Duration::from_secs(30),
            window: WindowPolicy::default(),
            retry: RetryPolicy::default(),
            breaker: BreakerPolicy::default(),
            dead_letters: 1024,
            byte_budget: None,
            limits: Limits::default(),
        }
    }
}

/// Settings that cannot work.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum ConfigError {
    #[error("{field}: {value}, but it must be from {least} to {most}")]
    OutOfRange { field: &'static str, value: String, least: String, most: String },
    #[error("{field}: 0s, but it must be longer")]
    NoTime { field: &'static str },
    #[error("{field}: {value}, but {other} is only {bound}")]
    Exceeds { field: &'static str, value: String, other: &'static str, bound: String },
    #[error(
        "byte_budget: {value}, but an event that `limits` allow may take {least}, and would never be accepted"
    )]
    SmallBudget { value: u64, least: u64 },
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
}

impl Config {
    /// Settings from TOML text; what is left out is as by default.
    ///
    /// # Errors
    /// Malformed text or an unknown setting, with its line and column, or the first setting that cannot work.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// The first one that cannot work.
    pub fn check(&self) -> Result<(), ConfigError> {
        in_range("mailbox_capacity", self.mailbox_capacity, 1, usize::MAX)?;
        in_range("batch", self.batch, SMALLEST_BATCH, usize::MAX)?;
        in_range("concurrent_deliveries", self.concurrent_deliveries, 1, Limiter::MOST)?;
        has_time("event_timeout", self.event_timeout)?;
        has_time("handler_timeout", self.handler_timeout)?;
        in_range("window.entries", self.window.entries, 0, Window::MOST)?;
        if self.window.entries > 0 {
            has_time("window.time", self.window.time)?;
        }
        self.check_retry()?;
        in_range("breaker.threshold", self.breaker.threshold, 1, u32::MAX)?;
        has_time("breaker.open_for", self.breaker.open_for)?;
        in_range("breaker.probes", self.breaker.probes, 1, usize::MAX)?;
        self.check_budget()
    }

    fn check_budget(&self) -> Result<(), ConfigError> {
        let least = self.limits.held_bytes();
        match self.byte_budget {
            Some(value) if value < least => Err(ConfigError::SmallBudget { value, least }),
            _ => Ok(()),
        }
    }

    fn check_retry(&self) -> Result<(), ConfigError> {
        let RetryPolicy { first, longest, jitter, .. } = self.retry;
        has_time("retry.first", first)?;
        if first > longest {
            let shown = |duration| humantime::format_duration(duration).to_string();
            let (value, bound) = (shown(first), shown(longest));
            return Err(ConfigError::Exceeds { field: "retry.first", value, other: "retry.longest", bound });
        }
        in_range("retry.jitter", jitter, 0.0, 1.0)
    }

    /// What these settings promise.
    pub(super) fn terms(&self) -> Terms {
        Terms {
            mailbox_capacity: Some(self.mailbox_capacity),
            batch: Some(self.batch),
            concurrent_deliveries: Some(self.concurrent_deliveries),
            event_timeout: Some(self.event_timeout),
            handler_timeout: Some(self.handler_timeout),
            window: Some(self.window),
            retry: Some(self.retry),
            breaker: Some(self.breaker),
            dead_letters: Some(self.dead_letters),
            byte_budget: self.byte_budget,
        }
    }
}

fn in_range<T: PartialOrd + ToString>(
    field: &'static str,
    value: T,
    least: T,
    most: T,
) -> Result<(), ConfigError> {
    // Not a number is in no range.
    if value >= least && value <= most {
        return Ok(());
    }
    let [value, least, most] = [value, least, most].map(|value| value.to_string());
    Err(ConfigError::OutOfRange { field, value, least, most })
}

fn has_time(field: &'static str, duration: Duration) -> Result<(), ConfigError> {
    if duration.is_zero() { Err(ConfigError::NoTime { field }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut Config)) -> String {
        let mut config = Config::default();
        change(&mut config);
        config.check().expect_err("refused").to_string()
    }

    #[test]
    fn what_cannot_work_is_named() {
        assert_eq!(Config::default().check(), Ok(()));
        let least =
            |name, value, least| format!("{name}: {value}, but it must be from {least} to {}", usize::MAX);
        assert_eq!(refusal(|c| c.mailbox_capacity = 0), least("mailbox_capacity", 0, 1));
        assert_eq!(refusal(|c| c.batch = 15), least("batch", 15, 16));
        assert_eq!(refusal(|c| c.breaker.probes = 0), least("breaker.probes", 0, 1));
        assert!(refusal(|c| c.concurrent_deliveries = 0).starts_with("concurrent_deliveries: 0, but"));
        assert!(refusal(|c| c.concurrent_deliveries = usize::MAX).starts_with("concurrent_deliveries: 1844"));
        assert!(refusal(|c| c.breaker.threshold = 0).starts_with("breaker.threshold: 0, but"));
        assert_eq!(refusal(|c| c.event_timeout = Duration::ZERO), "event_timeout: 0s, but it must be longer");
        assert!(refusal(|c| c.handler_timeout = Duration::ZERO).starts_with("handler_timeout"));
        assert!(refusal(|c| c.window.entries = 1 << 25).starts_with("window.entries: 33554432, but"));
        assert!(refusal(|c| c.window.time = Duration::ZERO).starts_with("window.time"));
        assert!(refusal(|c| c.breaker.open_for = Duration::ZERO).starts_with("breaker.open_for"));
        assert!(refusal(|c| c.retry.first = Duration::ZERO).starts_with("retry.first"));
        assert_eq!(
            refusal(|c| c.retry.longest = Duration::from_millis(99)),
            "retry.first: 100ms, but retry.longest is only 99ms"
        );
        assert_eq!(refusal(|c| c.retry.jitter = 1.5), "retry.jitter: 1.5, but it must be from 0 to 1");
        assert!(refusal(|c| c.retry.jitter = f64::NAN).starts_with("retry.jitter: NaN"));
    }

    #[test]
    fn a_budget_has_room_for_the_largest_event() {
        let least = Limits::default().held_bytes();
        let refused = refusal(|c| c.byte_budget = Some(least - 1));
        let expected = format!(
            "byte_budget: {}, but an event that `limits` allow may take {least}, and would never be accepted",
            least - 1
        );
        assert_eq!(refused, expected);
        assert_eq!(Config { byte_budget: Some(least), ..Config::default() }.check(), Ok(()));
        let config = Config::from_toml("byte_budget = 20_000_000").expect("enough");
        assert_eq!((config.byte_budget, config.terms().byte_budget), (Some(20_000_000), Some(20_000_000)));
    }

    #[test]
    fn what_was_written_is_read_again_and_what_is_left_out_is_as_by_default() {
        let mut config =
            Config { batch: 99, event_timeout: Duration::from_millis(90_500), ..Config::default() };
        config.byte_budget = Some(1 << 30);
        config.breaker.open_for = Duration::from_secs(7);
        config.limits.targets = 3;
        let text = toml::to_string(&config).expect("every setting has a text");
        assert_eq!(Config::from_toml(&text), Ok(config));
        assert_eq!(Config::from_toml(""), Ok(Config::default()));
    }

    #[test]
    fn wrong_text_is_refused_with_its_place() {
        let refusal = |text: &str| Config::from_toml(text).expect_err(text).to_string();
        let unknown = refusal("batch = 64\nbach = 3\n");
        assert!(
            unknown.contains("line 2, column 1") && unknown.contains("unknown field `bach`"),
            "{unknown}"
        );
        let wrong = refusal("[retry]\nfirst = \"fast\"");
        assert!(wrong.contains("line 2, column 9"), "{wrong}");
        assert!(refusal("batch = -1").contains("batch"));
        assert!(refusal("[breaker]\nthreshold = 0").starts_with("breaker.threshold: 0, but"));
    }
}
