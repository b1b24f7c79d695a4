//! What an interval allows to say.

use serde::Serialize;

use super::node::{Found, Missing, Node};
use super::sentence::{Figure, Quantity};

/// The smallest effect that matters: 1 %.
pub const RELEVANT: f64 = 0.01;

/// Of one system over another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// More than 1, interval and all, and by as much as matters.
    More,
    /// Less.
    Less,
    /// The interval lies within what does not matter.
    Same,
    /// The interval allows several of these.
    NotShown,
}

impl Verdict {
    /// Of a ratio with its interval.
    pub fn of(ratio: f64, (low, high): (f64, f64)) -> Self {
        let matters = 1.0 + RELEVANT;
        match ratio {
            ratio if low > 1.0 && ratio >= matters => Self::More,
            ratio if high < 1.0 && ratio <= 1.0 / matters => Self::Less,
            _ if low >= 1.0 / matters && high <= matters => Self::Same,
            _ => Self::NotShown,
        }
    }
}

/// A ratio of two systems with what it allows to say.
#[derive(Debug, Clone)]
pub(super) struct Compared {
    /// What was compared: the name of its figure.
    pub(super) name: String,
    pub(super) figure: Figure,
    pub(super) ratio: f64,
    pub(super) interval: (f64, f64),
    pub(super) verdict: Verdict,
}

impl Compared {
    /// The ratio of `system` over `over` in a figure with a list `ratios`, each with an estimate under this key.
    pub(super) fn of(figure: &Node<'_>, system: &str, over: &str, estimate: &str) -> Found<Self> {
        let ratios = figure.list("ratios");
        let found = ratios.iter().find(|ratio| ratio.is("system", system) && ratio.is("over", over));
        let ratio = found.ok_or_else(|| Missing::new(figure.what(), "no ratio in the results"))?;
        let estimate = ratio.at(estimate)?;
        let value = estimate.number("ratio")?;
        let ends =
            estimate.number("interval.low").and_then(|low| Ok((low, estimate.number("interval.high")?)));
        let interval = ends.map_err(|_| Missing::new(figure.what(), "too few rounds for an interval"))?;
        let quantity = Quantity::Ratio { value, interval: Some(interval) };
        let figure = estimate.cited(quantity);
        Ok(Self {
            name: readable(&ratio.what()),
            figure,
            ratio: value,
            interval,
            verdict: Verdict::of(value, interval),
        })
    }

    /// The other way round.
    pub(super) fn inverted(&self) -> Self {
        let (ratio, interval) = (1.0 / self.ratio, (1.0 / self.interval.1, 1.0 / self.interval.0));
        let (name, figure) = (self.name.clone(), self.figure.clone().inverted());
        let verdict = match self.verdict {
            Verdict::More => Verdict::Less,
            Verdict::Less => Verdict::More,
            neither => neither,
        };
        Self { name, figure, ratio, interval, verdict }
    }

    /// That the one above the line is worse by as much as matters can be ruled out.
    pub(super) fn is_no_worse(&self) -> bool {
        self.interval.0 >= 1.0 / (1.0 + RELEVANT)
    }
}

/// A figure's name as people say it: `handler_time/spin_10us/1_thread` is `10 µs of CPU, 1 thread`.
pub(super) fn readable(name: &str) -> String {
    let part = |part: &str| match part.split_once('_') {
        _ if part == "none" => "idle handlers".to_owned(),
        Some(("spin", time)) => format!("{} of CPU", time.replace("us", " µs").replace("ms", " ms")),
        Some(("await", time)) => format!("{} awaited", time.replace("us", " µs").replace("ms", " ms")),
        _ => part.replace('_', " "),
    };
    let parts: Vec<&str> = name.split('/').collect();
    let kinds = ["throughput", "handler_time", "latency", "limit", "dimension", "scenario"];
    let told = if parts.len() > 1 && kinds.contains(&parts[0]) { &parts[1..] } else { &parts[..] };
    told.iter().map(|text| part(text)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_follow_intervals_and_what_matters() {
        for (ratio, interval, verdict) in [
            (1.5, (1.2, 1.9), Verdict::More),
            (1.5, (0.9, 1.9), Verdict::NotShown),
            (1.005, (1.001, 1.009), Verdict::Same),
            (1.005, (1.001, 1.02), Verdict::NotShown),
            (0.6, (0.5, 0.8), Verdict::Less),
            (0.995, (0.991, 0.999), Verdict::Same),
            (1.0, (1.0, 1.0), Verdict::Same),
            (1.0, (0.5, 2.0), Verdict::NotShown),
        ] {
            assert_eq!(Verdict::of(ratio, interval), verdict, "{ratio} {interval:?}");
        }
    }

    #[test]
    fn names_are_said_as_people_say_them() {
        let names = [
            "handler_time/spin_10us/1_thread",
            "throughput/light/2_threads/batch",
            "handler_time/none/1_thread",
            "dimension/rules",
            "handler_time/await_1ms/1_thread",
        ];
        let said = [
            "10 µs of CPU, 1 thread",
            "light, 2 threads, batch",
            "idle handlers, 1 thread",
            "rules",
            "1 ms awaited, 1 thread",
        ];
        assert_eq!(names.map(readable), said);
    }

    #[test]
    fn exchanged_systems_exchange_the_word() {
        for (ratio, (low, high)) in
            [(1.5, (1.2, 1.9)), (1.011, (1.005, 1.02)), (1.0, (0.99, 1.01)), (1.2, (0.9, 1.5))]
        {
            let there = Verdict::of(ratio, (low, high));
            let back = Verdict::of(1.0 / ratio, (1.0 / high, 1.0 / low));
            let expected = match there {
                Verdict::More => Verdict::Less,
                Verdict::Less => Verdict::More,
                same => same,
            };
            assert_eq!(back, expected, "{ratio}");
        }
    }
}
