use std::time::Duration;

use crate::event::EventId;
use crate::routing::chance::{fraction, splitmix64};
use crate::routing::{RetryPolicy, ServiceKey};

/// How long a delivery waits after its `failures`-th failure, from 1. Chance depends on the delivery, so
/// that those that failed together do not come back together, and not on what else happens.
pub fn wait(policy: &RetryPolicy, failures: u16, service: ServiceKey, event: EventId) -> Duration {
    let doublings = u32::from(failures.saturating_sub(1)).min(31);
    let longest = policy.first.saturating_mul(1 << doublings).min(policy.longest);
    let draw = splitmix64(policy.seed ^ service.mix(event), failures.into());
    // Near the end of its range, `mul_f64` would round up to more than a Duration holds, and panic.
    let share = longest.as_secs_f64() * (1.0 - policy.jitter * fraction(draw));
    Duration::try_from_secs_f64(share).map_or(longest, |wait| wait.min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(policy: &RetryPolicy, failures: u16) -> Vec<Duration> {
        let key = ServiceKey::of("a");
        (1..=1_000).map(|id| wait(policy, failures, key, EventId(id))).collect()
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let policy = RetryPolicy {
            first: Duration::from_millis(10),
            longest: Duration::from_millis(70),
            jitter: 0.0,
            seed: 1,
        };
        let millis = |failures| waits(&policy, failures)[0].as_millis();
        assert_eq!([1, 2, 3, 4, 5, u16::MAX].map(millis), [10, 20, 40, 70, 70, 70]);
    }

    #[test]
    fn the_longest_duration_is_a_wait_like_any_other() {
        let policy = RetryPolicy {
            first: Duration::MAX,
            longest: Duration::MAX,
            jitter: 0.0,
            ..RetryPolicy::default()
        };
        assert_eq!(waits(&policy, 1)[0], Duration::MAX);
        let half = waits(&RetryPolicy { jitter: 0.5, ..policy }, 2);
        assert!(half.iter().all(|wait| *wait >= Duration::MAX / 2));
    }

    #[test]
    fn jitter_takes_its_share_and_no_more() {
        let policy = RetryPolicy { first: Duration::from_millis(100), jitter: 0.5, ..RetryPolicy::default() };
        let waits = waits(&policy, 1);
        let (least, most) = (waits.iter().min(), waits.iter().max());
        assert!(least >= Some(&Duration::from_millis(50)) && most <= Some(&Duration::from_millis(100)));
        assert!(least < Some(&Duration::from_millis(51)) && most > Some(&Duration::from_millis(99)));
        let mean = waits.iter().sum::<Duration>() / 1_000;
        assert!(mean.abs_diff(Duration::from_millis(75)) < Duration::from_millis(2), "{mean:?}");
    }

    #[test]
    fn the_seed_the_service_and_the_number_of_failures_count() {
        let policy = RetryPolicy::default();
        let of = |seed, service: &str, failures| {
            wait(&RetryPolicy { seed, ..policy }, failures, ServiceKey::of(service), EventId(5)).as_nanos()
        };
        assert_eq!(of(1, "a", 1), of(1, "a", 1));
        assert_ne!(of(1, "a", 1), of(2, "a", 1));
        assert_ne!(of(1, "a", 1), of(1, "b", 1));
        assert_ne!(of(1, "a", 1) * 2, of(1, "a", 2));
    }
}
