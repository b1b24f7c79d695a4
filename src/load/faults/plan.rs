use std::fmt;
use std::time::Duration;

use crucible_events::event::Name;
use serde::{Deserialize, Serialize};

/// What goes wrong in a run, how often, where and when.
///
/// Plain data: it can be written down and read again, and [`FaultPlan::check`] tells whether it makes
/// sense.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// Of all draws.
    pub seed: u64,
    /// A delivery suffers one fault at most: the first in this order that strikes it.
    #[serde(default)]
    pub faults: Vec<Fault>,
}

impl FaultPlan {
    /// This part of all deliveries fails, all the time.
    pub fn errors(rate: f64, seed: u64) -> Self {
        Self { seed, faults: vec![Fault::new(FaultKind::Error, rate)] }
    }
}

/// One kind of fault, how often it strikes, whom and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What happens.
    pub kind: FaultKind,
    /// How often: the part of deliveries that it strikes, from 0 to 1. Each is drawn for on its own, a
    /// delivery that is tried again once more.
    pub rate: f64,
    /// To whom; if absent, to every service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<Name>>,
    /// Milliseconds after the beginning of the run from which on it strikes.
    #[serde(default)]
    pub from_ms: u64,
    /// Milliseconds after the beginning of the run from which on it strikes no more; if absent, it
    /// strikes to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
}

/// What happens to a delivery that a fault strikes, or to its service.
///
/// Handlers get batches. First all delays of a batch pass, then it hangs or panics if that struck one of
/// its events (whichever is first in order), and only then the handler within gets those that do not
/// fail. A batch that is lost was therefore seen by nobody. Tokio's timer rounds delays up to the next
/// millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum FaultKind {
    /// The delivery fails; the handler within does not get it.
    Error,
    /// The service stands still once for this long, however many events of its batch are struck; then
    /// it does its work.
    Stall {
        /// How long.
        for_ms: u64,
    },
    /// The handler never comes back. Only cancelling it, by a time-out or at shutdown, ends that.
    Hang,
    /// The delivery takes this much longer; in a batch it adds up.
    Slow {
        /// How much longer.
        by_ms: u64,
    },
    /// The handler panics. (Nothing is printed: the panic hook is not told.)
    Panic,
    /// The service leaves the system and comes back under the same name after this time. The delivery
    /// itself is handled. See [`Absences`](crate::Absences).
    Vanish {
        /// How long it is away.
        for_ms: u64,
    },
}

impl Fault {
    /// Strikes this part of the deliveries to all services, from the beginning to the end.
    pub const fn new(kind: FaultKind, rate: f64) -> Self {
        Self { kind, rate, services: None, from_ms: 0, until_ms: None }
    }

    /// Strikes these services only.
    #[must_use]
    pub fn of<N: Into<Name>>(self, services: impl IntoIterator<Item = N>) -> Self {
        Self { services: Some(services.into_iter().map(Into::into).collect()), ..self }
    }

    /// Strikes from one moment of the run until another, both in whole milliseconds.
    #[must_use]
    pub fn between(self, from: Duration, until: Duration) -> Self {
        Self { from_ms: whole_ms(from), until_ms: Some(whole_ms(until)), ..self }
    }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Display for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.faults.is_empty() {
            return f.write_str("no faults");
        }
        write!(f, "seed {}", self.seed)?;
        for (fault, separator) in self.faults.iter().zip(std::iter::once(": ").chain(std::iter::repeat("; ")))
        {
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As many digits as tell: 0.07 × 100 is 7.000000000000001.
        let percent = (self.rate * 1e8).round() / 1e6;
        write!(f, "{}, {percent} % of deliveries", self.kind)?;
        if let Some(services) = &self.services {
            let names: Vec<String> = services.iter().map(|name| format!("`{name}`")).collect();
            write!(f, " to {}", names.join(", "))?;
        }
        if self.from_ms > 0 {
            write!(f, ", from {:?}", Duration::from_millis(self.from_ms))?;
        }
        match self.until_ms {
            Some(until_ms) => write!(
                f,
                "{} to {:?}",
                if self.from_ms > 0 { "" } else { "," },
                Duration::from_millis(until_ms)
            ),
            None => Ok(()),
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = Duration::from_millis;
        match *self {
            Self::Error => f.write_str("error"),
            Self::Stall { for_ms } => write!(f, "stall for {:?}", ms(for_ms)),
            Self::Hang => f.write_str("hang"),
            Self::Slow { by_ms } => write!(f, "{:?} slower", ms(by_ms)),
            Self::Panic => f.write_str("panic"),
            Self::Vanish { for_ms } => write!(f, "vanish for {:?}", ms(for_ms)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn every_kind() -> FaultPlan {
        let kinds = [
            FaultKind::Error,
            FaultKind::Stall { for_ms: 200 },
            FaultKind::Hang,
            FaultKind::Slow { by_ms: 5 },
            FaultKind::Panic,
            FaultKind::Vanish { for_ms: 1_500 },
        ];
        let mut faults: Vec<Fault> = kinds.into_iter().map(|kind| Fault::new(kind, 0.07)).collect();
        faults[1] = faults[1].clone().of(["a", "b"]);
        faults[2] = faults[2].clone().between(MS(1_000), MS(2_500));
        faults[3] = faults[3].clone().of(["c"]).between(MS(0), MS(10));
        faults[4].from_ms = 30;
        FaultPlan { seed: 42, faults }
    }

    #[test]
    fn a_plan_reads_as_a_sentence() {
        let expected = "seed 42: error, 7 % of deliveries; stall for 200ms, 7 % of deliveries to `a`, `b`; \
                        hang, 7 % of deliveries, from 1s to 2.5s; \
                        5ms slower, 7 % of deliveries to `c`, to 10ms; \
                        panic, 7 % of deliveries, from 30ms; vanish for 1.5s, 7 % of deliveries";
        assert_eq!(every_kind().to_string(), expected);
        assert_eq!(FaultPlan::default().to_string(), "no faults");
        assert_eq!(FaultPlan::errors(0.000_01, 1).to_string(), "seed 1: error, 0.001 % of deliveries");
    }

    #[test]
    fn a_plan_survives_json() {
        let json = serde_json::to_string(&every_kind()).expect("plain data");
        assert_eq!(serde_json::from_str::<FaultPlan>(&json).expect("a plan"), every_kind());
    }

    #[test]
    fn what_goes_without_saying_can_be_left_out_and_nothing_unknown_gets_in() {
        let read = |json: &str| serde_json::from_str::<FaultPlan>(json);
        let short = r#"{"seed":7,"faults":[{"kind":{"stall":{"for_ms":9}},"rate":0.5}]}"#;
        let plan = read(short).expect("a plan");
        let stall = Fault::new(FaultKind::Stall { for_ms: 9 }, 0.5);
        assert_eq!(plan, FaultPlan { seed: 7, faults: vec![stall] });
        for (known, unknown) in
            [("seed", "seeds"), ("rate", "rates"), ("stall", "stalls"), ("for_ms", "for_s")]
        {
            assert!(read(&short.replace(known, unknown)).is_err(), "{unknown}");
        }
    }
}
