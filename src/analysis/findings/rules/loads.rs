//! What `load_testing` allows to say.

use super::latency::valid;
use super::{Sentences, nothing, of_pairs, side_by_side, those_there};
use crate::analysis::findings::Topic;
use crate::analysis::findings::context::{Context, Pair};
use crate::analysis::findings::node::{Found, Missing, Node};
use crate::analysis::findings::sentence::{Figure, Quantity, Sentence, say};
use crate::analysis::findings::verdict::RELEVANT;
use crate::stats::wilson_interval;

const TARGET: &str = "load_testing";

/// Two-sided 99 %: two shares are called different only if their intervals do not meet.
const Z: f64 = 2.576;

/// Where deliveries went that were not acknowledged.
const LOST: [&str; 4] = ["failed", "dead_lettered", "expired", "abandoned"];

fn figure<'a>(context: &Context<'a>, name: &'static str) -> Found<Node<'a>> {
    context.target(TARGET)?.named("figures", name).ok_or_else(|| nothing(name))
}

/// Deliveries given up or turned away, of all that were owed. Injected failures are drawn one by one, so that the count has
/// the interval of a share.
pub(in crate::analysis::findings) fn lost(figure: &Node<'_>, system: &str) -> Found<Figure> {
    let found = figure.of_system("systems", system)?;
    valid(&found)?;
    let count = |path: &str| found.figure(path, Quantity::Count);
    let mut parts = vec![count("run.ledger.acknowledged")?, count("run.turned_away")?];
    for fate in LOST {
        parts.push(count(&format!("run.ledger.{fate}"))?);
    }
    let numbers: Vec<f64> = parts.iter().filter_map(Figure::number).collect();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // counts of deliveries
    let (all, lost) = (numbers.iter().sum::<f64>() as u64, numbers[1..].iter().sum::<f64>() as u64);
    let (low, high) =
        wilson_interval(lost, all, Z).ok_or_else(|| Missing::new("failures", "nothing was delivered"))?;
    let [percent, low, high] = [lost as f64 / all as f64, low, high].map(|share| 100.0 * share);
    Ok(Figure::computed(&parts, Quantity::Share { percent, low, high }))
}

/// The same while services failed.
pub(in crate::analysis::findings) fn lost_in_failures(context: &Context<'_>, system: &str) -> Found<Figure> {
    lost(&figure(context, "failures")?, system)
}

/// Whether the first lost less than the second, or more; not if the intervals meet.
pub(in crate::analysis::findings) fn fewer(a: &Figure, b: &Figure) -> Option<bool> {
    match (&a.quantity, &b.quantity) {
        (
            Quantity::Share { high: a_high, low: a_low, .. },
            Quantity::Share { high: b_high, low: b_low, .. },
        ) => {
            if a_high < b_low {
                Some(true)
            } else {
                (b_high < a_low).then_some(false)
            }
        }
        _ => None,
    }
}

pub(super) fn failures(context: &Context<'_>) -> Sentences {
    of_pairs(context, |pair| {
        let (of_candidate, of_baseline) =
            (lost_in_failures(context, &pair.candidate)?, lost_in_failures(context, &pair.baseline)?);
        let sides = |better: &str, less: &Figure, worse: &str, more: &Figure| {
            let told = say![
                better.to_owned(),
                " loses fewer deliveries than ",
                worse.to_owned(),
                " when services fail: ",
                less,
                " against ",
                more,
                " of all that are owed.",
            ];
            vec![
                (Topic::Strength(better.to_owned()), told.clone()),
                (Topic::Weakness(worse.to_owned()), told),
            ]
        };
        let Pair { baseline, candidate } = pair;
        Ok(match fewer(&of_candidate, &of_baseline) {
            Some(true) => sides(candidate, &of_candidate, baseline, &of_baseline),
            Some(false) => sides(baseline, &of_baseline, candidate, &of_candidate),
            None => vec![(
                Topic::Observation,
                say![
                    "When services fail, no difference is shown in the deliveries lost: ",
                    baseline,
                    " ",
                    of_baseline,
                    ", ",
                    candidate,
                    " ",
                    of_candidate,
                    ".",
                ],
            )],
        })
    })
}

pub(super) fn recovery(context: &Context<'_>) -> Sentences {
    let figure = figure(context, "failures")?;
    let parts = side_by_side(context, |system| {
        let found = figure.of_system("systems", system)?;
        valid(&found)?;
        let phase = |name: &str| found.figure(&format!("run.failures.response.{name}.p99"), Quantity::Time);
        let told = say![
            system.to_owned(),
            " P99 ",
            phase("before")?,
            " before and ",
            phase("during")?,
            " during them, "
        ];
        Ok(told.with(back(&found)?))
    })?;
    let told = say!["Failures of services: "].with(parts);
    Ok(vec![(Topic::Observation, told.then(". One run each: no verdict."))])
}

/// From the end of the failures until latencies are as before, or why that was not seen.
fn back(system: &Node<'_>) -> Found<Sentence> {
    const PATH: &str = "run.failures.recovery.latency_ns";
    let node = system.at(PATH)?;
    match (system.figure(PATH, Quantity::Time), node.word("not_measured")) {
        // Windows are 100 ms long.
        (Ok(back), _) if back.number() == Some(0.0) => {
            let at_once = node.cited(Quantity::Word("within 100 ms".to_owned()));
            Ok(say!["as before ", at_once, " after their end"])
        }
        (Ok(back), _) => Ok(say!["as before ", back, " after their end"]),
        (Err(_), Some(why)) => Ok(say!["as before again: ", node.cited(Quantity::Word(why.to_owned()))]),
        (Err(why), None) => Err(why),
    }
}

/// Of the loads that both were offered, one run each: in how many the P99 of the first was lower than that of the second by as
/// much as matters, and in how many it was higher.
pub(in crate::analysis::findings) fn p99s(
    context: &Context<'_>,
    system: &str,
    over: &str,
) -> Found<(Figure, Figure)> {
    let p99 = |figure: &Node<'_>, system: &str| {
        let found = figure.of_system("systems", system)?;
        valid(&found)?;
        found.figure("run.response.p99", Quantity::Time)
    };
    let both = |figure: &Node<'_>| Ok((p99(figure, system)?, p99(figure, over)?));
    let all: Vec<(Figure, Figure)> = those_there(context.list(TARGET, "figures")?.iter().map(both))?;
    if all.is_empty() {
        return Err(nothing("load tests"));
    }
    let count = |is: fn(f64) -> bool| {
        let ratios = all.iter().filter_map(|(a, b)| Some(a.number()? / b.number()?.max(1.0)));
        ratios.filter(|&ratio| is(ratio)).count()
    };
    let tally = |some| Figure::computed(all.iter().flat_map(|(a, b)| [a, b]), Quantity::Of(some, all.len()));
    let lower = count(|ratio| ratio < 1.0 / (1.0 + RELEVANT));
    Ok((tally(lower), tally(count(|ratio| ratio > 1.0 + RELEVANT))))
}

pub(super) fn burst(context: &Context<'_>) -> Sentences {
    let figure = figure(context, "pattern/burst")?;
    let parts = side_by_side(context, |system| {
        let found = figure.of_system("systems", system)?;
        valid(&found)?;
        let p99 = found.figure("run.response.p99", Quantity::Time)?;
        let backlog = found.figure("run.backlog.most", Quantity::Count)?;
        let floor = found.figure("run.pacing.lag.p99", Quantity::Time)?;
        Ok(say![
            system.to_owned(),
            " P99 ",
            p99,
            " (up to ",
            floor,
            " may be the load generator's), at most ",
            backlog,
            " deliveries behind when looked at, ten times a second"
        ])
    })?;
    let told = say!["In bursts: "].with(parts);
    Ok(vec![(Topic::Observation, told.then(". One run each: no verdict."))])
}
