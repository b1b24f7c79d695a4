use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What has to hold after a load test: `p99<5ms`, `error_rate<0.1%`, `throughput>=4000`. After k6's thresholds.
///
/// As text a metric, `<`, `<=`, `>` or `>=`, and a number with the unit of the metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Threshold {
    /// What is looked at.
    pub metric: Metric,
    /// Which side is fine.
    pub than: Than,
    /// In the unit of the metric: ns, per cent, per second, bytes or a number.
    pub value: f64,
}

/// A figure of a load test that thresholds can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// From the intended moment to the end of the handler's work.
    Response(Statistic),
    /// From the beginning of the handler's work to its end.
    Service(Statistic),
    /// Deliveries given up, in per cent of all.
    ErrorRate,
    /// Deliveries acknowledged per second, from the beginning until all was quiet.
    Throughput,
    /// Events offered per second, from the first to the last.
    Rate,
    /// Deliveries owed and not yet settled, at most.
    Backlog,
    /// From the end of the failures until latency is as before them, ns.
    Recovery,
    /// Resident memory at most, beyond what there was before, bytes.
    Memory,
    /// CPU time in per cent of one core.
    Cpu,
}

/// Of the latencies of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Statistic {
    Mean,
    P50,
    P95,
    P99,
    P999,
    Max,
}

/// How a figure is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Than {
    Less,
    AtMost,
    More,
    AtLeast,
}

/// Text that is no threshold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)] // the messages say it
pub enum InvalidThreshold {
    #[error("threshold \"{0}\": no <, <=, > or >= in it; try \"p99<5ms\"")]
    NoComparison(String),
    #[error("threshold \"{text}\": unknown metric \"{metric}\"; try {}", Metric::names())]
    Metric { text: String, metric: String },
    #[error("threshold \"{text}\": \"{value}\" is no value of {metric}; try {example}")]
    Value { text: String, value: String, metric: String, example: &'static str },
}

/// What numbers mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Time,
    Percent,
    PerSecond,
    Count,
    Bytes,
}

impl Statistic {
    const ALL: [(&'static str, Self); 6] = [
        ("mean", Self::Mean),
        ("p50", Self::P50),
        ("p95", Self::P95),
        ("p99", Self::P99),
        ("p999", Self::P999),
        ("max", Self::Max),
    ];

    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, statistic)| *statistic == self).map_or("", |(name, _)| name)
    }
}

impl Metric {
    const OTHERS: [(&'static str, Self); 7] = [
        ("error_rate", Self::ErrorRate),
        ("throughput", Self::Throughput),
        ("rate", Self::Rate),
        ("backlog", Self::Backlog),
        ("recovery", Self::Recovery),
        ("memory", Self::Memory),
        ("cpu", Self::Cpu),
    ];

    fn names() -> String {
        let statistics: Vec<&str> = Statistic::ALL.into_iter().map(|(name, _)| name).collect();
        let others: Vec<&str> = Self::OTHERS.into_iter().map(|(name, _)| name).collect();
        format!("{}, service_p50 and so on, {}", statistics.join(", "), others.join(", "))
    }

    fn unit(self) -> Unit {
        match self {
            Self::Response(_) | Self::Service(_) | Self::Recovery => Unit::Time,
            Self::ErrorRate | Self::Cpu => Unit::Percent,
            Self::Throughput | Self::Rate => Unit::PerSecond,
            Self::Backlog => Unit::Count,
            Self::Memory => Unit::Bytes,
        }
    }

    fn parse(name: &str) -> Option<Self> {
        let statistic = |name: &str| Statistic::ALL.into_iter().find(|(known, _)| *known == name);
        if let Some((_, found)) = name.strip_prefix("service_").and_then(statistic) {
            return Some(Self::Service(found));
        }
        let other = Self::OTHERS.into_iter().find(|(known, _)| *known == name);
        statistic(name).map(|(_, found)| Self::Response(found)).or(other.map(|(_, found)| found))
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response(statistic) => f.write_str(statistic.name()),
            Self::Service(statistic) => write!(f, "service_{}", statistic.name()),
            other => {
                let known = Self::OTHERS.into_iter().find(|(_, metric)| metric == other);
                f.write_str(known.map_or("", |(name, _)| name))
            }
        }
    }
}

impl Unit {
    /// Names of the unit's multiples, the largest first; the last is what a bare number means, if it may be bare.
    fn multiples(self) -> &'static [(&'static str, f64)] {
        match self {
            Self::Time => &[("s", 1e9), ("ms", 1e6), ("us", 1e3), ("µs", 1e3), ("ns", 1.0)],
            Self::Percent => &[("%", 1.0)],
            Self::PerSecond => &[("/s", 1.0), ("", 1.0)],
            Self::Count => &[("", 1.0)],
            Self::Bytes => &[
                ("GiB", (1_u64 << 30) as f64),
                ("MiB", (1_u64 << 20) as f64),
                ("KiB", 1024.0),
                ("GB", 1e9),
                ("MB", 1e6),
                ("KB", 1e3),
                ("B", 1.0),
            ],
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::Time => "5ms, 250us or 1.5s",
            Self::Percent => "0.1%",
            Self::PerSecond => "4000 or 4000/s",
            Self::Count => "1000",
            Self::Bytes => "64MiB",
        }
    }

    fn parse(self, text: &str) -> Option<f64> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = (text[..end].parse::<f64>().ok()?, text[end..].trim());
        let factor = self.multiples().iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
        // Zero is the same in every unit.
        factor.or((number == 0.0 && unit.is_empty()).then_some(1.0)).map(|factor| number * factor)
    }

    fn show(self, value: f64) -> String {
        let multiples = self.multiples();
        let fitting = multiples.iter().find(|(_, factor)| value >= *factor && value % factor == 0.0);
        let (unit, factor) = fitting.or(multiples.last()).copied().unwrap_or(("", 1.0));
        format!("{}{unit}", value / factor)
    }
}

impl Than {
    /// The longer ones first: `<` begins `<=`.
    const ALL: [(&'static str, Self); 4] =
        [("<=", Self::AtMost), (">=", Self::AtLeast), ("<", Self::Less), (">", Self::More)];
}

impl Threshold {
    /// Whether a figure, in the unit of the metric, is on the right side.
    pub fn holds(&self, figure: f64) -> bool {
        match self.than {
            Than::Less => figure < self.value,
            Than::AtMost => figure <= self.value,
            Than::More => figure > self.value,
            Than::AtLeast => figure >= self.value,
        }
    }

    /// A figure as text, in the unit of the metric.
    pub fn show(&self, figure: f64) -> String {
        let digits = |value: f64| if value < 10.0 { 2 } else { usize::from(value < 100.0) };
        let largest =
            self.metric.unit().multiples().iter().find(|(_, factor)| figure >= *factor && *factor > 1.0);
        let (unit, factor) = largest.or(self.metric.unit().multiples().last()).copied().unwrap_or(("", 1.0));
        format!("{:.*}{unit}", digits(figure / factor), figure / factor)
    }
}

impl FromStr for Threshold {
    type Err = InvalidThreshold;
    fn from_str(text: &str) -> Result<Self, InvalidThreshold> {
        let parts = Than::ALL.into_iter().find_map(|(sign, than)| Some((text.split_once(sign)?, than)));
        let Some(((metric, value), than)) = parts else {
            return Err(InvalidThreshold::NoComparison(text.to_owned()));
        };
        let (name, value) = (metric.trim(), value.trim());
        let Some(metric) = Metric::parse(name) else {
            return Err(InvalidThreshold::Metric { text: text.to_owned(), metric: name.to_owned() });
        };
        let unit = metric.unit();
        let parsed = unit.parse(value).ok_or_else(|| InvalidThreshold::Value {
            text: text.to_owned(),
            value: value.to_owned(),
            metric: name.to_owned(),
            example: unit.example(),
        })?;
        Ok(Self { metric, than, value: parsed })
    }
}

impl TryFrom<String> for Threshold {
    type Error = InvalidThreshold;
    fn try_from(text: String) -> Result<Self, InvalidThreshold> {
        text.parse()
    }
}

impl From<Threshold> for String {
    fn from(threshold: Threshold) -> Self {
        threshold.to_string()
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = Than::ALL.into_iter().find(|(_, than)| *than == self.than).map_or("", |(sign, _)| sign);
        write!(f, "{}{sign}{}", self.metric, self.metric.unit().show(self.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Threshold {
        text.parse().expect(text)
    }

    #[test]
    fn a_threshold_is_metric_comparison_and_value() {
        for (text, metric, than, value, shown) in [
            ("p99<5ms", Metric::Response(Statistic::P99), Than::Less, 5e6, "p99<5ms"),
            ("p999 <= 1.5 s", Metric::Response(Statistic::P999), Than::AtMost, 1.5e9, "p999<=1500ms"),
            ("service_p50<250us", Metric::Service(Statistic::P50), Than::Less, 250e3, "service_p50<250us"),
            ("max<0", Metric::Response(Statistic::Max), Than::Less, 0.0, "max<0ns"),
            ("mean<20µs", Metric::Response(Statistic::Mean), Than::Less, 20e3, "mean<20us"),
            ("error_rate<0.1%", Metric::ErrorRate, Than::Less, 0.1, "error_rate<0.1%"),
            ("throughput>=4000/s", Metric::Throughput, Than::AtLeast, 4e3, "throughput>=4000/s"),
            ("rate>999.5", Metric::Rate, Than::More, 999.5, "rate>999.5"),
            ("backlog<1000", Metric::Backlog, Than::Less, 1e3, "backlog<1000"),
            ("recovery<2s", Metric::Recovery, Than::Less, 2e9, "recovery<2s"),
            ("memory<=64MiB", Metric::Memory, Than::AtMost, 67_108_864.0, "memory<=64MiB"),
            ("cpu<80%", Metric::Cpu, Than::Less, 80.0, "cpu<80%"),
        ] {
            assert_eq!(read(text), Threshold { metric, than, value }, "{text}");
            assert_eq!(read(text).to_string(), shown);
            assert_eq!(read(shown), read(text));
        }
    }

    #[test]
    fn what_is_no_threshold_says_what_would_be_one() {
        let refusal = |text: &str| text.parse::<Threshold>().expect_err(text).to_string();
        assert_eq!(refusal("p99"), "threshold \"p99\": no <, <=, > or >= in it; try \"p99<5ms\"");
        let unknown = refusal("p98<5ms");
        assert!(
            unknown.starts_with("threshold \"p98<5ms\": unknown metric \"p98\"; try mean, p50, p95, p99"),
            "{unknown}"
        );
        assert_eq!(refusal("p99<5"), "threshold \"p99<5\": \"5\" is no value of p99; try 5ms, 250us or 1.5s");
        assert_eq!(
            refusal("error_rate<0.001"),
            "threshold \"error_rate<0.001\": \"0.001\" is no value of error_rate; try 0.1%"
        );
        for text in [
            "p99<",
            "p99<ms",
            "p99<1.2.3ms",
            "p99<-5ms",
            "backlog<5ms",
            "p99=<5ms",
            "<5ms",
            "p99<5ms<6ms",
            "memory<5",
        ] {
            refusal(text);
        }
    }

    #[test]
    fn the_boundary_belongs_to_at_most_and_at_least() {
        let holds = |text: &str| [4.0, 5.0, 6.0].map(|figure| read(text).holds(figure));
        assert_eq!(holds("backlog<5"), [true, false, false]);
        assert_eq!(holds("backlog<=5"), [true, true, false]);
        assert_eq!(holds("backlog>5"), [false, false, true]);
        assert_eq!(holds("backlog>=5"), [false, true, true]);
        assert!(!read("p99<5ms").holds(f64::NAN));
    }

    #[test]
    fn figures_are_shown_in_the_unit_of_their_metric() {
        let shown = [
            ("p99<5ms", 7.214e6),
            ("p99<5ms", 870.0),
            ("error_rate<1%", 4.987),
            ("backlog<9", 1_234.0),
            ("memory<1GB", 5e7),
        ];
        assert_eq!(
            shown.map(|(text, figure)| read(text).show(figure)),
            ["7.21ms", "870ns", "4.99%", "1234", "47.7MiB"]
        );
    }
}
