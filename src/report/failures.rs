//! The tables of the example `failures`.

use std::fmt::Write;
use std::time::Duration;

use crucible_tables::{columns, thousands};

use super::quantity::{bytes, rate, three_digits};
use crate::experiment::failures::{FailureRound, Kept, Recovery, RoundPair};
use crate::measure::Reading;
use crate::stats::{RatioError, RatioEstimate, median};

/// What is promised: the others lose no more than a tenth.
pub const LEAST_RATIO: f64 = 0.9;

/// Pairs of rounds whose deliveries take their services the same work.
#[derive(Debug)]
pub struct Compared {
    /// What each delivery takes.
    pub work: String,
    /// In the order in which they were run.
    pub pairs: Vec<RoundPair>,
}

/// A line for each: the others' throughput under either condition, per second and per CPU second.
///
/// # Errors
/// No rounds, or one in which nothing was acknowledged.
pub fn throughput(compared: &[Compared]) -> Result<String, RatioError> {
    let head = [
        "each delivery takes",
        "nobody fails /s",
        "failing /s",
        "ratio",
        "ratio of CPU",
        "retried",
        "breakers opened",
        "turned away",
    ];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    for Compared { work, pairs } in compared {
        let middle = |of: fn(&RoundPair) -> f64| {
            let values: Vec<f64> = pairs.iter().map(of).collect();
            median(&values)
        };
        let per_cpu: Option<Vec<f64>> =
            pairs.iter().map(|pair| log_ratio(pair, FailureRound::per_cpu_second)).collect();
        let per_second: Vec<f64> =
            pairs.iter().filter_map(|pair| log_ratio(pair, |round| Some(round.per_second()))).collect();
        let per_cpu = per_cpu.map_or_else(|| Ok("–".to_owned()), |logs| ratio(&logs))?;
        let retried: u64 = pairs.iter().map(|pair| pair.failing.retried).sum();
        let breakers_opened: u64 = pairs.iter().map(|pair| pair.failing.breakers_opened).sum();
        let turned_away: u64 = pairs.iter().map(|pair| pair.failing.others_turned_away).sum();
        lines.push(vec![
            work.clone(),
            middle(|pair| pair.sound.per_second()).map_or_else(|| "–".to_owned(), rate),
            middle(|pair| pair.failing.per_second()).map_or_else(|| "–".to_owned(), rate),
            ratio(&per_second)?,
            per_cpu,
            thousands(retried),
            thousands(breakers_opened),
            thousands(turned_away),
        ]);
    }
    Ok(columns(&lines))
}

fn log_ratio(pair: &RoundPair, of: impl Fn(&FailureRound) -> Option<f64>) -> Option<f64> {
    Some((of(&pair.failing)? / of(&pair.sound)?).ln())
}

fn ratio(logs: &[f64]) -> Result<String, RatioError> {
    let estimate = RatioEstimate::from_log_ratios(logs, 0.95)?;
    let interval = estimate.interval.map_or_else(
        || "[too few rounds]".to_owned(),
        |interval| format!("[{:.3}, {:.3}]", interval.low, interval.high),
    );
    Ok(format!("{:.3} {interval}", estimate.ratio))
}

/// A line for each stall; times after its end in periods of the breaker.
pub fn recovery(recoveries: &[Recovery], period: Duration) -> String {
    let head = ["stalled for", "breaker opened", "waited", "first acknowledged", "caught up"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    let periods = |time: Duration| format!("{:.3} periods", time.as_secs_f64() / period.as_secs_f64());
    for recovery in recoveries {
        lines.push(vec![
            format!("{} ms", recovery.stalled.as_millis()),
            recovery.opened.to_string(),
            thousands(recovery.backlog),
            periods(recovery.first),
            periods(recovery.caught_up),
        ]);
    }
    columns(&lines)
}

/// A line for each thing that is kept, and the memory it takes.
pub fn kept(kept: &Kept) -> String {
    let line =
        |what: &str, seen: u64, allowed: u64| vec![what.to_owned(), thousands(seen), thousands(allowed)];
    let Kept { seen, allowed, .. } = kept;
    let lines = [
        ["kept", "at most, seen", "at most, allowed"].map(str::to_owned).to_vec(),
        line("deliveries waiting for the stalled service", seen.deliveries, allowed.deliveries),
        line("dead letters", seen.dead_letters, allowed.dead_letters),
        line("ids that count as seen", seen.ids, allowed.ids),
    ];
    let mut out = columns(&lines);
    let size = |reading: &Reading<u64>| match reading {
        Reading::Value(size) => bytes(*size),
        Reading::Absent { not_measured } => format!("not measured ({not_measured})"),
    };
    let pinned = kept.events_pinned_at_most;
    let _ = writeln!(
        out,
        "{} events published, {} deliveries turned away once the mailbox was full ({}× its room).\nResident beyond \
         the beginning: {} when it was full, {} at most until the end.\nA full mailbox keeps {} events alive at most, \
         {} as they arrive.",
        thousands(kept.events),
        thousands(kept.turned_away),
        three_digits(kept.turned_away as f64 / kept.mailbox_capacity as f64),
        size(&kept.resident_when_full),
        size(&kept.resident_peak),
        thousands(pinned),
        bytes(pinned * kept.event_bytes),
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::failures::KeptMost;

    fn round(acknowledged: u64, retried: u64) -> FailureRound {
        FailureRound {
            acknowledged,
            elapsed: Duration::from_millis(500),
            cpu: Reading::Value(Duration::from_millis(400)),
            errors: retried,
            retried,
            dead_lettered: 0,
            breakers_opened: retried / 1_000,
            turned_away: 3 * retried,
            others_turned_away: retried / 100,
        }
    }

    #[test]
    fn throughputs_stand_beside_their_ratio() {
        let pairs = vec![RoundPair { sound: round(50_000, 0), failing: round(46_000, 2_400) }; 6];
        let shown = throughput(&[Compared { work: "10µs of CPU".to_owned(), pairs }]).expect("six rounds");
        let expected = "\
each delivery takes  nobody fails /s  failing /s                 ratio          ratio of CPU  retried  \
breakers opened  turned away
10µs of CPU                  100,000      92,000  0.920 [0.920, 0.920]  0.920 [0.920, 0.920]   14,400               \
12          144
";
        assert_eq!(shown, expected);
        assert_eq!(throughput(&[Compared { work: String::new(), pairs: vec![] }]), Err(RatioError::NoRounds));
    }

    #[test]
    fn times_after_a_stall_are_in_periods() {
        let stall = Recovery {
            stalled: Duration::from_millis(1_234),
            opened: 2,
            backlog: 1_024,
            first: Duration::from_millis(50),
            caught_up: Duration::from_millis(125),
        };
        let expected = "\
stalled for  breaker opened  waited  first acknowledged      caught up
1234 ms                   2   1,024       0.100 periods  0.250 periods
";
        assert_eq!(recovery(&[stall], Duration::from_millis(500)), expected);
    }

    #[test]
    fn what_is_kept_stands_beside_what_may_be() {
        let shown = kept(&Kept {
            events: 64_000,
            turned_away: 10_240,
            mailbox_capacity: 1_024,
            seen: KeptMost { deliveries: 1_088, dead_letters: 7, ids: 9 },
            allowed: KeptMost { deliveries: 1_088, dead_letters: 1_024, ids: 16_384 },
            resident_when_full: Reading::Value(20_000_000),
            resident_peak: Reading::absent("no /proc"),
            events_pinned_at_most: 8_192,
            event_bytes: 4_000,
        });
        let expected = "\
kept                                        at most, seen  at most, allowed
deliveries waiting for the stalled service          1,088             1,088
dead letters                                            7             1,024
ids that count as seen                                  9            16,384
64,000 events published, 10,240 deliveries turned away once the mailbox was full (10.0× its room).
Resident beyond the beginning: 20.0 MB when it was full, not measured (no /proc) at most until the end.
A full mailbox keeps 8,192 events alive at most, 32.8 MB as they arrive.
";
        assert_eq!(shown, expected);
    }
}
