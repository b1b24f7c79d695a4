use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Offer;
use super::walk::whole;
use crate::experiment::{EndedEarly, Halted, Trial, TrialRun};

/// What a rate has to stand to count as sustained: a short trial fits into mailboxes, and even a backlog that grows by 2 %
/// grows without end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LongRun {
    /// How long it is offered.
    pub lasting: Duration,
    /// Most that the P99 from the intended moment may be. The backlog may not grow by more than is served in this time,
    /// either, from the beginning of the judged part to its end: over 5 s and with 10 ms that is 0.3 % of what is
    /// offered, over 30 s 0.05 %.
    pub p99: Duration,
    /// Offers at most, the first one included.
    pub attempts: usize,
    /// Part of a rate that did not stand, which is offered next: large steps come to an end, small ones near to the truth.
    pub next: f64,
}

/// More than this many times as much as the P99 allows is waiting: it will not come back.
const HOPELESS: u32 = 20;

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stood {
    /// It was sustained.
    Confirmed,
    /// The backlog grew.
    Grows,
    /// It did not grow, but the P99 was beyond the bound, or too few deliveries were made to tell.
    Slow,
    /// The pacer was late: nothing is known.
    NotOffered,
}

/// A rate and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Events/s offered.
    pub rate: u64,
    /// Whether it was sustained.
    pub stood: Stood,
    /// Growth of the backlog over the judged part, of what was due meanwhile; as far as it was offered, like all that follows.
    pub growth: f64,
    /// From the intended moment, ns; absent if too few deliveries were looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ns: Option<u64>,
    /// CPU of the process without its pacer, per cent of one core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f64>,
}

/// The highest rate that was confirmed, and what was tried on the way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Confirmed {
    /// Events/s; absent if none of the attempts stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u64>,
    /// From the highest on, each below the one before, or once again the same if that could not be offered.
    pub attempts: Vec<Attempt>,
}

/// Offers the rate for long; lower, and again, until one stands.
///
/// # Errors
/// If it gives no figure, or Ctrl-C.
pub fn confirm(
    system: &mut dyn Offer,
    rate: f64,
    long: &LongRun,
    seed: u64,
    interrupted: &dyn Fn() -> bool,
) -> Result<Confirmed, Halted> {
    let mut confirmed = Confirmed { rate: None, attempts: Vec::new() };
    let mut rate = rate;
    while confirmed.attempts.len() < long.attempts {
        if interrupted() {
            return Err(Halted::Interrupted);
        }
        let trial = Trial {
            hopeless: long.p99 * HOPELESS,
            p99: Some(long.p99),
            ..Trial::steady(whole(rate), long.lasting, seed)
        };
        let attempt = long.judge(whole(rate), &system.offer(&trial)?);
        confirmed.attempts.push(attempt);
        if attempt.stood == Stood::Confirmed {
            confirmed.rate = Some(attempt.rate);
            break;
        }
        // A machine may have been busy for once; a pacer that cannot keep a rate cannot keep it twice.
        let tries = confirmed.attempts.iter().filter(|other| other.rate == attempt.rate).count();
        if attempt.stood != Stood::NotOffered || tries > 1 {
            rate *= long.next;
        }
    }
    Ok(confirmed)
}

impl LongRun {
    fn judge(&self, rate: u64, run: &TrialRun) -> Attempt {
        let p99_ns = run.latency.and_then(|latency| latency.p99);
        let grows = run.growth() * run.judged_for().as_secs_f64() > self.p99.as_secs_f64();
        let slow = p99_ns.is_none_or(|p99| u128::from(p99) > self.p99.as_nanos());
        let stood = match run.ended_early {
            // What piles up so far does so whatever the pacer did.
            Some(EndedEarly::Hopeless) => Stood::Grows,
            Some(EndedEarly::Slow) if run.median_lateness().is_some() => Stood::NotOffered,
            None if run.pacing.valid().is_err() => Stood::NotOffered,
            _ if grows => Stood::Grows,
            Some(EndedEarly::Slow) => Stood::Slow,
            None if slow => Stood::Slow,
            None => Stood::Confirmed,
        };
        Attempt { rate, stood, growth: run.growth(), p99_ns, cpu_percent: run.cpu_percent.value().copied() }
    }
}
