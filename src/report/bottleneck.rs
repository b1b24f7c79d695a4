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
        Reading::Absent { not_measured } => format!("not measured: {not_measured}"),
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
        Figure::CoresUsed
        | Figure::CoresBeside
        | Figure::OthersOnCores
        | Figure::WaitingForCore
        | Figure::ThreadsAtWork => three_digits(value),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(bottleneck: Bottleneck, looked_like: Option<Bottleneck>, why: Option<&str>) -> Verdict {
        let evidence = vec![
            Evidence { figure: Figure::CoresUsed, value: 1.967, bound: Bound::AtLeast(1.6) },
            Evidence { figure: Figure::File, value: 0.431, bound: Bound::AtLeast(0.12) },
            Evidence {
                figure: Figure::FaultsPerCpuSecond,
                value: 740_709.4,
                bound: Bound::AtLeast(20_000.0),
            },
            Evidence { figure: Figure::WithSlowerCores, value: 0.684, bound: Bound::AtMost(0.83) },
        ];
        Verdict { bottleneck, looked_like, why: why.map(str::to_owned), evidence }
    }

    #[test]
    fn each_figure_stands_beside_what_it_was_held_against() {
        insta::assert_snapshot!(evidence(&verdict(Bottleneck::Cpu, None, None)), @"cores used 1.97 (≥ 1.60); blocked on files 43 % (≥ 12 %); page faults per CPU second 740,709 (≥ 20,000); throughput with slower cores × 0.68 (≤ × 0.83)");
    }

    #[test]
    fn what_is_unclear_says_what_it_looked_like_and_why() {
        let mut unclear = verdict(Bottleneck::Unclear, Some(Bottleneck::Io), Some("not confirmed"));
        unclear.evidence.truncate(1);
        assert_eq!(name(&unclear), "unclear, looked like I/O");
        assert_eq!(evidence(&unclear), "not confirmed: cores used 1.97 (≥ 1.60)");
        unclear.evidence.clear();
        assert_eq!(evidence(&unclear), "not confirmed");
    }

    #[test]
    fn what_was_not_measured_says_why() {
        assert_eq!(sentence(&Reading::absent("no /proc here")), "not measured: no /proc here");
    }
}
