use super::mailbox::SMALLEST_BATCH;
use crate::event::Limits;

/// Settings of a [`CrucibleCore`](super::CrucibleCore).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Events that wait for one service at most; 1 or more. With the default a mailbox that is full
    /// holds 8 KiB of pointers, and a service that takes 10 µs an event is 10 ms behind.
    pub mailbox_capacity: usize,
    /// Events handed to a service at once at most; 16 or more, so that every priority has a place in
    /// each batch. At 64 the cost of a wake-up, a lock and a handler's future is spread thin enough to
    /// vanish beside the work per event, and an urgent event waits for 64 others at most.
    pub batch: usize,
    /// What is refused.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self { mailbox_capacity: 1024, batch: 64, limits: Limits::default() }
    }
}

/// A setting that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {value}, but it must be at least {least}")]
pub struct ConfigError {
    field: &'static str,
    value: usize,
    least: usize,
}

impl Config {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first one that cannot work.
    pub fn check(&self) -> Result<(), ConfigError> {
        at_least("mailbox_capacity", self.mailbox_capacity, 1)?;
        at_least("batch", self.batch, SMALLEST_BATCH)
    }
}

fn at_least(field: &'static str, value: usize, least: usize) -> Result<(), ConfigError> {
    if value >= least { Ok(()) } else { Err(ConfigError { field, value, least }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_named() {
        assert_eq!(Config::default().check(), Ok(()));
        let refusal = |config: Config| config.check().expect_err("refused").to_string();
        let none = Config { mailbox_capacity: 0, ..Config::default() };
        assert_eq!(refusal(none), "mailbox_capacity: 0, but it must be at least 1");
        let small = Config { batch: 15, ..Config::default() };
        assert_eq!(refusal(small), "batch: 15, but it must be at least 16");
    }
}
