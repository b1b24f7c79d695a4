//! What limits a system, in words.

use crate::measure::Reading;
use crate::report::quantity::{rate, three_digits};
use crate::results::bottleneck::{Bottleneck, BottleneckFigure, Bound, Evidence, Figure, Verdict};

/// The name of it, with what it looked like where it is unclear.
pub fn name(verdict: &Verdict) -> String {
    match verdict.looked_like.filter(|&like| like != Bottleneck::Unclear) {
        Some(like) => format!("{}, looked like {}", verdict.bottleneck.as_str(), like.as_str()),
        None => verdict.bottleneck.as_str().to_owned(),
    }
}

/// Why one thinks so: the reason where it is unclear, and each figure with the threshold that it met.
pub fn evidence(verdict: &Verdict) -> String {
    let figures: Vec<String> = verdict.evidence.iter().map(one).collect();
    let figures = figures.join("; ");
    match &verdict.why {
        Some(why) if figures.is_empty() => why.clone(),
        Some(why) => format!("{why}: {figures}"),
        None => figures,
    }
}

/// Name and evidence, or why there is none.
pub fn sentence(figure: &Reading<BottleneckFigure>) -> String {
    match figure {
        Reading::Value(figure) => format!("{} ({})", name(&figure.verdict), evidence(&figure.verdict)),
        Reading::Absent { not_measured } => not_measured.clone(),
    }
}

fn one(evidence: &Evidence) -> String {
    let show = |value: f64| shown(evidence.figure, value);
    let bound = match evidence.bound {
        Bound::AtLeast(bound) => format!("≥ {}", show(bound)),
        Bound::AtMost(bound) => format!("≤ {}", show(bound)),
    };
    format!("{} {} ({bound})", evidence.figure.as_str(), show(evidence.value))
}

fn shown(figure: Figure, value: f64) -> String {
    match figure {
        Figure::CoresUsed | Figure::WaitingForCore => three_digits(value),
        Figure::Samples | Figure::FaultsPerCpuSecond => rate(value),
        Figure::WithHalfTheCores
        | Figure::WithSlowerCores
        | Figure::WithHeldCalls
        | Figure::CostWithHalfTheCores => {
            format!("× {}", three_digits(value))
        }
        Figure::OneAtWork
        | Figure::Socket
        | Figure::File
        | Figure::Lock
        | Figure::BlockedOnMemory
        | Figure::SystemShare
        | Figure::MemoryPressure => format!("{:.0} %", 100.0 * value),
    }
}
