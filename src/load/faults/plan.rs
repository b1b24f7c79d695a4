use std::fmt;
use std::time::Duration;

use crucible_events::event::Name;
use serde::{Deserialize, Serialize};

/// What goes wrong in a run, how often, where and when.
///
/// Plain data: it can be written down (durations as texts such as `"250ms"`) and read again, and
/// [`FaultPlan::check`] tells whether it makes sense.
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
    /// The time after the beginning of the run from which on it strikes.
    #[serde(default, with = "humantime_serde")]
    pub from: Duration,
    /// The time after the beginning of the run from which on it strikes no more; if absent, it strikes to
    /// the end.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    pub until: Option<Duration>,
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
        #[serde(with = "humantime_serde")]
        lasting: Duration,
    },
    /// The handler never comes back. Only cancelling it, by a time-out or at shutdown, ends that.
    Hang,
    /// The delivery takes this much longer; in a batch it adds up.
    Slow {
        /// How much longer.
        #[serde(with = "humantime_serde")]
        by: Duration,
    },
    /// The handler panics. (Nothing is printed: the panic hook is not told.)
    Panic,
    /// The service leaves the system and comes back under the same name after this time. The delivery
    /// itself is handled. See [`Absences`](crate::Absences).
    Vanish {
        /// How long it is away.
        #[serde(with = "humantime_serde")]
        lasting: Duration,
    },
}

impl Fault {
    /// Strikes this part of the deliveries to all services, from the beginning to the end.
    pub const fn new(kind: FaultKind, rate: f64) -> Self {
        Self { kind, rate, services: None, from: Duration::ZERO, until: None }
    }

    /// Strikes these services only.
    #[must_use]
    pub fn of<N: Into<Name>>(self, services: impl IntoIterator<Item = N>) -> Self {
        Self { services: Some(services.into_iter().map(Into::into).collect()), ..self }
    }

    /// Strikes from one moment of the run until another.
    #[must_use]
    pub fn between(self, from: Duration, until: Duration) -> Self {
        Self { from, until: Some(until), ..self }
    }
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
        match (self.from.is_zero(), self.until) {
            (true, None) => Ok(()),
            (true, Some(until)) => write!(f, ", to {until:?}"),
            (false, None) => write!(f, ", from {:?}", self.from),
            (false, Some(until)) => write!(f, ", from {:?} to {until:?}", self.from),
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Error => f.write_str("error"),
            Self::Stall { lasting } => write!(f, "stall for {lasting:?}"),
            Self::Hang => f.write_str("hang"),
            Self::Slow { by } => write!(f, "{by:?} slower"),
            Self::Panic => f.write_str("panic"),
            Self::Vanish { lasting } => write!(f, "vanish for {lasting:?}"),
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
            FaultKind::Stall { lasting: MS(200) },
            FaultKind::Hang,
            FaultKind::Slow { by: MS(5) },
            FaultKind::Panic,
            FaultKind::Vanish { lasting: MS(1_500) },
        ];
        let mut faults: Vec<Fault> = kinds.into_iter().map(|kind| Fault::new(kind, 0.07)).collect();
        faults[1] = faults[1].clone().of(["a", "b"]);
        faults[2] = faults[2].clone().between(MS(1_000), MS(2_500));
        faults[3] = faults[3].clone().of(["c"]).between(MS(0), MS(10));
        faults[4].from = MS(30);
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
        let short = r#"{"seed":7,"faults":[{"kind":{"stall":{"lasting":"9ms"}},"rate":0.5}]}"#;
        let plan = read(short).expect("a plan");
        let stall = Fault::new(FaultKind::Stall { lasting: MS(9) }, 0.5);
        assert_eq!(plan, FaultPlan { seed: 7, faults: vec![stall] });
        for (known, unknown) in
            [("seed", "seeds"), ("rate", "rates"), ("stall", "stalls"), ("lasting", "lasts")]
        {
            assert!(read(&short.replace(known, unknown)).is_err(), "{unknown}");
        }
    }
}
